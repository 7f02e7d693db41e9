import { fail, ok } from '../domain/failure.ts'
import type {
  Answered,
  Attempt,
  Courier,
  DestinationAddress,
  Dispatch,
  Errand,
  Unanswered,
} from '../service/ports.ts'

/*
 * What a destination is sent, in the words of the messages' vendor: the messages, and the handshake
 * that verifies it.
 */

/** Longest answer to a synchronous message that is taken: as long as a message may be. */
const ANSWER_LIMIT_BYTES = 40 * 1024 * 1024
/** What is read of any other answer, so that its connection can be used again. */
const REMARK_LIMIT_BYTES = 64 * 1024
/** What is kept of the answer of who refuses a message. */
const EXCERPT_CHARACTERS = 200
/** How long a destination may take to accept a message, or the challenge. */
const DELIVERY_MS = 60_000

const TOKEN = 'verification-token'
const JSON_BODY = { 'Content-Type': 'application/json; charset=utf-8' }

export interface CourierDeps {
  readonly dispatch: Dispatch
  /** Who we are, as destinations read it in the handshake. */
  readonly applicationName: string
  readonly deliveryMs?: number
}

export function createCourier(deps: CourierDeps): Courier {
  const { dispatch, applicationName, deliveryMs = DELIVERY_MS } = deps

  return {
    async deliver(destination, body, signal) {
      const url = urlOf(destination)
      if (url === null) return { outcome: 'forbidden', detail: NO_URL }
      const answer = await dispatchInTime(messageTo(destination, url, body), signal)
      return answer.ok ? attemptOf(answer.value, destination) : notAnswered(answer.failure)
    },

    async ask(destination, body, signal) {
      const failed = (detail: string, more: { status?: number; answerFault?: string } = {}) =>
        fail({
          reason: 'destination_failed',
          destinationId: destination.id,
          detail,
          ...more,
        } as const)
      const url = urlOf(destination)
      if (url === null) return failed(NO_URL)
      const answer = await dispatch({
        ...messageTo(destination, url, body),
        limitBytes: ANSWER_LIMIT_BYTES,
        signal,
      })
      if (!answer.ok) return failed(answer.failure.detail)
      const { status, whole, body: answered } = answer.value
      if (!isSuccess(answer.value)) return failed(`it answered ${status}`, { status })
      if (whole) return ok(answered)
      const answerFault = `it is longer than ${ANSWER_LIMIT_BYTES} bytes, or broke off`
      return failed('its answer is too long, or broke off', { answerFault })
    },

    async verify(destination, challenge, signal) {
      const url = urlOf(destination)
      if (url === null) return { outcome: 'forbidden', detail: NO_URL, challenged: false }
      const answer = await dispatchInTime(
        handshakeWith(applicationName, destination, url, challenge),
        signal,
      )
      if (!answer.ok) return { ...notAnswered(answer.failure), challenged: false }
      const challenged =
        isSuccess(answer.value) && lenient.decode(answer.value.body).includes(challenge)
      return { ...attemptOf(answer.value, destination, challenge), challenged }
    },
  }

  /** Of many thousands a minute, none leaves a timer behind: AbortSignal.timeout would. */
  async function dispatchInTime(words: Words, signal: AbortSignal) {
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(new DOMException('', 'TimeoutError')), deliveryMs)
    const leave = () => late.abort(signal.reason)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave)
    try {
      return await dispatch({ ...words, limitBytes: REMARK_LIMIT_BYTES, signal: late.signal })
    } finally {
      clearTimeout(timer)
      signal.removeEventListener('abort', leave)
    }
  }
}

/**
 * Writes the request that asks a destination to repeat a challenge. As in every later request, a header
 * carries the token, because receivers check it before they read anything else.
 */
export function handshakeWith(
  applicationName: string,
  { method, development, verificationToken }: DestinationAddress,
  url: URL,
  challenge: string,
): Words {
  const asked = { ...(verificationToken !== null && { [TOKEN]: verificationToken }), challenge }
  const headers = { 'application-name': applicationName, ...tokenHeader(verificationToken) }
  if (method === 'POST') {
    const body = JSON.stringify(asked)
    return { method, url, headers: { ...headers, ...JSON_BODY }, body, development }
  }
  const question = new URL(url)
  for (const [name, value] of Object.entries(asked)) question.searchParams.set(name, value)
  return { method, url: question, headers, body: null, development }
}

/** What an errand says, and to whom. */
type Words = Omit<Errand, 'limitBytes' | 'signal'>

const messageTo = (
  { development, verificationToken }: DestinationAddress,
  url: URL,
  body: Uint8Array,
): Words => ({
  method: 'POST',
  url,
  headers: { ...JSON_BODY, ...tokenHeader(verificationToken) },
  body,
  development,
})

const tokenHeader = (token: string | null) => (token === null ? {} : { [TOKEN]: token })

const NO_URL = 'it has no URL'

const urlOf = ({ url }: DestinationAddress): URL | null =>
  url !== null && URL.canParse(url) ? new URL(url) : null

const isSuccess = ({ status }: Answered) => status >= 200 && status <= 299

/** A status is an answer, whatever became of the rest. */
function attemptOf(
  answer: Answered,
  { verificationToken }: DestinationAddress,
  challenge?: string,
): Attempt {
  const { status } = answer
  if (isSuccess(answer)) return { outcome: 'delivered', status }
  return { outcome: 'refused', status, excerpt: excerptOf(answer, [verificationToken, challenge]) }
}

/** Who refuses may repeat what he was sent: what is secret of it goes no further. */
function excerptOf({ body }: Answered, secrets: readonly (string | null | undefined)[]): string {
  let text = lenient.decode(body)
  for (const secret of secrets) if (secret) text = text.replaceAll(secret, '…')
  // By characters: half of a surrogate pair is none.
  return [...text.slice(0, 2 * EXCERPT_CHARACTERS)].slice(0, EXCERPT_CHARACTERS).join('')
}

const notAnswered = (why: Unanswered): Attempt =>
  why.reason === 'forbidden'
    ? { outcome: 'forbidden', detail: why.detail, address: why.address }
    : { outcome: 'failed', detail: why.detail }

const lenient = new TextDecoder()

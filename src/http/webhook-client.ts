import { fail, ok } from '../domain/failure.ts'
import type {
  OutboundFailure,
  OutboundRequest,
  OutboundResponse,
  SendHttp,
  WebhookClient,
  WebhookEndpoint,
  WebhookResult,
} from '../service/ports/outbound.ts'

/*
 * The requests to a destination, in the format of the messages' vendor: messages, and the handshake that
 * verifies the destination.
 */

/** The longest answer to a synchronous message: as long as a message may be. */
const SYNCHRONOUS_RESPONSE_LIMIT_BYTES = 40 * 1024 * 1024
/** Enough of any other answer to read it to its end, so that the connection can be reused. */
const RESPONSE_LIMIT_BYTES = 64 * 1024
const MAX_EXCERPT_CHARACTERS = 200
/** The time in which a destination must accept a message or a challenge. */
const DELIVERY_TIMEOUT_MS = 60_000

const VERIFICATION_TOKEN_NAME = 'verification-token'
const JSON_BODY_HEADERS = { 'Content-Type': 'application/json; charset=utf-8' }

interface WebhookClientDeps {
  readonly sendHttp: SendHttp
  /** The name of this server in the handshake. */
  readonly applicationName: string
  readonly deliveryTimeoutMs?: number
}

export function createWebhookClient(deps: WebhookClientDeps): WebhookClient {
  const { sendHttp, applicationName } = deps
  return {
    async deliver(destination, body, signal) {
      const url = parseEndpointUrl(destination)
      if (url === null) return { outcome: 'forbidden', detail: NO_URL_DETAIL }
      const response = await sendWithTimeout(
        deps,
        createDeliveryRequest(destination, url, body),
        signal,
      )
      return response.ok
        ? toWebhookResult(response.value, destination)
        : toFailedResult(response.failure)
    },

    async sendSynchronous(destination, body, signal) {
      const failDestination = (
        detail: string,
        more: { status?: number; answerFault?: string } = {},
      ) =>
        fail({
          reason: 'destination_failed',
          destinationId: destination.id,
          detail,
          ...more,
        } as const)
      const url = parseEndpointUrl(destination)
      if (url === null) return failDestination(NO_URL_DETAIL)
      const response = await sendHttp({
        ...createDeliveryRequest(destination, url, body),
        maxResponseBytes: SYNCHRONOUS_RESPONSE_LIMIT_BYTES,
        signal,
      })
      if (!response.ok) return failDestination(response.failure.detail)
      const { status, isComplete, body: responseBody } = response.value
      if (!isSuccess(response.value)) return failDestination(`it answered ${status}`, { status })
      if (isComplete) return ok(responseBody)
      const answerFault = `it is longer than ${SYNCHRONOUS_RESPONSE_LIMIT_BYTES} bytes, or broke off`
      return failDestination('its answer is too long, or broke off', { answerFault })
    },

    async sendChallenge(destination, challenge, signal) {
      const url = parseEndpointUrl(destination)
      if (url === null) return { outcome: 'forbidden', detail: NO_URL_DETAIL, challenged: false }
      const response = await sendWithTimeout(
        deps,
        createHandshakeRequest(applicationName, destination, url, challenge),
        signal,
      )
      if (!response.ok) return { ...toFailedResult(response.failure), challenged: false }
      const challenged =
        isSuccess(response.value) && lenientDecoder.decode(response.value.body).includes(challenge)
      return { ...toWebhookResult(response.value, destination, challenge), challenged }
    },
  }
}

/** Clears its timer, unlike AbortSignal.timeout, which would leave thousands of timers a minute. */
async function sendWithTimeout(
  { sendHttp, deliveryTimeoutMs = DELIVERY_TIMEOUT_MS }: WebhookClientDeps,
  message: OutboundMessage,
  signal: AbortSignal,
) {
  const controller = new AbortController()
  const timer = setTimeout(
    () => controller.abort(new DOMException('', 'TimeoutError')),
    deliveryTimeoutMs,
  )
  const abort = () => controller.abort(signal.reason)
  if (signal.aborted) abort()
  signal.addEventListener('abort', abort)
  try {
    return await sendHttp({
      ...message,
      maxResponseBytes: RESPONSE_LIMIT_BYTES,
      signal: controller.signal,
    })
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', abort)
  }
}

/**
 * Writes the request that asks a destination to repeat a challenge. As in every later request, a header
 * carries the token, because receivers check it before they read anything else.
 */
export function createHandshakeRequest(
  applicationName: string,
  { method, development, verificationToken }: WebhookEndpoint,
  url: URL,
  challenge: string,
): OutboundMessage {
  const fields = {
    ...(verificationToken !== null && { [VERIFICATION_TOKEN_NAME]: verificationToken }),
    challenge,
  }
  const headers = { 'application-name': applicationName, ...createTokenHeader(verificationToken) }
  if (method === 'POST') {
    const body = JSON.stringify(fields)
    return { method, url, headers: { ...headers, ...JSON_BODY_HEADERS }, body, development }
  }
  const handshakeUrl = new URL(url)
  for (const [name, value] of Object.entries(fields)) handshakeUrl.searchParams.set(name, value)
  return { method, url: handshakeUrl, headers, body: null, development }
}

type OutboundMessage = Omit<OutboundRequest, 'maxResponseBytes' | 'signal'>

const createDeliveryRequest = (
  { development, verificationToken }: WebhookEndpoint,
  url: URL,
  body: Uint8Array,
): OutboundMessage => ({
  method: 'POST',
  url,
  headers: { ...JSON_BODY_HEADERS, ...createTokenHeader(verificationToken) },
  body,
  development,
})

const createTokenHeader = (token: string | null) =>
  token === null ? {} : { [VERIFICATION_TOKEN_NAME]: token }

const NO_URL_DETAIL = 'it has no URL'

const parseEndpointUrl = ({ url }: WebhookEndpoint): URL | null =>
  url === null ? null : URL.parse(url)

const isSuccess = ({ status }: OutboundResponse) => status >= 200 && status <= 299

/** Judges the status alone, even if the rest of the answer broke off. */
function toWebhookResult(
  response: OutboundResponse,
  { verificationToken }: WebhookEndpoint,
  challenge?: string,
): WebhookResult {
  const { status } = response
  if (isSuccess(response)) return { outcome: 'delivered', status }
  return {
    outcome: 'refused',
    status,
    excerpt: extractExcerpt(response, [verificationToken, challenge]),
  }
}

/** Redacts the secrets of the request, which a refusing destination may repeat. */
function extractExcerpt(
  { body }: OutboundResponse,
  secrets: readonly (string | null | undefined)[],
): string {
  let text = lenientDecoder.decode(body)
  for (const secret of secrets) if (secret) text = text.replaceAll(secret, '…')
  // Cuts between characters, not within a surrogate pair.
  return [...text.slice(0, 2 * MAX_EXCERPT_CHARACTERS)].slice(0, MAX_EXCERPT_CHARACTERS).join('')
}

const toFailedResult = (failure: OutboundFailure): WebhookResult =>
  failure.reason === 'forbidden'
    ? { outcome: 'forbidden', detail: failure.detail, address: failure.address }
    : { outcome: 'failed', detail: failure.detail }

const lenientDecoder = new TextDecoder()

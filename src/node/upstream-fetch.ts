import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import * as http from 'node:http'
import * as https from 'node:https'
import { setImmediate } from 'node:timers/promises'
import type { Context } from 'hono'
import { fail, ok, type UpstreamFailure } from '../domain/failure.ts'
import type {
  HeaderLines,
  UpstreamFetch,
  UpstreamRequest,
  UpstreamResponse,
} from '../service/ports/outbound.ts'
import { MAX_BURST_BYTES } from './direct-request.ts'

/**
 * Reuses connections, but not after an idle time of four seconds: common servers close theirs after
 * five, and a request that meets the closing is lost.
 */
export const AGENT_OPTIONS = { keepAlive: true, timeout: 4_000 }

/** Sends with node:http, because fetch decodes content codings and hides the raw response. */
export function createUpstreamFetch({ timeoutMs }: { timeoutMs: number }): UpstreamFetch {
  const agents = {
    'http:': new http.Agent(AGENT_OPTIONS),
    'https:': new https.Agent(AGENT_OPTIONS),
  }

  return async function upstreamFetch(upstreamRequest) {
    const request = openRequest(upstreamRequest)
    try {
      return ok(await sendAndReceive(request, upstreamRequest, timeoutMs))
    } catch (error) {
      if (upstreamRequest.signal.aborted) return fail(CALLER_LEFT)
      if (isStaleConnection(request, error) && isRepeatable(upstreamRequest))
        return upstreamFetch(upstreamRequest)
      return fail(toUpstreamFailure(error))
    }
  }

  function openRequest({ method, url, headers, signal }: UpstreamRequest): http.ClientRequest {
    const options = { method, headers: Object.fromEntries(headers), signal }
    return url.protocol === 'https:'
      ? https.request(url, { ...options, agent: agents['https:'] })
      : http.request(url, { ...options, agent: agents['http:'] })
  }
}

/** Sends the body and waits for the answer, whichever ends first: an upstream may refuse early. */
async function sendAndReceive(
  request: http.ClientRequest,
  { body, onTruncated, method }: UpstreamRequest,
  timeoutMs: number,
): Promise<UpstreamResponse> {
  const timer = new UpstreamTimer(timeoutMs, (error) => request.destroy(error))
  const responseArrived = waitForResponse(request)
  let isAnswered = false
  sendBody(body, request, timer).then(
    () => isAnswered || timer.start(),
    (error: unknown) => request.destroy(toError(error)),
  )
  try {
    const incoming = await responseArrived
    return readUpstreamResponse(incoming, method, timeoutMs, (error) =>
      onTruncated(toUpstreamFailure(error)),
    )
  } finally {
    isAnswered = true
    timer.stop()
  }
}

function waitForResponse(request: http.ClientRequest): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    request.on('close', () => reject(new Error('it closed the connection')))
  })
}

/** Tests if the upstream closed an idle connection just before the request. */
const isStaleConnection = (request: http.ClientRequest, error: unknown): boolean =>
  request.reusedSocket && getErrorCode(error) === 'ECONNRESET'

/** Tests if the request is idempotent (RFC 9110 §9.2.2) and has no body to send again. */
const isRepeatable = ({ method, body }: UpstreamRequest): boolean =>
  body === null && ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method)

/** Only the operator reads this, and should not look for a fault of the upstream. */
const CALLER_LEFT: UpstreamFailure = {
  reason: 'upstream_unreachable',
  detail: 'the caller closed the connection first',
}

function toUpstreamFailure(error: unknown): UpstreamFailure {
  if (error instanceof UpstreamTimeoutError) return { reason: 'upstream_timed_out' }
  const detail = toError(error).message || getErrorCode(error) || 'it cannot be reached'
  return { reason: 'upstream_unreachable', detail }
}

const toError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
const getErrorCode = (error: unknown) => (error as NodeJS.ErrnoException).code

/** Returns a function that counts the bytes of a body, and waits for a turn of the event loop after each burst. */
function createBurstLimit(): (chunk: Uint8Array) => Promise<void> | undefined {
  let burstBytes = 0
  return ({ length }) => {
    burstBytes += length
    if (burstBytes < MAX_BURST_BYTES) return
    burstBytes = 0
    return setImmediate()
  }
}

/** Sends the body as fast as the upstream accepts it, in bursts. */
async function sendBody(
  body: ReadableStream<Uint8Array> | null,
  request: ClientRequest,
  timer: UpstreamTimer,
): Promise<void> {
  const limitBurst = createBurstLimit()
  for await (const chunk of body ?? []) {
    await limitBurst(chunk)
    if (request.destroyed) return
    // Node does not frame the body of DELETE or OPTIONS, so it would be read as a next request.
    if (!request.headersSent && !request.hasHeader('content-length')) {
      request.setHeader('Transfer-Encoding', 'chunked')
    }
    if (!request.write(chunk)) await timer.waitFor(waitForDrain(request))
  }
  if (!request.destroyed) request.end()
}

/** Waits until more can be written, or the request is closed. */
export function waitForDrain(request: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const finish = () => {
      request.off('drain', finish).off('close', finish)
      resolve()
    }
    request.on('drain', finish).on('close', finish)
  })
}

/** Statuses that never have content (RFC 9110 §15). */
const STATUSES_WITHOUT_CONTENT = [204, 205, 304]

/** Returns the answer unchanged; its body is read on demand. */
function readUpstreamResponse(
  incoming: IncomingMessage,
  method: string,
  timeoutMs: number,
  onTruncated: (error: unknown) => void,
): UpstreamResponse {
  const { statusCode: status = 0, statusMessage: statusText = '' } = incoming
  if (status < 200 || status > 599) {
    incoming.destroy()
    throw new Error(`it answered ${status}`)
  }
  // The parser accepts control characters here, which must not be forwarded (RFC 9112 §4).
  if (/[^\t\x20-\x7e\x80-\xff]/.test(statusText)) {
    incoming.destroy()
    throw new Error('its reason phrase has control characters')
  }
  const head = { status, statusText, headers: readHeaderLines(incoming) }
  if (method === 'HEAD' || STATUSES_WITHOUT_CONTENT.includes(status)) {
    incoming.resume()
    return { ...head, body: null }
  }
  return { ...head, body: createBodyStream(incoming, timeoutMs, onTruncated) }
}

function readHeaderLines({ rawHeaders }: IncomingMessage): HeaderLines {
  const lines: [string, string][] = []
  for (let at = 0; at < rawHeaders.length; at += 2) {
    lines.push([rawHeaders[at] ?? '', rawHeaders[at + 1] ?? ''])
  }
  return lines
}

/** Reads nothing ahead, so that a slow caller slows the upstream down. A long body arrives in bursts, too. */
function createBodyStream(
  incoming: IncomingMessage,
  timeoutMs: number,
  onTruncated: (error: unknown) => void,
): ReadableStream<Uint8Array> {
  const timer = new UpstreamTimer(timeoutMs, (error) => incoming.destroy(error))
  const chunks: AsyncIterator<Uint8Array> = incoming[Symbol.asyncIterator]()
  const limitBurst = createBurstLimit()
  let isWanted = true
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await timer.waitFor(chunks.next())
          if (done) controller.close()
          else {
            await limitBurst(value)
            controller.enqueue(value)
          }
        } catch (error) {
          if (!isWanted) return
          onTruncated(error)
          controller.error(error)
        }
      },
      cancel() {
        isWanted = false
        incoming.destroy()
      },
    },
    { highWaterMark: 0 },
  )
}

/** Thrown when an upstream takes too long. */
class UpstreamTimeoutError extends Error {
  override name = 'TimedOut'
}

/**
 * Limits how long one exchange waits for its upstream. The clock runs only while the upstream must act,
 * so a slow caller costs it nothing.
 */
class UpstreamTimer {
  readonly #ms: number
  readonly #giveUp: (error: UpstreamTimeoutError) => void
  #timer: NodeJS.Timeout | undefined

  constructor(ms: number, giveUp: (error: UpstreamTimeoutError) => void) {
    this.#ms = ms
    this.#giveUp = giveUp
  }

  start(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#giveUp(new UpstreamTimeoutError()), this.#ms)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Waits for the upstream's next action. */
  async waitFor<T>(turn: Promise<T>): Promise<T> {
    this.start()
    try {
      return await turn
    } finally {
      this.stop()
    }
  }
}

/** Sorts Content-Length last, because Node refuses bytes above 127 in a Content-Disposition after it. */
const compareLengthLast = ([a]: readonly [string, string], [b]: readonly [string, string]) =>
  Number(isContentLength(a)) - Number(isContentLength(b))
const isContentLength = (name: string) => name.toLowerCase() === 'content-length'

/**
 * Writes the head of an upstream's answer byte for byte: a Response lower-cases its names, sorts its
 * lines and holds no reason phrase, and node-server adds a Content-Type where there is none.
 */
export function writeUpstreamHead(
  c: Context<{ Bindings: { outgoing?: ServerResponse } }>,
  { status, statusText, headers }: Omit<UpstreamResponse, 'body'>,
): void {
  const outgoing = c.env?.outgoing
  if (outgoing === undefined) return
  const writeHead = outgoing.writeHead.bind(outgoing)
  // Node accepts a flat list too, although its types do not say so.
  const lines = [...headers].sort(compareLengthLast).flat() as unknown as OutgoingHttpHeaders
  outgoing.writeHead = () => writeHead(status, statusText, lines)
  // Without this, Node sends the head as UTF-8.
  outgoing.flushHeaders = () => void outgoing.write('', 'latin1')
}

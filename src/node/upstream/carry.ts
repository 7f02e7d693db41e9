import * as http from 'node:http'
import * as https from 'node:https'
import { fail, ok, type UpstreamFailed } from '../../domain/failure.ts'
import type { Answer, Carry, Outward } from '../../service/ports.ts'
import { Patience, TimedOut } from './patience.ts'
import { receive } from './receive.ts'
import { send } from './send.ts'

/**
 * Connections are used again, but not after having been idle for longer than this: common servers
 * close theirs after five seconds, and a request that meets the closing is lost.
 */
const POOL = { keepAlive: true, timeout: 4_000 }

/** Carries by node:http, because fetch undoes content codings and never says what was on the wire. */
export function createCarry({ timeoutMs }: { timeoutMs: number }): Carry {
  const agents = { 'http:': new http.Agent(POOL), 'https:': new https.Agent(POOL) }

  return async function carry(outward) {
    const request = open(outward)
    try {
      return ok(await exchange(request, outward, timeoutMs))
    } catch (error) {
      if (outward.signal.aborted) return fail(left)
      if (isStale(request, error) && isRepeatable(outward)) return carry(outward)
      return fail(failureOf(error))
    }
  }

  function open({ method, url, headers, signal }: Outward): http.ClientRequest {
    const options = { method, headers: Object.fromEntries(headers), signal }
    return url.protocol === 'https:'
      ? https.request(url, { ...options, agent: agents['https:'] })
      : http.request(url, { ...options, agent: agents['http:'] })
  }
}

/** Sends the body and waits for the answer, whichever ends first: an upstream may refuse early. */
async function exchange(
  request: http.ClientRequest,
  { body, brokeOff, method }: Outward,
  timeoutMs: number,
): Promise<Answer> {
  const patience = new Patience(timeoutMs, (error) => request.destroy(error))
  const answered = new Promise<http.IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    request.on('close', () => reject(new Error('it closed the connection')))
  })
  let isAnswered = false
  send(body, request, patience).then(
    () => isAnswered || patience.begin(),
    (error: unknown) => request.destroy(asError(error)),
  )
  try {
    const incoming = await answered
    return receive(incoming, method, timeoutMs, (error) => brokeOff(failureOf(error)))
  } finally {
    isAnswered = true
    patience.end()
  }
}

/** A connection that was idle, and was closed before it could be told of. */
const isStale = (request: http.ClientRequest, error: unknown): boolean =>
  request.reusedSocket && codeOf(error) === 'ECONNRESET'

/** Whether it may be sent once more without asking (RFC 9110 §9.2.2), and can be. */
const isRepeatable = ({ method, body }: Outward): boolean =>
  body === null && ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'].includes(method)

/** Nobody reads it but the operator, who is not to look for a fault of the upstream's. */
const left: UpstreamFailed = { reason: 'upstream_unreachable', detail: 'the caller hung up first' }

function failureOf(error: unknown): UpstreamFailed {
  if (error instanceof TimedOut) return { reason: 'upstream_timed_out' }
  const detail = asError(error).message || codeOf(error) || 'it cannot be reached'
  return { reason: 'upstream_unreachable', detail }
}

const asError = (error: unknown) => (error instanceof Error ? error : new Error(String(error)))
const codeOf = (error: unknown) => (error as NodeJS.ErrnoException).code

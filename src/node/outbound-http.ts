import { lookup } from 'node:dns/promises'
import type { IncomingMessage } from 'node:http'
import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import { fail, ok, type Result } from '../domain/failure.ts'
import { formatIpAddress, type IpNetwork, parseIpAddress } from '../domain/ip-network.ts'
import { isAllowedDestination, isAllowedScheme } from '../domain/ssrf-policy.ts'
import type {
  OutboundFailure,
  OutboundRequest,
  OutboundResponse,
  SendHttp,
} from '../service/ports/outbound.ts'
import { AGENT_OPTIONS, waitForDrain } from './upstream-fetch.ts'

export interface SendHttpOptions {
  /** Private networks that may be reached. */
  readonly allowed: readonly IpNetwork[]
  readonly resolve?: ResolveName
  /** Certificate authorities; Node's own by default. */
  readonly ca?: string
  /** The time limit for connecting to an address. */
  readonly connectMs?: number
}

/**
 * Sends with node:http, because fetch cannot be given an address to connect to. Connects to an address
 * that the SSRF policy allowed, without a second DNS lookup, and reuses a connection for that address
 * only. These agents ignore proxy settings of the environment, and always check certificates.
 */
export function createSendHttp(options: SendHttpOptions): SendHttp {
  const { allowed, resolve = lookUpAddresses, ca, connectMs = 10_000 } = options
  const tls = { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  const agents = {
    'http:': new http.Agent(AGENT_OPTIONS),
    'https:': new https.Agent({ ...AGENT_OPTIONS, ...tls }),
  }

  return async function sendHttp(outboundRequest) {
    const { url, development, signal } = outboundRequest
    if (!isAllowedScheme(url.protocol, development)) {
      return fail({ reason: 'forbidden', detail: 'it is not at an https URL' })
    }
    try {
      const allowedAddresses = await rejectOnAbort(
        resolveAllowedAddresses(url, allowed, resolve),
        signal,
      )
      if (!allowedAddresses.ok) return allowedAddresses
      return ok(await sendToFirstReachable(allowedAddresses.value, outboundRequest))
    } catch (error) {
      return fail(toOutboundFailure(signal.aborted ? signal.reason : error))
    }
  }

  /** Sends to the first address that accepts a connection. After that, it tries no other. */
  async function sendToFirstReachable(
    addresses: readonly string[],
    outboundRequest: OutboundRequest,
  ): Promise<OutboundResponse> {
    let lastError: unknown = new Error('it has no address')
    for (const address of addresses) {
      const request = openRequest(address, outboundRequest)
      const wasConnected = trackConnection(request, connectMs)
      try {
        return await sendAndReceive(request, outboundRequest)
      } catch (error) {
        lastError = error
        if (wasConnected() || outboundRequest.signal.aborted) break
      }
    }
    throw lastError
  }

  function openRequest(
    address: string,
    { method, url, headers }: OutboundRequest,
  ): http.ClientRequest {
    const name = url.hostname.replace(/^\[|\]$/g, '')
    const options = {
      method,
      host: address,
      ...(url.port !== '' && { port: url.port }),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, Host: url.host, 'Accept-Encoding': 'identity' },
    }
    return url.protocol === 'https:'
      ? // Checks the certificate against the name, because the connection is to an address.
        https.request({ ...options, servername: isIP(name) ? '' : name, agent: agents['https:'] })
      : http.request({ ...options, agent: agents['http:'] })
  }
}

/**
 * Sends the body and receives the answer. Uses events: with Node's option `signal` and its iteration of an
 * answer, a request takes twice the CPU time.
 */
function sendAndReceive(
  request: http.ClientRequest,
  { body, signal, maxResponseBytes }: OutboundRequest,
): Promise<OutboundResponse> {
  return new Promise((resolve, reject) => {
    const abort = () => request.destroy(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    // An answer that has begun counts, whatever becomes of its connection.
    let isAnswered = false
    request.on('response', (incoming) => {
      isAnswered = true
      readAnswer(incoming, maxResponseBytes, resolve)
    })
    request.on('error', (error) => {
      if (!isAnswered) reject(error)
    })
    request.on('close', () => {
      signal.removeEventListener('abort', abort)
      if (!isAnswered) reject(new Error('it closed the connection'))
    })
    void sendBody(request, body)
  })
}

/** Longer bodies are sent in pieces, because Node copies a body to the connection at once. */
const PIECE_BYTES = 256 * 1024

async function sendBody(request: http.ClientRequest, body: OutboundRequest['body']): Promise<void> {
  if (body === null || typeof body === 'string' || body.length <= PIECE_BYTES) {
    request.end(body ?? undefined)
    return
  }
  request.setHeader('Content-Length', body.length)
  for (let at = 0; at < body.length && !request.destroyed; at += PIECE_BYTES) {
    if (!request.write(body.subarray(at, at + PIECE_BYTES))) await waitForDrain(request)
  }
  if (!request.destroyed) request.end()
}

/**
 * Gives up on an address that does not accept the connection in time. Returns a test for the connection.
 */
function trackConnection(request: http.ClientRequest, connectMs: number): () => boolean {
  let isConnected = false
  request.on('socket', (socket) => {
    if (!socket.connecting) {
      isConnected = true
      return
    }
    const timer = setTimeout(
      () => socket.destroy(new Error('it did not accept a connection')),
      connectMs,
    )
    socket.once('connect', () => {
      isConnected = true
    })
    socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  })
  return () => isConnected
}

/** Rejects on abort, because a DNS lookup cannot be cancelled. */
function rejectOnAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function toOutboundFailure(error: unknown): OutboundFailure {
  const { name, message, code } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError') return { reason: 'unanswered', detail: 'it took too long' }
  if (name === 'AbortError') return { reason: 'unanswered', detail: 'the request was cancelled' }
  if (code !== undefined && code in CONNECTION_ERRORS) {
    return { reason: 'unanswered', detail: CONNECTION_ERRORS[code] ?? code }
  }
  return { reason: 'unanswered', detail: message || code || 'it cannot be reached' }
}

/** Replaces Node's messages, which name the address that was tried or a certificate's names. */
const CONNECTION_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'it refused the connection (ECONNREFUSED)',
  ECONNRESET: 'it closed the connection (ECONNRESET)',
  EPIPE: 'it closed the connection (EPIPE)',
  ETIMEDOUT: 'it did not accept a connection in time (ETIMEDOUT)',
  EHOSTUNREACH: 'no route leads to it (EHOSTUNREACH)',
  ENETUNREACH: 'no route leads to it (ENETUNREACH)',
  EACCES: 'the system does not allow the connection (EACCES)',
  EADDRNOTAVAIL: 'the system has no address to connect from (EADDRNOTAVAIL)',
  ENOTFOUND: 'its name has no address (ENOTFOUND)',
  EAI_AGAIN: 'its name cannot be looked up now (EAI_AGAIN)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

/** Resolves a name to its addresses. Rejects if it has none. */
type ResolveName = (name: string) => Promise<readonly string[]>

const lookUpAddresses: ResolveName = async (name) =>
  (await lookup(name, { all: true })).map(({ address }) => address)

/**
 * Resolves a host to allowed addresses, so that no second lookup is needed. Refuses a name if any of its
 * addresses is forbidden: such a name is malicious, or not set up yet.
 */
async function resolveAllowedAddresses(
  { hostname }: URL,
  allowed: readonly IpNetwork[],
  resolve: ResolveName,
): Promise<Result<readonly string[], OutboundFailure>> {
  // URL has normalized every notation of an address, such as 0x7f.1.
  const literal = hostname.replace(/^\[|\]$/g, '')
  const candidates = parseIpAddress(literal) === null ? await resolve(hostname) : [literal]
  const addresses: string[] = []
  for (const text of candidates) {
    const address = parseIpAddress(text)
    if (address === null || !isAllowedDestination(address, allowed)) {
      const detail = `LATCHKEY_DESTINATIONS_ALLOWED does not allow the address of ${hostname}`
      return fail({ reason: 'forbidden', detail, address: text })
    }
    addresses.push(formatIpAddress(address))
  }
  return ok(addresses)
}

/** Reads an answer with at most this much of its body; never reads the rest. `onRead` is called once or more. */
function readAnswer(
  incoming: IncomingMessage,
  limitBytes: number,
  onRead: (response: OutboundResponse) => void,
): void {
  const { statusCode: status = 0, headers } = incoming
  const chunks: Buffer[] = []
  let length = 0
  const finish = (isComplete: boolean) =>
    onRead({ status, headers, body: Buffer.concat(chunks), isComplete })
  incoming.on('data', (chunk: Buffer) => {
    chunks.push(chunk.subarray(0, limitBytes - length))
    length += chunk.length
    if (length <= limitBytes) return
    // With the answer, its connection is destroyed.
    incoming.destroy()
    finish(false)
  })
  incoming.on('end', () => finish(true))
  incoming.on('error', () => finish(false))
}

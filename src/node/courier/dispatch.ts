import * as http from 'node:http'
import * as https from 'node:https'
import { isIP } from 'node:net'
import type { Network } from '../../domain/address.ts'
import { fail, ok } from '../../domain/failure.ts'
import { maySpeak } from '../../domain/reach.ts'
import type { Dispatch, Errand, Unanswered } from '../../service/ports.ts'
import { readAnswer } from './answer.ts'
import { type Resolve, resolveHere, whereaboutsOf } from './whereabouts.ts'

export interface DispatchOptions {
  /** Networks that may be reached although they are not the Internet. */
  readonly allowed: readonly Network[]
  readonly resolve?: Resolve
  /** Authorities that vouch for certificates; Node's own where there are none. */
  readonly ca?: string
  /** How long an address may take to be connected to. */
  readonly connectMs?: number
}

/** As in upstream/carry.ts: a server closes what was idle for longer. */
const POOL = { keepAlive: true, timeout: 4_000 }

/**
 * Runs errands by node:http, because fetch cannot be told which address to connect to. Each is
 * connected to an address that was judged, by that address: no name is looked up a second time, and
 * a connection that is kept is used again for that address only. These agents obey no proxy of the
 * environment, and check certificates whatever the environment says.
 */
export function createDispatch(options: DispatchOptions): Dispatch {
  const { allowed, resolve = resolveHere, ca, connectMs = 10_000 } = options
  const tls = { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  const agents = { 'http:': new http.Agent(POOL), 'https:': new https.Agent({ ...POOL, ...tls }) }

  return async function dispatch(errand) {
    const { url, development, signal } = errand
    if (!maySpeak(url.protocol, development)) {
      return fail({ reason: 'forbidden', detail: 'it is not at an https URL' })
    }
    try {
      const found = await orAborted(whereaboutsOf(url, allowed, resolve), signal)
      if (!found.ok) return found
      return ok(await readAnswer(await sendToOneOf(found.value, errand), errand.limitBytes))
    } catch (error) {
      return fail(unanswered(signal.aborted ? signal.reason : error))
    }
  }

  /** The first address that can be connected to. Once connected, there is no other try. */
  async function sendToOneOf(addresses: readonly string[], errand: Errand) {
    let last: unknown = new Error('it has no address')
    for (const address of addresses) {
      const request = open(address, errand)
      const connected = watchConnecting(request, connectMs)
      try {
        return await send(request, errand.body)
      } catch (error) {
        last = error
        if (connected() || errand.signal.aborted) break
      }
    }
    throw last
  }

  function open(address: string, { method, url, headers, signal }: Errand): http.ClientRequest {
    const name = url.hostname.replace(/^\[|\]$/g, '')
    const options = {
      method,
      host: address,
      ...(url.port !== '' && { port: url.port }),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, Host: url.host, 'Accept-Encoding': 'identity' },
      signal,
    }
    return url.protocol === 'https:'
      ? // The certificate is to be the name's, although it is the address that is connected to.
        https.request({ ...options, servername: isIP(name) ? '' : name, agent: agents['https:'] })
      : http.request({ ...options, agent: agents['http:'] })
  }
}

/** Gives up on an address that does not take the connection. Answers whether it was taken. */
function watchConnecting(request: http.ClientRequest, connectMs: number): () => boolean {
  let isConnected = false
  request.on('socket', (socket) => {
    if (!socket.connecting) {
      isConnected = true
      return
    }
    const timer = setTimeout(() => socket.destroy(new Error('it took no connection')), connectMs)
    socket.once('connect', () => {
      isConnected = true
    })
    socket.once('connect', () => clearTimeout(timer)).once('close', () => clearTimeout(timer))
  })
  return () => isConnected
}

function send(request: http.ClientRequest, body: Errand['body']): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
    request.on('close', () => reject(new Error('it closed the connection')))
    request.end(body ?? undefined)
  })
}

/** A name that is looked up cannot be called back. */
function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function unanswered(error: unknown): Unanswered {
  const { name, message, code } = error as NodeJS.ErrnoException
  if (name === 'TimeoutError') return { reason: 'unanswered', detail: 'it took too long' }
  if (name === 'AbortError') return { reason: 'unanswered', detail: 'it was called off' }
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
  ETIMEDOUT: 'it took no connection in time (ETIMEDOUT)',
  EHOSTUNREACH: 'no route leads to it (EHOSTUNREACH)',
  ENETUNREACH: 'no route leads to it (ENETUNREACH)',
  EACCES: 'the system does not allow the connection (EACCES)',
  EADDRNOTAVAIL: 'the system has no address to connect from (EADDRNOTAVAIL)',
  ENOTFOUND: 'its name has no address (ENOTFOUND)',
  EAI_AGAIN: 'its name cannot be looked up now (EAI_AGAIN)',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
}

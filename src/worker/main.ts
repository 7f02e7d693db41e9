/// <reference path="./modules.d.ts" />
import { waitUntil } from 'cloudflare:workers'
import { compose, type Latchkey } from '../compose.ts'
import { composeApps, REQUEST_ID_HEADER, type ServerParts } from '../compose-apps.ts'
import { type Config, findConfigWarnings } from '../config.ts'
import { Keyring } from '../crypto/keyring.ts'
import { parseBasePath, removeBasePath } from '../domain/base-path.ts'
import stylesheet from '../http/console/static/console.css' with { type: 'text' }
import script from '../http/console/static/console.js' with { type: 'text' }
import type { Clock, Log } from '../service/ports/runtime.ts'
import { createDurableAnchorStore } from './anchor-object.ts'
import { readBindings, WORKER_MESSAGE_LIMIT_BYTES, type WorkerEnv } from './bindings.ts'
import { openD1 } from './d1.ts'
import { workerSecretChecks } from './hash-functions.ts'
import { createWorkerSendHttp, createWorkerUpstreamFetch } from './outbound-http.ts'
import { createArgon2, workerPrimitives } from './primitives.ts'

/** Exported for the runtime, which creates it if wrangler.toml binds it. */
export { AuditAnchorObject as AuditAnchor } from './anchor-object.ts'

/** The schedule in wrangler.toml that seals the audit; any other schedule runs the slow work. */
const MINUTE_CRON = '* * * * *'

/** Longer than an attempt may take, because nothing keeps running here to renew the lease. */
const LEASE_MS = 90_000

/** Composed once for each isolate, so that all requests share its caches. */
let cachedWorker: ComposedWorker | undefined

interface ComposedWorker extends Latchkey, Pick<ServerParts, 'deliveryWorker'> {
  /** Answers with the console or the vendors' app, by the request's host name. */
  readonly handleRequest: (request: Request) => Response | Promise<Response>
}

/** Waits for no I/O, because I/O belongs to one request and ends with it. */
function getLatchkey(env: WorkerEnv): ComposedWorker {
  if (cachedWorker !== undefined) return cachedWorker
  const { db, ring, config, publicUrl, firstInvitationSecret, anchor } = readBindings(env)
  const clock = Date.now
  const log = createWorkerLog(config.logLevel, clock)
  const consoleUrl = config.console?.publicUrl ?? null
  const latchkey = compose({
    config,
    publicUrl,
    consoleUrl: consoleUrl ?? publicUrl,
    engine: openD1(db),
    primitives: workerPrimitives,
    argon2: createArgon2(),
    secretChecks: workerSecretChecks,
    keyring: new Keyring(workerPrimitives, ring),
    anchorStore: anchor === undefined ? undefined : createDurableAnchorStore(anchor),
    firstInvitationSecret,
    clock,
    log,
    sendHttp: createWorkerSendHttp({ allowed: config.destinationsAllowed }),
    // An isolate is one thread.
    cores: 1,
    longMessageBytes: 4 * WORKER_MESSAGE_LIMIT_BYTES,
    keepAlive: waitUntil,
    leaseMs: LEASE_MS,
  })
  const apps = composeApps(latchkey, {
    consoleAssets: { stylesheet, script },
    upstreamFetch: createWorkerUpstreamFetch({ timeoutMs: config.upstreamTimeoutMs }),
    // Cloudflare sets this header, whatever the client sends.
    getPeerAddress: (c) => c.req.header('cf-connecting-ip') ?? '',
  })
  cachedWorker = {
    ...latchkey,
    deliveryWorker: apps.deliveryWorker,
    handleRequest: createRequestHandler(apps, { publicUrl, consoleUrl }),
  }
  cachedWorker.deliveryWorker.start()
  for (const warning of findConfigWarnings(config)) log.warn({}, warning)
  if (consoleUrl === null && env.LATCHKEY_CONSOLE !== 'off') {
    log.warn(
      {},
      'the console is off: set LATCHKEY_CONSOLE_URL to a URL with a host name of its own',
    )
  }
  log.info({ url: publicUrl, console: consoleUrl }, 'composed')
  return cachedWorker
}

function createRequestHandler(
  { app, consoleApp }: ReturnType<typeof composeApps>,
  urls: { publicUrl: string; consoleUrl: string | null },
): ComposedWorker['handleRequest'] {
  const basePath = parseBasePath(urls.publicUrl)
  const ownConsoleUrl = urls.consoleUrl === null ? null : new URL(urls.consoleUrl)
  const consoleBasePath = parseBasePath(urls.consoleUrl ?? urls.publicUrl)
  return (request) =>
    consoleApp !== null && new URL(request.url).host === ownConsoleUrl?.host
      ? consoleApp.fetch(stripBasePath(request, consoleBasePath))
      : app.fetch(stripBasePath(request, basePath), {
          // The target as it was sent, because a new Request resolves dot segments.
          target: removeBasePath(request.url, basePath),
        })
}

function stripBasePath(request: Request, basePath: string): Request {
  const url = removeBasePath(request.url, basePath)
  return url === request.url ? request : new Request(url, request)
}

export default {
  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    let latchkey: ComposedWorker
    try {
      latchkey = getLatchkey(env)
    } catch (error) {
      // Only the log names the problem, because the caller is not the operator.
      const requestId = crypto.randomUUID()
      createWorkerLog('error', Date.now).error({ requestId, error }, 'this Worker is not set up')
      return new Response('This server is not set up; its log says why.\n', {
        status: 500,
        headers: { [REQUEST_ID_HEADER]: requestId },
      })
    }
    return latchkey.handleRequest(request)
  },

  /** Does the work of Node's timers. The runtime reports a failure, and calls again on the next schedule. */
  async scheduled({ cron }: { cron?: string }, env: WorkerEnv): Promise<void> {
    const latchkey = getLatchkey(env)
    if (cron === MINUTE_CRON) {
      await latchkey.sealAudit()
      await latchkey.deliveryWorker.startDueQueues()
      return latchkey.deliveryWorker.finish()
    }
    await latchkey.flushCounters()
    await latchkey.deleteExpiredData()
  },
}

/** The same numbers as pino's on Node, so that one query reads both logs. */
const LEVELS = { debug: 20, info: 30, warn: 40, error: 50, silent: Infinity } as const

/** Logs one JSON line for each event with `console.log`, which `wrangler tail` and Workers Logs show. */
function createWorkerLog(threshold: Config['logLevel'], clock: Clock): Log {
  const createLevelLogger = (level: keyof typeof LEVELS) => (facts: object, message: string) => {
    if (LEVELS[level] < LEVELS[threshold]) return
    const head = { level: LEVELS[level], time: new Date(clock()).toISOString() }
    console.log(JSON.stringify({ ...head, ...toLogFacts(facts), msg: message }))
  }
  return {
    debug: createLevelLogger('debug'),
    info: createLevelLogger('info'),
    warn: createLevelLogger('warn'),
    error: createLevelLogger('error'),
  }
}

/** Expands an Error, whose properties JSON.stringify omits. */
function toLogFacts(facts: { error?: unknown }): object {
  const { error } = facts
  if (!(error instanceof Error)) return facts
  const { name: type, message, stack } = error
  return { ...facts, error: { type, message, stack } }
}

/// <reference path="./modules.d.ts" />
import { waitUntil } from 'cloudflare:workers'
import { compose, type Latchkey, REQUEST_ID } from '../compose.ts'
import { dangersOf } from '../config.ts'
import { Keyring } from '../crypto/keyring.ts'
import { parseBasePath, removeBasePath } from '../domain/base-path.ts'
import { createAnchorObject } from './anchor-object.ts'
import { createArgon2 } from './argon2.ts'
import { type Env, readBindings } from './bindings.ts'
import { createCarry } from './carry.ts'
import { openD1 } from './d1.ts'
import { createDispatch } from './dispatch.ts'
import { createLog } from './log.ts'
import { workerPrimitives } from './primitives.ts'

/** Exported for the runtime, which creates it if wrangler.toml binds it. */
export { AuditAnchor } from './anchor-object.ts'

/** As wrangler.toml has it, where the audit is sealed; any other schedule is for what takes longer. */
const EVERY_MINUTE = '* * * * *'

/** Longer than an attempt may take: nothing here runs on to renew it. */
const LEASE_MS = 90_000

/** Composed once an isolate: what it remembers of proofs and of who may do what, all requests share. */
let composed: Composed | undefined

interface Composed extends Latchkey {
  /** Answers with the console or the vendors' app, by the request's host name. */
  readonly answer: (request: Request) => Response | Promise<Response>
}

/** Nothing here waits for I/O, which would belong to one request and end with it. */
function latchkeyOf(env: Env): Composed {
  if (composed !== undefined) return composed
  const { db, ring, config, publicUrl, welcome, anchor } = readBindings(env)
  const clock = Date.now
  const log = createLog(config.logLevel, clock)
  const consoleUrl = config.console?.publicUrl ?? null
  const latchkey = compose({
    config,
    publicUrl,
    consoleUrl: consoleUrl ?? publicUrl,
    engine: openD1(db),
    primitives: workerPrimitives,
    argon2: createArgon2(),
    keyring: new Keyring(workerPrimitives, ring),
    anchorStore: anchor === undefined ? undefined : createAnchorObject(anchor),
    welcome,
    clock,
    log,
    carry: createCarry({ timeoutMs: config.upstreamTimeoutMs }),
    dispatch: createDispatch({ allowed: config.destinationsAllowed }),
    // An isolate is one thread.
    cores: 1,
    // Set by Cloudflare, whatever the client has sent.
    peerOf: (c) => c.req.header('cf-connecting-ip') ?? '',
    keepAlive: waitUntil,
    leaseMs: LEASE_MS,
  })
  composed = { ...latchkey, answer: createAnswer(latchkey, { publicUrl, consoleUrl }) }
  composed.deliver.start()
  for (const danger of dangersOf(config)) log.warn({}, danger)
  if (consoleUrl === null && env.LATCHKEY_CONSOLE !== 'off') {
    log.warn(
      {},
      'the console is off: set LATCHKEY_CONSOLE_URL to a URL with a host name of its own',
    )
  }
  log.info({ url: publicUrl, console: consoleUrl }, 'composed')
  return composed
}

function createAnswer(
  { app, consoleApp }: Latchkey,
  urls: { publicUrl: string; consoleUrl: string | null },
): Composed['answer'] {
  const basePath = parseBasePath(urls.publicUrl)
  const own = urls.consoleUrl === null ? null : new URL(urls.consoleUrl)
  const ownBasePath = parseBasePath(urls.consoleUrl ?? urls.publicUrl)
  return (request) =>
    consoleApp !== null && new URL(request.url).host === own?.host
      ? consoleApp.fetch(withoutBasePath(request, ownBasePath))
      : app.fetch(withoutBasePath(request, basePath), {
          // The target as it was sent, because a new Request resolves dot segments.
          target: removeBasePath(request.url, basePath),
        })
}

function withoutBasePath(request: Request, basePath: string): Request {
  const url = removeBasePath(request.url, basePath)
  return url === request.url ? request : new Request(url, request)
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    let latchkey: Composed
    try {
      latchkey = latchkeyOf(env)
    } catch (error) {
      // What is wrong is for the operator, who reads the log.
      const requestId = crypto.randomUUID()
      createLog('error', Date.now).error({ requestId, error }, 'this Worker is not set up')
      return new Response('This server is not set up; its log says why.\n', {
        status: 500,
        headers: { [REQUEST_ID]: requestId },
      })
    }
    return latchkey.answer(request)
  },

  /** What Node does on timers. The runtime reports a failure, and calls again at the next time. */
  async scheduled({ cron }: { cron?: string }, env: Env): Promise<void> {
    const latchkey = latchkeyOf(env)
    if (cron === EVERY_MINUTE) {
      await latchkey.seal()
      await latchkey.deliver.look()
      return latchkey.deliver.finish()
    }
    await latchkey.flush()
    await latchkey.sweep()
  },
}

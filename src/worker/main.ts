/// <reference path="./modules.d.ts" />
import { waitUntil } from 'cloudflare:workers'
import { compose, type Latchkey } from '../compose.ts'
import { dangersOf } from '../config.ts'
import { Keyring } from '../crypto/keyring.ts'
import { createArgon2 } from './argon2.ts'
import { type Env, readBindings } from './bindings.ts'
import { createCarry } from './carry.ts'
import { openD1 } from './d1.ts'
import { createDispatch } from './dispatch.ts'
import { createLog } from './log.ts'
import { workerPrimitives } from './primitives.ts'

/** As wrangler.toml has it, where the audit is sealed; any other schedule is for what takes longer. */
const EVERY_MINUTE = '* * * * *'

/** Longer than an attempt may take: nothing here runs on to renew it. */
const LEASE_MS = 90_000

/** Composed once an isolate: what it remembers of proofs and of who may do what, all requests share. */
let composed: Latchkey | undefined

/** Nothing here waits for I/O, which would belong to one request and end with it. */
function latchkeyOf(env: Env): Latchkey {
  if (composed !== undefined) return composed
  const { db, ring, config, publicUrl, welcome } = readBindings(env)
  const clock = Date.now
  const log = createLog(config.logLevel, clock)
  composed = compose({
    config,
    publicUrl,
    engine: openD1(db),
    primitives: workerPrimitives,
    argon2: createArgon2(),
    keyring: new Keyring(workerPrimitives, ring),
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
  composed.deliver.start()
  for (const danger of dangersOf(config)) log.warn({}, danger)
  log.info({ url: publicUrl }, 'composed')
  return composed
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    let latchkey: Latchkey
    try {
      latchkey = latchkeyOf(env)
    } catch (error) {
      // What is wrong is for the operator, who reads the log.
      createLog('error', Date.now).error({ error }, 'this Worker is not set up')
      return new Response('This server is not set up; its log says why.\n', { status: 500 })
    }
    return latchkey.app.fetch(request)
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

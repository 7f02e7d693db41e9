import type { Context, Hono } from 'hono'
import type { Config } from './config.ts'
import type { Keyring } from './crypto/keyring.ts'
import { createMinter } from './crypto/minter.ts'
import { createNotary } from './crypto/notary.ts'
import type { Argon2, Primitives } from './crypto/primitives.ts'
import { createRandom } from './crypto/random.ts'
import { createSealer } from './crypto/seal.ts'
import { createSecretDigester } from './crypto/secret-digest.ts'
import { createSecretHasher } from './crypto/secret-hash.ts'
import { createTotp } from './crypto/totp.ts'
import { FAILURES_FORGOTTEN_MS } from './domain/lockout.ts'
import { createApps, createTestBench, renderDelivered } from './http/app.ts'
import { createCourier } from './http/courier.ts'
import { presented } from './http/presented.ts'
import type { TestBench } from './http/test-bench.ts'
import { createPass, type KeepHead } from './http/upstream/pass.ts'
import { createAccept } from './service/accept.ts'
import { type Access, createAccess } from './service/access.ts'
import { createAuditAnchor } from './service/audit-anchor.ts'
import { createAuthenticate } from './service/authenticate.ts'
import { createChain } from './service/chain.ts'
import { createCustomerKeys } from './service/customer-keys.ts'
import { createDeliver, type Deliver } from './service/deliver.ts'
import { createDeskOf, type DeskOf, type Services } from './service/desk.ts'
import { createExchange } from './service/exchange.ts'
import { createGuard } from './service/guard.ts'
import { createGuesses, createQuota } from './service/guesses.ts'
import { createKeyProofs } from './service/key-proofs.ts'
import { createKeys } from './service/keys.ts'
import { createMessageIds } from './service/message-ids.ts'
import { createPace } from './service/pace.ts'
import type {
  AnchorStore,
  Carry,
  Clock,
  Dispatch,
  KeepAlive,
  Log,
  Share,
  Storage,
} from './service/ports.ts'
import { createRecorder } from './service/recorder.ts'
import { createRefresh } from './service/refresh.ts'
import { createRefused } from './service/refused.ts'
import { createRingProof } from './service/ring-proof.ts'
import { createStandings } from './service/standing.ts'
import { createTraffic, HOUR_MS, TRAFFIC_KEPT_HOURS } from './service/traffic.ts'
import { createUses } from './service/uses.ts'
import type { Engine } from './storage/engine.ts'
import { createStorage } from './storage/storage.ts'

/** The header that links a caller's response to the operator's log. */
export { REQUEST_ID } from './http/reply.ts'

/** What a runtime brings: everything that knows an outside world. */
export interface Parts {
  readonly config: Config
  /** Where this server is reached: issuer and audience of its access tokens. */
  readonly publicUrl: string
  /** Public URL of the console, without a trailing slash: links to it begin with this. */
  readonly consoleUrl: string
  readonly engine: Engine
  readonly primitives: Primitives
  readonly argon2: Argon2
  readonly keyring: Keyring
  /** Keeps the audit's anchor outside the database. Without a store, the anchor is in memory only. */
  readonly anchorStore?: AnchorStore | undefined
  /** The secret part of a link to the first operator, where no terminal prints one. */
  readonly welcome?: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** How this runtime reaches an upstream. */
  readonly carry: Carry
  /** Writes the head of an upstream's response unchanged, where this runtime can. */
  readonly keepHead?: KeepHead
  /** How this runtime reaches a destination. */
  readonly dispatch: Dispatch
  /** How many argon2 computations may run at once. */
  readonly cores: number
  /** Where several processes serve one port: how their limits count together. */
  readonly share?: Share | undefined
  /** The address at the other end of a request's connection. */
  readonly peerOf: (c: Context) => string
  /** For a runtime that stops a request's work with its answer. */
  readonly keepAlive?: KeepAlive
  /** So long a feed is this process's without its being renewed. */
  readonly leaseMs: number
  /** How long a destination may take to answer a query. */
  readonly synchronousMs?: number | undefined
}

/** The services are those of who has the machine: every account is in sight, nothing is refused. */
export interface Latchkey extends Services {
  readonly app: Hono
  /** The console and the management API; null when they are off. */
  readonly consoleApp: Hono | null
  readonly storage: Storage
  /** The services, as somebody else may use them. */
  readonly deskOf: DeskOf
  /** How people sign in, and look after their own access. */
  readonly access: Access
  /** How a credential goes over the wire, for people. */
  readonly presented: typeof presented
  /** How people send a message as a source would. */
  readonly testBench: TestBench
  /** Carries what is stored to its destinations, once it is started. */
  readonly deliver: Deliver
  /** Whether a key ring is the one that this database was begun with; binds a new database to it. */
  readonly ringBelongs: (ring: Keyring) => Promise<boolean>
  /** Writes what is only counted in memory. To be called once a minute, and before the end. */
  readonly flush: () => Promise<void>
  /** Writes the events that are only in memory. To be called every second, and before the end. */
  readonly record: () => Promise<void>
  /** Makes the events that were written a part of the chain. To be called every few seconds. */
  readonly seal: () => Promise<void>
  /** Deletes what nobody needs any more. To be called now and then. */
  readonly sweep: () => Promise<void>
}

/** A core does some hundred computations a second: a full queue is a wait of about a second. */
const QUEUED_PER_CORE = 100

/** Limits the proofs that are kept of a key whose caller has no fixed network. */
const MAX_NETWORKS_PER_KEY = 500

/** Wires ports to adapters; neutral to the runtime. */
export function compose(parts: Parts): Latchkey {
  const { config, publicUrl, consoleUrl, engine, primitives, argon2, keyring, clock, log } = parts
  const { region, guessLimits, quota } = config

  const storage = createStorage(engine)
  const random = createRandom(primitives, clock)
  const minter = createMinter(primitives, keyring, { issuer: publicUrl, audience: publicUrl })
  const sealer = createSealer(primitives, keyring)
  const digester = createSecretDigester(primitives, keyring)
  const hasher = createSecretHasher(primitives, argon2, clock, {
    width: parts.cores,
    queue: parts.cores * QUEUED_PER_CORE,
  })

  const shareOf =
    (what: string): Share =>
    (limit) =>
      parts.share?.(`${what} ${limit}`)
  const guessesOf = (what: string) => createGuesses(guessLimits, clock, shareOf(what))

  const standings = createStandings(storage)
  const recorder = createRecorder({
    storage,
    sealer,
    random,
    clock,
    log,
    keepAlive: parts.keepAlive,
  })
  const keepAlive = parts.keepAlive ?? (() => undefined)
  const traffic = createTraffic({ storage, clock, log, keepAlive })
  const refused = createRefused({ recorder, traffic, log })
  const notary = createNotary(primitives, keyring)
  const anchor = createAuditAnchor({ store: parts.anchorStore, log })
  const chain = createChain({ storage, anchor, notary, random, clock, log })
  const uses = createUses(storage, clock, log, keepAlive, traffic)
  const proofs = createKeyProofs({
    storage,
    hasher,
    digester,
    clock,
    log,
    keepAlive,
    digestImported: config.digestImported,
  })
  const common = {
    standings,
    storage,
    proofs,
    uses,
    minter,
    random,
    clock,
    log,
    region,
    recorder,
    refused,
  }
  const secrets = { storage, random, clock, hasher, digester, sealer }
  const totp = createTotp(primitives)
  const keysAs = (actor: string) => createKeys({ ...secrets, actor })

  const sealedBefore = createRingProof({ storage, random, clock, actor: 'operator' })
  const courier = createCourier({
    dispatch: parts.dispatch,
    applicationName: config.applicationName,
  })
  const deliver = createDeliver({
    storage,
    sealer,
    courier,
    render: renderDelivered,
    clock,
    jitter: () => (primitives.randomBytes(1)[0] ?? 0) / 255,
    by: random.requestId(),
    log,
    erase: config.retentionMs === 0,
    leaseMs: parts.leaseMs,
    keepAlive: parts.keepAlive,
  })
  const nextMessageId = createMessageIds({ storage, clock })
  const deskOf = createDeskOf({
    nextMessageId,
    ...secrets,
    courier,
    notary,
    anchor,
    region,
    consoleUrl,
    standings,
    log,
    wake: deliver.wake,
  })

  const access = createAccess({
    ...secrets,
    totp,
    recorder,
    log,
    region,
    firstLink: parts.welcome,
    guesses: guessesOf('console'),
  })

  const { serial } = random
  // Vendors are told the console's address only if the operator has set its public URL.
  const consoleLink = config.console?.publicUrl ? `${config.console.publicUrl}/console` : null
  const subscriptionsUrl = consoleLink ?? publicUrl
  const testBench = createTestBench({ serial, subscriptionsUrl })
  const apps = createApps({
    testBench,
    access,
    sessions: access.sessions,
    recorder,
    guesses: guessesOf('admin'),
    deskOf,
    publicUrl,
    consoleUrl,
    console: config.console !== null,
    consoleLink,
    exchange: createExchange({ ...common, hasher, guesses: guessesOf('exchange') }),
    refresh: createRefresh({
      ...common,
      guesses: guessesOf('refresh'),
      leewayMs: config.leewayMs,
    }),
    guard: createGuard(common),
    accept: createAccept({
      storage,
      sealer,
      courier,
      wake: deliver.wake,
      nextMessageId,
      random,
      clock,
      log,
      synchronousMs: parts.synchronousMs,
    }),
    authenticate: createAuthenticate({
      ...common,
      digester,
      guesses: guessesOf('authenticate'),
      pace: createPace({ limit: quota.requests, windowMs: quota.windowMs }, clock, parts.share),
    }),
    pass: createPass({
      carry: parts.carry,
      upstreams: config.upstreams,
      publicUrl,
      log,
      keepHead: parts.keepHead,
    }),
    customerKeys: createCustomerKeys({
      ...secrets,
      keysAs,
      maxKeys: config.customerKeysPerDeveloper,
    }),
    clock,
    quota: createQuota(quota.requests, quota.windowMs, clock, parts.share),
    refused,
    storage,
    log,
    serial,
    uuid: random.uuid,
    requestId: random.requestId,
    publicKeys: () => keyring.publicKeys,
    subscriptionsUrl,
    applicationName: config.applicationName,
    messageLimitBytes: config.messageLimitBytes,
    peerOf: parts.peerOf,
    trustedProxies: config.trustedProxies,
  })

  return {
    ...apps,
    storage,
    ...deskOf({ actor: 'operator', role: 'operator', accountId: null }),
    deskOf,
    access,
    presented,
    testBench,
    deliver,
    ringBelongs: (ring) => sealedBefore(createSealer(primitives, ring)),
    async flush() {
      await uses.flush()
      await traffic.flush()
    },
    record: recorder.flush,
    seal: chain.seal,
    async sweep() {
      await storage.purgeSecretProofs(MAX_NETWORKS_PER_KEY)
      const purged = await storage.purgeGrants(clock())
      if (purged > 0) log.info({ purged }, 'grants that nobody can use any more were deleted')
      const erased = await storage.erasePayloads(clock() - config.retentionMs, clock())
      if (erased > 0) log.info({ erased }, 'payloads that nobody waits for were erased')
      const now = clock()
      await storage.purgeSessions(now, now - FAILURES_FORGOTTEN_MS)
      await storage.purgeTraffic(Math.floor(now / HOUR_MS) - TRAFFIC_KEPT_HOURS)
      await chain.purge(yearsBefore(clock(), config.auditYears))
    },
  }
}

/** The same day of an earlier year: some years are longer. */
function yearsBefore(at: number, years: number): number {
  const date = new Date(at)
  return date.setUTCFullYear(date.getUTCFullYear() - years)
}

import type { Context, Hono } from 'hono'
import type { Config } from './config.ts'
import { createAuditSigner } from './crypto/audit-signer.ts'
import type { Keyring } from './crypto/keyring.ts'
import { createTokenMinter } from './crypto/minter.ts'
import type { Argon2, Primitives } from './crypto/primitives.ts'
import { createRandom } from './crypto/random.ts'
import { createSealer } from './crypto/seal.ts'
import { createSecretDigester } from './crypto/secret-digest.ts'
import { createSecretHasher } from './crypto/secret-hash.ts'
import { createTotp } from './crypto/totp.ts'
import { FAILURE_MEMORY_MS } from './domain/limits.ts'
import { createApps, createTestMessages, renderDeliveryBody } from './http/app.ts'
import { formatCredential } from './http/credential-format.ts'
import { createProxyRequest, type WriteUpstreamHead } from './http/proxy/upstream.ts'
import type { TestMessages } from './http/test-messages.ts'
import { createWebhookClient } from './http/webhook-client.ts'
import { createServicesFor, type Services, type ServicesFor } from './service/actor-services.ts'
import { createAuditAnchor } from './service/audit/anchor.ts'
import { createAuditBuffer, createRecordRefusal } from './service/audit/buffer.ts'
import { createAuditChain } from './service/audit/chain.ts'
import { createKeyringBinding } from './service/audit/keyring-binding.ts'
import { createAuthenticate } from './service/authenticate/authenticate.ts'
import { createKeyCache } from './service/authenticate/key-cache.ts'
import { createKeyProofs } from './service/authenticate/key-proofs.ts'
import { createCustomerKeys } from './service/keys/customer-keys.ts'
import { createKeys } from './service/keys/keys.ts'
import {
  createAddressRateLimit,
  createFailureLimiter,
  createKeyRateLimit,
} from './service/limits/rate-limits.ts'
import {
  createKeyUseCounter,
  createTrafficCounter,
  HOUR_MS,
  TRAFFIC_RETENTION_HOURS,
} from './service/limits/usage-counters.ts'
import { createAcceptMessage, createMessageIdGenerator } from './service/messages/accept.ts'
import { createDeliveryWorker, type DeliveryWorker } from './service/messages/deliver.ts'
import type { AnchorStore } from './service/ports/audit.ts'
import type { SendHttp, UpstreamFetch } from './service/ports/outbound.ts'
import type { Clock, GetSharedCounter, KeepAlive, Log } from './service/ports/runtime.ts'
import type { Storage } from './service/ports/storage.ts'
import { createSignInServices, type SignInServices } from './service/sign-in/sign-in.ts'
import { createExchange } from './service/tokens/exchange.ts'
import { createGuard } from './service/tokens/guard.ts'
import { createRefresh } from './service/tokens/refresh.ts'
import type { Engine } from './storage/engine.ts'
import { createStorage } from './storage/storage.ts'

/** The header that links a caller's response to the operator's log. */
export { REQUEST_ID_HEADER } from './http/reply.ts'

/** What a runtime brings: everything that knows an outside world. */
export interface RuntimeAdapters {
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
  readonly firstInvitationSecret?: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** How this runtime reaches an upstream. */
  readonly upstreamFetch: UpstreamFetch
  /** Writes the head of an upstream's response unchanged, where this runtime can. */
  readonly writeUpstreamHead?: WriteUpstreamHead
  /** How this runtime reaches a destination. */
  readonly sendHttp: SendHttp
  /** How many argon2 computations may run at once. */
  readonly cores: number
  /** Where several processes serve one port: how their limits count together. */
  readonly getSharedCounter?: GetSharedCounter | undefined
  /** The address at the other end of a request's connection. */
  readonly getPeerAddress: (c: Context) => string
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
  readonly servicesFor: ServicesFor
  /** How people sign in, and look after their own access. */
  readonly signInServices: SignInServices
  /** How a credential goes over the wire, for people. */
  readonly formatCredential: typeof formatCredential
  /** How people send a message as a source would. */
  readonly testMessages: TestMessages
  /** Carries what is stored to its destinations, once it is started. */
  readonly deliveryWorker: DeliveryWorker
  /** Whether a key ring is the one that this database was begun with; binds a new database to it. */
  readonly bindKeyring: (ring: Keyring) => Promise<boolean>
  /** Writes what is only counted in memory. To be called once a minute, and before the end. */
  readonly flushCounters: () => Promise<void>
  /** Writes the events that are only in memory. To be called every second, and before the end. */
  readonly flushAuditEvents: () => Promise<void>
  /** Makes the events that were written a part of the chain. To be called every few seconds. */
  readonly sealAudit: () => Promise<void>
  /** Deletes what nobody needs any more. To be called now and then. */
  readonly deleteExpiredData: () => Promise<void>
}

/** A core does some hundred computations a second: a full queue is a wait of about a second. */
const MAX_QUEUED_HASHES_PER_CORE = 100

/** Limits the proofs that are kept of a key whose caller has no fixed network. */
const MAX_NETWORKS_PER_KEY = 500

/** Wires ports to adapters; neutral to the runtime. */
export function compose(runtime: RuntimeAdapters): Latchkey {
  const { config, publicUrl, consoleUrl, engine, primitives, argon2, keyring, clock, log } = runtime
  const { region, failureLimits, quota } = config

  const storage = createStorage(engine)
  const random = createRandom(primitives, clock)
  const minter = createTokenMinter(primitives, keyring, { issuer: publicUrl, audience: publicUrl })
  const sealer = createSealer(primitives, keyring)
  const digester = createSecretDigester(primitives, keyring)
  const hasher = createSecretHasher(primitives, argon2, clock, {
    width: runtime.cores,
    queue: runtime.cores * MAX_QUEUED_HASHES_PER_CORE,
  })

  const getCounterFor =
    (purpose: string): GetSharedCounter =>
    (limit) =>
      runtime.getSharedCounter?.(`${purpose} ${limit}`)
  const createFailureLimiterFor = (purpose: string) =>
    createFailureLimiter(failureLimits, clock, getCounterFor(purpose))

  const keyCache = createKeyCache(storage)
  const auditBuffer = createAuditBuffer({
    storage,
    sealer,
    random,
    clock,
    log,
    keepAlive: runtime.keepAlive,
  })
  const keepAlive = runtime.keepAlive ?? (() => undefined)
  const traffic = createTrafficCounter({ storage, clock, log, keepAlive })
  const recordRefusal = createRecordRefusal({ auditBuffer, traffic, log })
  const auditSigner = createAuditSigner(primitives, keyring)
  const anchor = createAuditAnchor({ store: runtime.anchorStore, log })
  const auditChain = createAuditChain({ storage, anchor, auditSigner, random, clock, log })
  const keyUseCounter = createKeyUseCounter(storage, clock, log, keepAlive, traffic)
  const keyProofs = createKeyProofs({
    storage,
    hasher,
    digester,
    clock,
    log,
    keepAlive,
    digestImportedKeys: config.digestImportedKeys,
  })
  const common = {
    keyCache,
    storage,
    keyProofs,
    keyUseCounter,
    minter,
    random,
    clock,
    log,
    region,
    auditBuffer,
    recordRefusal,
  }
  const secrets = { storage, random, clock, hasher, digester, sealer }
  const totp = createTotp(primitives)
  const createKeysFor = (actor: string) => createKeys({ ...secrets, actor })

  const checkRingProof = createKeyringBinding({ storage, random, clock, actor: 'operator' })
  const webhookClient = createWebhookClient({
    sendHttp: runtime.sendHttp,
    applicationName: config.applicationName,
  })
  const deliveryWorker = createDeliveryWorker({
    storage,
    sealer,
    webhookClient,
    render: renderDeliveryBody,
    clock,
    jitter: () => (primitives.randomBytes(1)[0] ?? 0) / 255,
    by: random.requestId(),
    log,
    erasesPayloads: config.payloadRetentionMs === 0,
    leaseMs: runtime.leaseMs,
    keepAlive: runtime.keepAlive,
  })
  const nextMessageId = createMessageIdGenerator({ storage, clock })
  const servicesFor = createServicesFor({
    nextMessageId,
    ...secrets,
    webhookClient,
    auditSigner,
    anchor,
    region,
    consoleUrl,
    keyCache,
    log,
    wakeQueues: deliveryWorker.wakeQueues,
  })

  const signInServices = createSignInServices({
    ...secrets,
    totp,
    auditBuffer,
    log,
    region,
    firstLink: runtime.firstInvitationSecret,
    failureLimiter: createFailureLimiterFor('console'),
  })

  const { serial } = random
  // Vendors are told the console's address only if the operator has set its public URL.
  const consoleLink = config.console?.publicUrl ? `${config.console.publicUrl}/console` : null
  const subscriptionsUrl = consoleLink ?? publicUrl
  const testMessages = createTestMessages({ serial, subscriptionsUrl })
  const apps = createApps({
    testMessages,
    signInServices,
    sessions: signInServices.sessions,
    auditBuffer,
    failureLimiter: createFailureLimiterFor('admin'),
    servicesFor,
    publicUrl,
    consoleUrl,
    isConsoleEnabled: config.console !== null,
    consoleLink,
    exchange: createExchange({
      ...common,
      hasher,
      failureLimiter: createFailureLimiterFor('exchange'),
    }),
    refresh: createRefresh({
      ...common,
      failureLimiter: createFailureLimiterFor('refresh'),
      leewayMs: config.refreshLeewayMs,
    }),
    guard: createGuard(common),
    acceptMessage: createAcceptMessage({
      storage,
      sealer,
      webhookClient,
      wakeQueues: deliveryWorker.wakeQueues,
      nextMessageId,
      random,
      clock,
      log,
      synchronousMs: runtime.synchronousMs,
    }),
    authenticate: createAuthenticate({
      ...common,
      digester,
      failureLimiter: createFailureLimiterFor('authenticate'),
      keyRateLimit: createKeyRateLimit(
        { limit: quota.requests, windowMs: quota.windowMs },
        clock,
        runtime.getSharedCounter,
      ),
    }),
    proxyRequest: createProxyRequest({
      upstreamFetch: runtime.upstreamFetch,
      upstreams: config.upstreams,
      publicUrl,
      log,
      writeUpstreamHead: runtime.writeUpstreamHead,
    }),
    customerKeys: createCustomerKeys({
      ...secrets,
      createKeysFor,
      maxKeys: config.customerKeysPerDeveloper,
    }),
    clock,
    addressRateLimit: createAddressRateLimit(
      quota.requests,
      quota.windowMs,
      clock,
      runtime.getSharedCounter,
    ),
    recordRefusal,
    storage,
    log,
    serial,
    uuid: random.uuid,
    createRequestId: random.requestId,
    getPublicKeys: () => keyring.publicKeys,
    subscriptionsUrl,
    applicationName: config.applicationName,
    messageLimitBytes: config.messageLimitBytes,
    getPeerAddress: runtime.getPeerAddress,
    trustedProxies: config.trustedProxies,
  })

  return {
    ...apps,
    storage,
    ...servicesFor({ actor: 'operator', role: 'operator', accountId: null }),
    servicesFor,
    signInServices,
    formatCredential,
    testMessages,
    deliveryWorker,
    bindKeyring: (ring) => checkRingProof(createSealer(primitives, ring)),
    async flushCounters() {
      await keyUseCounter.flush()
      await traffic.flush()
    },
    flushAuditEvents: auditBuffer.flush,
    sealAudit: auditChain.seal,
    async deleteExpiredData() {
      await storage.purgeSecretProofs(MAX_NETWORKS_PER_KEY)
      const purged = await storage.purgeGrants(clock())
      if (purged > 0) log.info({ purged }, 'grants that nobody can use any more were deleted')
      const erased = await storage.erasePayloads(clock() - config.payloadRetentionMs, clock())
      if (erased > 0) log.info({ erased }, 'payloads that nobody waits for were erased')
      const now = clock()
      await storage.purgeExpiredSignIns(now, now - FAILURE_MEMORY_MS)
      await storage.purgeTraffic(Math.floor(now / HOUR_MS) - TRAFFIC_RETENTION_HOURS)
      await auditChain.purge(subtractYears(clock(), config.auditYears))
    },
  }
}

/** The same day of an earlier year: some years are longer. */
function subtractYears(at: number, years: number): number {
  const date = new Date(at)
  return date.setUTCFullYear(date.getUTCFullYear() - years)
}

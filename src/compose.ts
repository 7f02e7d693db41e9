import type { Config } from './config.ts'
import { createAuditSigner } from './crypto/audit-signer.ts'
import { createImportedSecretVerifier } from './crypto/imported-secret-verifier.ts'
import type { Keyring } from './crypto/keyring.ts'
import type { Argon2, Primitives, SecretChecks } from './crypto/primitives.ts'
import { createSecretHasher } from './crypto/secret-hash.ts'
import { createRandom, createSealer, createSecretDigester } from './crypto/secrets.ts'
import { MAX_WORK_WAIT_MS } from './crypto/work-lanes.ts'
import { HOUR_MS } from './domain/instant.ts'
import { FAILURE_MEMORY_MS } from './domain/limits.ts'
import type { SigningAlgorithm } from './domain/oauth-client.ts'
import { createWebhookClient } from './http/webhook-client.ts'
import { createServicesFor, type Services, type ServicesFor } from './service/actor-services.ts'
import { AuditBuffer } from './service/audit/buffer.ts'
import { AuditChain, createAuditAnchor } from './service/audit/chain.ts'
import { createKeyringBinding } from './service/audit/keyring-binding.ts'
import { createRecordRefusal } from './service/audit/record-refusal.ts'
import { createRefusalLog } from './service/audit/refusal-log.ts'
import { createImportedSecrets } from './service/authenticate/imported-secrets.ts'
import { createKeyCache } from './service/authenticate/key-cache.ts'
import { IdRows } from './service/limits/id-rows.ts'
import {
  createKeyUseCounter,
  createOAuthUseRecorder,
  createTrafficCounter,
  TRAFFIC_RETENTION_HOURS,
} from './service/limits/usage-counters.ts'
import { createMessageIdGenerator } from './service/messages/messages.ts'
import { deleteUnneededPayloads } from './service/messages/payload.ts'
import { type ClientKeys, createClientKeys } from './service/oauth/client-keys.ts'
import { createLastRefusals } from './service/oauth/last-refusals.ts'
import { purgeClientData } from './service/oauth/purge-client-data.ts'
import type { AnchorStore } from './service/ports/audit.ts'
import type { SendHttp } from './service/ports/outbound.ts'
import type { QueueRef } from './service/ports/routing.ts'
import type { Clock, GetSharedCounter, KeepAlive, Log } from './service/ports/runtime.ts'
import type { Storage } from './service/ports/storage.ts'
import type { TestMessages } from './service/ports/test-messages.ts'
import type { Engine } from './storage/engine.ts'
import { createStorage } from './storage/storage.ts'

/** The adapters of a runtime: everything that knows the outside world. */
export interface RuntimeAdapters {
  readonly config: Config
  /** The public URL of this server, which is the issuer and audience of its access tokens. */
  readonly publicUrl: string
  /** Public URL of the console, without a trailing slash: links to it begin with this. */
  readonly consoleUrl: string
  readonly engine: Engine
  readonly primitives: Primitives
  readonly argon2: Argon2
  readonly secretChecks: SecretChecks
  readonly keyring: Keyring
  /** Keeps the audit's anchor outside the database. Without a store, the anchor is in memory only. */
  readonly anchorStore?: AnchorStore | undefined
  /** The secret part of the first operator's invitation link, if no terminal can print one. */
  readonly firstInvitationSecret?: string | undefined
  readonly clock: Clock
  readonly log: Log
  /** Reaches a destination, or the key set of a client. */
  readonly sendHttp: SendHttp
  /** The number of argon2 computations that may run at once. */
  readonly cores: number
  /** The length of all long messages that are read at once. */
  readonly longMessageBytes: number
  /** Tests if the disk has space for long messages of this length, where the runtime can know. */
  readonly hasDiskSpace?: ((bytes: number) => boolean) | undefined
  /** Counts limits for all processes that serve one port. */
  readonly getSharedCounter?: GetSharedCounter | undefined
  /** Keeps work alive after the response, in a runtime that would stop it. */
  readonly keepAlive?: KeepAlive
  /** The time that a queue belongs to this process without a renewal. */
  readonly leaseMs: number
  /** The time in which a destination must answer a query. */
  readonly synchronousMs?: number | undefined
}

/** A composed server. Its services are the operator's: they see every account, and have every permission. */
export interface Latchkey extends Services {
  readonly storage: Storage
  /** Creates the services of another actor. */
  readonly servicesFor: ServicesFor
  /** Loads what only a command for test messages needs. */
  readonly loadTestMessages: () => Promise<TestMessages>
  /** Returns true for the key ring of this database; a new database is bound to the given ring. */
  readonly bindKeyring: (ring: Keyring) => Promise<boolean>
  /** Writes the counters in memory. Call it once a minute, and before the process ends. */
  readonly flushCounters: () => Promise<void>
  /** Writes the audit events and log lines in memory. Call it every second. */
  readonly flushAuditEvents: () => Promise<void>
  /** Writes the audit events and counts in memory. Call it before the process ends. */
  readonly closeAuditBuffer: () => Promise<void>
  /** Seals the written events into the chain. Call it every few seconds. */
  readonly sealAudit: () => Promise<void>
  /** Deletes expired rows and payloads. Call it from time to time. */
  readonly deleteExpiredData: () => Promise<void>
  /** The parts that `composeApps` builds on. */
  readonly parts: Parts
}

/** A core computes about a hundred hashes a second, so a full queue is a wait of about a second. */
const MAX_QUEUED_HASHES_PER_CORE = 100

/** Each check of an imported secret takes up to 128 MiB of memory. */
const MAX_CHECKS_AT_ONCE = 4

/** Limits the stored proofs of a key whose caller has no fixed network. */
const MAX_NETWORKS_PER_KEY = 500

/** Connects ports to adapters, for any runtime, except those that only a server needs. */
export function compose(runtime: RuntimeAdapters): Latchkey {
  const { config, publicUrl, consoleUrl, primitives, keyring, clock, log } = runtime
  const { region } = config
  const core = createCore(runtime)
  const { storage, random, secrets, auditBuffer, refusalLog, keyUseCounter, traffic } = core
  const webhookClient = createWebhookClient({
    sendHttp: runtime.sendHttp,
    applicationName: config.applicationName,
  })
  const clientKeys = createClientKeys({
    sendHttp: runtime.sendHttp,
    clock,
    keepAlive: runtime.keepAlive ?? (() => undefined),
  })
  const nextMessageId = createMessageIdGenerator({ storage, clock })
  const queueWaker: QueueWaker = { wake: () => undefined }
  const auditSigner = createAuditSigner(primitives, keyring)
  const anchor = createAuditAnchor({ store: runtime.anchorStore, log })
  const auditChain = new AuditChain({ storage, anchor, auditSigner, random, clock, log })
  const checkRingProof = createKeyringBinding({ storage, random, clock, actor: 'operator' })
  const servicesFor = createServicesFor({
    nextMessageId,
    ...secrets,
    webhookClient,
    auditSigner,
    anchor,
    region,
    consoleUrl,
    keyCache: core.keyCache,
    log,
    wakeQueues: (queues) => queueWaker.wake(queues),
    clientKeys,
    // Half of the cores stay free for requests.
    importHashWidth: Math.ceil(runtime.cores / 2),
  })
  // Vendors learn the console's address only if the operator has set its public URL.
  const consoleLink = config.console?.publicUrl ? `${config.console.publicUrl}/console` : null
  const subscriptionsUrl = consoleLink ?? publicUrl

  return {
    storage,
    ...servicesFor({ actor: 'operator', role: 'operator', accountId: null }),
    servicesFor,
    async loadTestMessages() {
      const { createTestMessages } = await import('./http/vendors/redox/test-messages.ts')
      return createTestMessages({ serial: random.serial, subscriptionsUrl })
    },
    bindKeyring: (ring) => checkRingProof(createSealer(primitives, ring)),
    async flushCounters() {
      await keyUseCounter.flush()
      await core.oauthUses.flush()
      await traffic.flush()
    },
    async flushAuditEvents() {
      refusalLog.flush()
      await Promise.all([auditBuffer.flush(), core.lastRefusals.flush()])
    },
    async closeAuditBuffer() {
      refusalLog.flush()
      await Promise.all([auditBuffer.close(), core.lastRefusals.flush()])
    },
    sealAudit: () => auditChain.seal(),
    deleteExpiredData: () => deleteExpiredData(runtime, storage, auditChain),
    parts: {
      runtime,
      core,
      webhookClient,
      clientKeys,
      nextMessageId,
      queueWaker,
      consoleLink,
      subscriptionsUrl,
    },
  }
}

/** The parts that a server shares with its services. */
export interface Parts {
  readonly runtime: RuntimeAdapters
  readonly core: Core
  readonly webhookClient: ReturnType<typeof createWebhookClient>
  readonly clientKeys: ClientKeys
  readonly nextMessageId: ReturnType<typeof createMessageIdGenerator>
  readonly queueWaker: QueueWaker
  readonly consoleLink: string | null
  readonly subscriptionsUrl: string
}

/** Starts subscriptions that have new messages. A server sets it; a command leaves them to the servers. */
interface QueueWaker {
  wake(queues: readonly QueueRef[]): void
}

export type Core = ReturnType<typeof createCore>

/** Creates the storage, the secrets and the counters that most services use. */
function createCore(runtime: RuntimeAdapters) {
  const { config, primitives, keyring, clock, log } = runtime
  const keepAlive = runtime.keepAlive ?? (() => undefined)
  const storage = createStorage(runtime.engine)
  const keyRows = new IdRows()
  const random = createRandom(primitives, clock)
  const sealer = createSealer(primitives, keyring)
  const digester = createSecretDigester(primitives, keyring)
  const hasher = createSecretHasher(primitives, runtime.argon2, clock, {
    width: runtime.cores,
    queue: runtime.cores * MAX_QUEUED_HASHES_PER_CORE,
  })
  const checksAtOnce = Math.min(runtime.cores, MAX_CHECKS_AT_ONCE)
  const importedSecretVerifier = createImportedSecretVerifier(
    primitives,
    runtime.secretChecks,
    clock,
    {
      width: checksAtOnce,
      queue: checksAtOnce * MAX_QUEUED_HASHES_PER_CORE,
      waitMs: MAX_WORK_WAIT_MS,
    },
  )
  const auditBuffer = new AuditBuffer({
    storage,
    sealer,
    random,
    clock,
    log,
    refusalBytesPerDay: config.auditRefusalBytesPerDay,
    keepAlive: runtime.keepAlive,
  })
  const refusalLog = createRefusalLog({ log, clock, keepAlive: runtime.keepAlive })
  const traffic = createTrafficCounter({ storage, clock, log, keepAlive })
  return {
    storage,
    random,
    clock,
    log,
    region: config.region,
    secrets: {
      storage,
      random,
      clock,
      hasher,
      importedSecretVerifier,
      importedSecrets: createImportedSecrets({
        storage,
        importedSecretVerifier,
        digester,
        sealer,
        clock,
      }),
      digester,
      sealer,
      canSign: (algorithm: SigningAlgorithm) => keyring.findCurrentId(algorithm) !== undefined,
    },
    keyCache: createKeyCache(storage, digester),
    auditBuffer,
    traffic,
    lastRefusals: createLastRefusals({ storage, clock, log, keepAlive: runtime.keepAlive }),
    refusalLog,
    recordRefusal: createRecordRefusal({ auditBuffer, traffic, refusalLog }),
    keyRows,
    keyUseCounter: createKeyUseCounter({ storage, clock, log, keepAlive, traffic, keyRows }),
    oauthUses: createOAuthUseRecorder(storage, clock, log, keepAlive),
  }
}

async function deleteExpiredData(
  { config, clock, log }: RuntimeAdapters,
  storage: Storage,
  auditChain: AuditChain,
): Promise<void> {
  await storage.purgeSecretProofs(MAX_NETWORKS_PER_KEY)
  await storage.purgeImportedSecrets(clock())
  const purged = await storage.purgeGrants(clock())
  if (purged > 0) log.info({ purged }, 'expired grants were deleted')
  const erased = await storage.erasePayloads(clock() - config.payloadRetentionMs, clock())
  if (erased > 0) log.info({ erased }, 'expired payloads were erased')
  const now = clock()
  await purgeClientData(storage, now)
  await deleteUnneededPayloads(storage, now)
  await storage.purgeExpiredSignIns(now, now - FAILURE_MEMORY_MS)
  await storage.purgeTraffic(Math.floor(now / HOUR_MS) - TRAFFIC_RETENTION_HOURS)
  await auditChain.purge(subtractYears(clock(), config.auditYears))
}

/** Returns the same day of an earlier year, because years differ in length. */
function subtractYears(at: number, years: number): number {
  const date = new Date(at)
  return date.setUTCFullYear(date.getUTCFullYear() - years)
}

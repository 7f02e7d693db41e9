import { existsSync, statfsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname } from 'node:path'
import { getHeapStatistics } from 'node:v8'
import { compose, type Latchkey } from '../compose.ts'
import type { Config } from '../config.ts'
import { Keyring } from '../crypto/keyring.ts'
import type { Argon2, SecretChecks } from '../crypto/primitives.ts'
import type { Ring } from '../crypto/ring.ts'
import { NODE_CHECK_BOUNDS } from '../domain/secret-forms/secret-check.ts'
import type { SendHttp } from '../service/ports/outbound.ts'
import type { Clock, GetSharedCounter, Log } from '../service/ports/runtime.ts'
import { createAnchorFile, getAnchorPath } from './anchor-file.ts'
import { isNewDatabase, openEngine } from './database.ts'
import { createFolder } from './draft-files.ts'
import { loadRing } from './keyring-file.ts'
import type { SendHttpOptions } from './outbound-http.ts'
import { nodeArgon2, nodeHashFunctions, nodePrimitives } from './primitives.ts'
import type { SecretCheckThreads } from './secret-check-threads.ts'

/** The processes that serve one port together. */
export interface WorkerGroup {
  readonly size: number
  readonly share: GetSharedCounter
}

/** The longest time that subscriptions wait after the process that leased them was killed. */
const LEASE_MS = 15_000

const MAX_LONG_MESSAGE_BYTES = 512 * 1024 * 1024
/** A sealed payload is a third longer, and is written to the log and then to the file. */
const DISK_BYTES_PER_MESSAGE_BYTE = 3
/** Long messages leave this much for short ones, tokens and the audit. */
const DISK_RESERVE_BYTES = 32 * 1024 * 1024

export interface OpenLatchkey extends Latchkey {
  readonly keyring: Keyring
  readonly ring: Ring
  /** Ends the threads that check imported secrets. */
  readonly closeSecretChecks: () => Promise<void>
}

/** Opens everything but the apps and listeners: all that a command needs. */
export async function openLatchkey(
  config: Config,
  {
    publicUrl,
    consoleUrl = formatConsoleUrl(config, config.console?.port ?? config.port),
    log,
    clock = Date.now,
    argon2 = nodeArgon2,
    group,
  }: {
    publicUrl: string
    consoleUrl?: string
    log: Log
    clock?: Clock
    argon2?: Argon2
    group?: WorkerGroup | undefined
  },
): Promise<OpenLatchkey> {
  createFolder(config.dataDir)
  // The ring is created before the database. If only the database exists, a new ring could not verify or
  // open what it holds.
  const canCreate = !existsSync(config.keyringPath) && (await isNewDatabase(config.database, log))
  const ring = await loadRing(config.keyringPath, { canCreate })
  const keyring = new Keyring(nodePrimitives, ring)
  const secretChecks = createLazySecretChecks(log)
  const latchkey = compose({
    config,
    publicUrl,
    consoleUrl,
    engine: await openEngine(config.database, log),
    primitives: nodePrimitives,
    argon2,
    secretChecks,
    keyring,
    anchorStore: createAnchorFile(getAnchorPath(config.keyringPath)),
    clock,
    log,
    sendHttp: createLazySendHttp({ allowed: config.destinationsAllowed }),
    cores: Math.ceil(availableParallelism() / (group?.size ?? 1)),
    hasDiskSpace:
      config.database.engine === 'sqlite' ? createDiskSpaceTest(config.database.path) : undefined,
    longMessageBytes: Math.min(MAX_LONG_MESSAGE_BYTES, getHeapStatistics().heap_size_limit / 2),
    getSharedCounter: group?.share,
    leaseMs: LEASE_MS,
  })
  return { ...latchkey, keyring, ring, closeSecretChecks: secretChecks.close }
}

/** The URL of a listener that has no public URL. */
export function formatListenerUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The console's public URL. When the console is off, links to it work nowhere. */
export const formatConsoleUrl = ({ console, host }: Config, port: number): string =>
  console?.publicUrl ?? formatListenerUrl(console?.host ?? host, port)

/** Creates a test of the space for long messages in the database's folder. */
const createDiskSpaceTest = (path: string) => (bytes: number) => {
  const { bavail, bsize } = statfsSync(dirname(path))
  return bavail * bsize > bytes * DISK_BYTES_PER_MESSAGE_BYTE + DISK_RESERVE_BYTES
}

/** Loads the threads at the first check: most servers have no imported secret. */
export function createLazySecretChecks(log: Log): SecretChecks & { close: () => Promise<void> } {
  let loading: Promise<SecretCheckThreads> | undefined
  return {
    functions: nodeHashFunctions,
    bounds: NODE_CHECK_BOUNDS,
    async check(secret, check, pepper) {
      loading ??= import('./secret-check-threads.ts').then(
        ({ SecretCheckThreads }) => new SecretCheckThreads(log),
      )
      return (await loading).check(secret, check, pepper)
    },
    close: async () => (await loading)?.close(),
  }
}

/** Loads the client at the first request: most commands send none. */
function createLazySendHttp(options: SendHttpOptions): SendHttp {
  let sendHttp: SendHttp | undefined
  return async (request) => {
    sendHttp ??= (await import('./outbound-http.ts')).createSendHttp(options)
    return sendHttp(request)
  }
}

import { existsSync, mkdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import type { Context } from 'hono'
import { compose, type Latchkey } from '../compose.ts'
import type { Config } from '../config.ts'
import { Keyring, type Ring } from '../crypto/keyring.ts'
import type { Argon2 } from '../crypto/primitives.ts'
import type { Clock, GetSharedCounter, Log } from '../service/ports/runtime.ts'
import { createAnchorFile, getAnchorPath } from './anchor-file.ts'
import { isNewDatabase, openEngine } from './database.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'
import { createForeignRingError, loadRing, watchKeyringFile } from './keyring-file.ts'
import { readConsoleAssets } from './package-file.ts'
import { nodeArgon2, nodePrimitives } from './primitives.ts'
import { type ListeningAddresses, logListening } from './startup-log.ts'
import { createUpstreamFetch, writeUpstreamHead } from './upstream-fetch.ts'
import { createSendHttp } from './webhook-client.ts'

/** The processes that serve one port together. */
export interface WorkerGroup {
  readonly size: number
  readonly share: GetSharedCounter
}

/** Opens everything but the listeners, for the command line. */
export async function openLatchkey(
  config: Config,
  {
    publicUrl,
    consoleUrl = formatConsoleUrl(config, config.console?.port ?? config.port),
    log,
    clock = Date.now,
    argon2 = nodeArgon2,
    team,
  }: {
    publicUrl: string
    consoleUrl?: string
    log: Log
    clock?: Clock
    argon2?: Argon2
    team?: WorkerGroup | undefined
  },
): Promise<Latchkey & { keyring: Keyring; ring: Ring }> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  // The ring is created before the database. If only the database exists, a new ring could not verify or
  // open what it holds.
  const canCreate = !existsSync(config.keyringPath) && (await isNewDatabase(config.database, log))
  const ring = await loadRing(config.keyringPath, { canCreate })
  const keyring = new Keyring(nodePrimitives, ring)
  const latchkey = compose({
    config,
    publicUrl,
    consoleUrl,
    consoleAssets: readConsoleAssets(),
    engine: await openEngine(config.database, log),
    primitives: nodePrimitives,
    argon2,
    keyring,
    anchorStore: createAnchorFile(getAnchorPath(config.keyringPath)),
    clock,
    log,
    upstreamFetch: createUpstreamFetch({ timeoutMs: config.upstreamTimeoutMs }),
    writeUpstreamHead,
    sendHttp: createSendHttp({ allowed: config.destinationsAllowed }),
    cores: Math.ceil(availableParallelism() / (team?.size ?? 1)),
    getSharedCounter: team?.share,
    leaseMs: LEASE_MS,
    getPeerAddress: (c: Context<{ Bindings: { incoming?: IncomingMessage } }>) =>
      c.env?.incoming?.socket.remoteAddress ?? '',
  })
  return { ...latchkey, keyring, ring }
}

export interface RunningServer extends Latchkey, ListeningAddresses {
  /** Answers the requests in progress, then closes the database. */
  stop(): Promise<void>
}

const SWEEP_INTERVAL_MS = 60 * 60 * 1000
const FLUSH_INTERVAL_MS = 60 * 1000
const AUDIT_FLUSH_INTERVAL_MS = 1000
const SEAL_INTERVAL_MS = 5000
const QUEUE_POLL_INTERVAL_MS = 1000
/** The longest time that subscriptions wait after the process that leased them was killed. */
const LEASE_MS = 15_000
const LEASE_RENEWAL_INTERVAL_MS = 5000

/** Opens the database, listens, and logs warnings about the configuration. */
export async function startLatchkey(config: Config, log: Log): Promise<RunningServer> {
  const running = await startInGroup(undefined, config, log)
  logListening(config, log, running)
  return running
}

/** Starts a server that shares its port with the other processes of `team`. */
export async function startInGroup(
  team: WorkerGroup | undefined,
  config: Config,
  log: Log,
): Promise<RunningServer> {
  const vendorListener = createListener(config, 'LATCHKEY', log)
  const consoleListener = config.console && createListener(config.console, 'LATCHKEY_CONSOLE', log)
  const listeners = consoleListener === null ? [vendorListener] : [vendorListener, consoleListener]
  const closeListeners = () => listeners.map(({ server }) => server.close())
  // URLs in tokens and links have the port. A port that the system chooses is known only after
  // listening, and no client knows it yet. Any other port is opened once the server is ready.
  const ports = await Promise.all(listeners.map(listenAtFreePort)).catch((error: unknown) => {
    closeListeners()
    throw error
  })
  const [port = 0, consolePort = 0] = ports
  const url = config.publicUrl ?? formatListenerUrl(config.host, port)
  const consoleUrl = formatConsoleUrl(config, consolePort)
  const urls = { publicUrl: url, consoleUrl }
  const opened = await openWithOwnKeyring(config, { ...urls, log, team }).catch(
    (error: unknown) => {
      closeListeners()
      throw error
    },
  )
  const { keyring, ring: loaded, ...latchkey } = opened
  vendorListener.server.serveApp(latchkey.app.fetch, url)
  if (latchkey.consoleApp !== null)
    consoleListener?.server.serveApp(latchkey.consoleApp.fetch, consoleUrl)
  await Promise.all(listeners.map(listenAtFixedPort)).catch(async (error: unknown) => {
    closeListeners()
    await latchkey.storage.close()
    throw error
  })
  const watchedKeyring = {
    path: config.keyringPath,
    loaded,
    keyring,
    isOwnRing: latchkey.bindKeyring,
  }
  const stopWatchingKeyring = watchKeyringFile(watchedKeyring, log)

  let pendingSeal: Promise<void> | undefined
  const seal = () => {
    pendingSeal ??= latchkey
      .sealAudit()
      .catch((error: unknown) => log.error({ error }, 'the audit was not sealed'))
      .finally(() => {
        pendingSeal = undefined
      })
    return pendingSeal
  }
  const sweep = () =>
    latchkey.deleteExpiredData().catch((error: unknown) => log.error({ error }, 'the sweep failed'))
  latchkey.deliveryWorker.start()
  const pollQueues = () =>
    latchkey.deliveryWorker
      .startDueQueues()
      .catch((error: unknown) => log.error({ error }, 'no feed was looked for'))
  const timers = [
    setInterval(pollQueues, QUEUE_POLL_INTERVAL_MS),
    setInterval(() => latchkey.deliveryWorker.renewLeases(), LEASE_RENEWAL_INTERVAL_MS),
    setInterval(latchkey.flushAuditEvents, AUDIT_FLUSH_INTERVAL_MS),
    setInterval(seal, SEAL_INTERVAL_MS),
    setInterval(latchkey.flushCounters, FLUSH_INTERVAL_MS),
    setInterval(sweep, SWEEP_INTERVAL_MS),
  ]
  for (const timer of timers) timer.unref()
  // Reports a database that was set back at once, not when the first event is sealed.
  void seal()

  return {
    ...latchkey,
    port,
    url,
    console: consoleListener && { port: consolePort, url: consoleUrl },
    async stop() {
      for (const timer of timers) clearInterval(timer)
      stopWatchingKeyring()
      const deliveryStopped = latchkey.deliveryWorker.stop(config.stopTimeoutMs)
      const forceCloseTimer = setTimeout(() => {
        for (const { server } of listeners) server.closeAllConnections()
      }, config.stopTimeoutMs)
      await Promise.all(
        listeners.map(
          ({ server }) =>
            new Promise((closed) => {
              server.close(closed)
              server.closeIdleConnections()
            }),
        ),
      )
      clearTimeout(forceCloseTimer)
      await deliveryStopped
      await latchkey.flushCounters()
      await latchkey.flushAuditEvents()
      // The pending seal may have begun before the last events were flushed.
      await pendingSeal
      await seal()
      await latchkey.storage.close()
      log.info({}, 'stopped')
    },
  }
}

/**
 * Refuses a database that was created with another key ring, because its tokens and messages would be
 * lost.
 */
async function openWithOwnKeyring(config: Config, parts: Parameters<typeof openLatchkey>[1]) {
  const latchkey = await openLatchkey(config, parts)
  try {
    if (await latchkey.bindKeyring(latchkey.keyring)) return latchkey
    throw createForeignRingError(config.keyringPath)
  } catch (error) {
    await latchkey.storage.close()
    throw error
  }
}

/** The URL of a listener that has no public URL. */
export function formatListenerUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The console's public URL. When the console is off, links to it work nowhere. */
export const formatConsoleUrl = ({ console, host }: Config, port: number): string =>
  console?.publicUrl ?? formatListenerUrl(console?.host ?? host, port)

interface Listener {
  readonly server: HttpServer
  readonly host: string
  readonly port: number
  /** The prefix of the listener's settings. */
  readonly settings: 'LATCHKEY' | 'LATCHKEY_CONSOLE'
}

function createListener(
  { host, port }: Pick<Config, 'host' | 'port'>,
  settings: Listener['settings'],
  log: Log,
): Listener {
  return { server: createHttpServer(log), host, port, settings }
}

const listenAtFreePort = (listener: Listener): Promise<number> | number =>
  listener.port === 0 ? listen(listener) : listener.port

const listenAtFixedPort = async (listener: Listener): Promise<void> => {
  if (listener.port !== 0) await listen(listener)
}

function listen({ server, host, port, settings }: Listener): Promise<number> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(Object.assign(error, { settings }))
    server.once('error', fail)
    server.listen(port, host, () => {
      server.off('error', fail)
      resolve((server.address() as AddressInfo).port)
    })
  })
}

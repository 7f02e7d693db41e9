import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Context, Hono } from 'hono'
import type { Latchkey } from '../compose.ts'
import { composeApps, type ServerParts } from '../compose-apps.ts'
import type { Config } from '../config.ts'
import type { Clock, Log } from '../service/ports/runtime.ts'
import {
  createHttpServer,
  type HttpServer,
  IMPORT_BODY_LIMITS,
  type SlowBodyLimits,
} from './http-server.ts'
import { createForeignRingError, scheduleRotation, watchKeyringFile } from './keyring-file.ts'
import { type ListeningAddresses, logListening } from './log.ts'
import {
  formatConsoleUrl,
  formatListenerUrl,
  openLatchkey,
  type WorkerGroup,
} from './open-latchkey.ts'
import { readConsoleAssets } from './package-file.ts'
import { createUpstreamFetch, writeUpstreamHead } from './upstream-fetch.ts'

export interface RunningServer extends Latchkey, ServerParts, ListeningAddresses {
  /** Answers the requests in progress, then closes the database. */
  stop(): Promise<void>
}

const SWEEP_INTERVAL_MS = 60 * 60 * 1000
const FLUSH_INTERVAL_MS = 60 * 1000
const AUDIT_FLUSH_INTERVAL_MS = 1000
const SEAL_INTERVAL_MS = 5000
const QUEUE_POLL_INTERVAL_MS = 1000
const LEASE_RENEWAL_INTERVAL_MS = 5000

/** The parts that another program replaces in the server that it starts. */
export interface ServerOverrides {
  readonly clock?: Clock
  /** Answers the requests of vendors, in place of their app and by means of it. */
  readonly wrapApp?: (apps: ServerParts) => Hono['fetch']
}

/** Opens the database, listens, and logs warnings about the configuration. */
export async function startLatchkey(
  config: Config,
  log: Log,
  overrides: ServerOverrides = {},
): Promise<RunningServer> {
  const running = await startInGroup(undefined, config, log, overrides)
  logListening(config, log, running)
  return running
}

/** Starts a server that shares its port with the other processes of `group`. */
export async function startInGroup(
  group: WorkerGroup | undefined,
  config: Config,
  log: Log,
  { clock, wrapApp }: ServerOverrides = {},
): Promise<RunningServer> {
  const vendorListener = createListener(config, 'LATCHKEY', log)
  const consoleListener =
    config.console &&
    // The management API takes imports.
    createListener(config.console, 'LATCHKEY_CONSOLE', log, IMPORT_BODY_LIMITS)
  const listeners = consoleListener === null ? [vendorListener] : [vendorListener, consoleListener]
  try {
    // URLs in tokens and links have the port. A port that the system chooses is known only after
    // listening, and no client knows it yet. Any other port is opened once the server is ready.
    const [port = 0, consolePort = 0] = await Promise.all(listeners.map(listenAtFreePort))
    const url = config.publicUrl ?? formatListenerUrl(config.host, port)
    const consoleUrl = formatConsoleUrl(config, consolePort)
    const parts = { publicUrl: url, consoleUrl, log, group, ...(clock && { clock }) }
    const { keyring, ring, ...latchkey } = await openWithOwnKeyring(config, parts)
    const apps = composeNodeApps(latchkey)
    const { deliveryWorker } = apps
    if (wrapApp === undefined) vendorListener.server.serveApp(apps.app.fetch, url, apps.app.router)
    else vendorListener.server.serveApp(wrapApp(apps), url)
    if (apps.consoleApp !== null)
      consoleListener?.server.serveApp(apps.consoleApp.fetch, consoleUrl)
    await listenAtFixedPorts(listeners).catch(async (error: unknown) => {
      await latchkey.storage.close()
      throw error
    })
    const stopWatchingKeyring = watchKeyringFile(
      { path: config.keyringPath, loaded: ring, keyring, isOwnRing: latchkey.bindKeyring },
      log,
    )
    const stopRotation =
      config.signingKeyMs === null
        ? () => undefined
        : scheduleRotation(config.keyringPath, config.signingKeyMs, log)
    const backgroundWork = new BackgroundWork({ ...latchkey, deliveryWorker }, log)
    backgroundWork.start()
    return {
      ...latchkey,
      ...apps,
      port,
      url,
      console: consoleListener && { port: consolePort, url: consoleUrl },
      async stop() {
        backgroundWork.stop()
        stopWatchingKeyring()
        stopRotation()
        const deliveryStopped = deliveryWorker.stop(config.stopTimeoutMs)
        await Promise.all(listeners.map(({ server }) => server.stop(config.stopTimeoutMs)))
        await deliveryStopped
        await backgroundWork.finish()
        await latchkey.closeSecretChecks()
        await latchkey.storage.close()
        log.info({}, 'stopped')
      },
    }
  } catch (error) {
    for (const { server } of listeners) server.close()
    throw error
  }
}

type ServedLatchkey = Latchkey & Pick<ServerParts, 'deliveryWorker'>

/** The work of a running server that no request starts. */
class BackgroundWork {
  readonly #latchkey: ServedLatchkey
  readonly #log: Log
  #timers: NodeJS.Timeout[] = []
  #pendingSeal: Promise<void> | undefined

  constructor(latchkey: ServedLatchkey, log: Log) {
    this.#latchkey = latchkey
    this.#log = log
  }

  start(): void {
    const { deliveryWorker, flushAuditEvents, flushCounters } = this.#latchkey
    deliveryWorker.start()
    this.#timers = [
      setInterval(() => this.#startDueQueues(), QUEUE_POLL_INTERVAL_MS),
      setInterval(() => deliveryWorker.renewLeases(), LEASE_RENEWAL_INTERVAL_MS),
      setInterval(flushAuditEvents, AUDIT_FLUSH_INTERVAL_MS),
      setInterval(() => this.#sealAudit(), SEAL_INTERVAL_MS),
      setInterval(flushCounters, FLUSH_INTERVAL_MS),
      setInterval(() => this.#deleteExpiredData(), SWEEP_INTERVAL_MS),
    ]
    for (const timer of this.#timers) timer.unref()
    // Reports a database that was set back at once, not when the first event is sealed.
    void this.#sealAudit()
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }

  /** Writes the counters and events of the last requests, and seals them. */
  async finish(): Promise<void> {
    await this.#latchkey.flushCounters()
    await this.#latchkey.closeAuditBuffer()
    // The pending seal may have begun before the last events were flushed.
    await this.#pendingSeal
    await this.#sealAudit()
  }

  /** Runs one seal at a time. Never rejects. */
  #sealAudit(): Promise<void> {
    this.#pendingSeal ??= this.#latchkey
      .sealAudit()
      .catch((error: unknown) => this.#log.error({ error }, 'the audit could not be sealed'))
      .finally(() => {
        this.#pendingSeal = undefined
      })
    return this.#pendingSeal
  }

  #deleteExpiredData(): Promise<void> {
    return this.#latchkey
      .deleteExpiredData()
      .catch((error: unknown) => this.#log.error({ error }, 'expired data could not be deleted'))
  }

  #startDueQueues(): Promise<void> {
    return this.#latchkey.deliveryWorker
      .startDueQueues()
      .catch((error: unknown) => this.#log.error({ error }, 'due subscriptions could not be read'))
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

/** Composes the apps with the adapters of Node. */
export const composeNodeApps = (latchkey: Latchkey): ServerParts =>
  composeApps(latchkey, {
    consoleAssets: readConsoleAssets(),
    upstreamFetch: createUpstreamFetch({
      timeoutMs: latchkey.parts.runtime.config.upstreamTimeoutMs,
    }),
    writeUpstreamHead,
    getPeerAddress: (c: Context<{ Bindings: { incoming?: IncomingMessage } }>) =>
      c.env?.incoming?.socket.remoteAddress ?? '',
  })

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
  slowBodyLimits?: SlowBodyLimits,
): Listener {
  return { server: createHttpServer(log, slowBodyLimits), host, port, settings }
}

const listenAtFreePort = (listener: Listener): Promise<number> | number =>
  listener.port === 0 ? listen(listener) : listener.port

/** Waits for each listener: in a worker, Node fails if one is closed that has not begun to listen. */
async function listenAtFixedPorts(listeners: readonly Listener[]): Promise<void> {
  const fixed = listeners.filter(({ port }) => port !== 0)
  for (const result of await Promise.allSettled(fixed.map(listen))) {
    if (result.status === 'rejected') throw result.reason
  }
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

import { existsSync, mkdirSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import type { Context } from 'hono'
import { compose, type Latchkey } from '../compose.ts'
import type { Config } from '../config.ts'
import { Keyring, type Ring } from '../crypto/keyring.ts'
import type { Clock, Log, Share } from '../service/ports.ts'
import { anchorPath, createAnchorFile } from './anchor-file.ts'
import { announce, type Listening } from './announce.ts'
import { createDispatch } from './courier/dispatch.ts'
import { isNew, openEngine } from './engine.ts'
import { createHttpServer, type HttpServer } from './http-server.ts'
import { loadRing } from './keyring-file.ts'
import { followRing, foreignRing } from './keyring-follow.ts'
import { nodeArgon2, nodePrimitives } from './primitives.ts'
import { createCarry } from './upstream/carry.ts'
import { keepHead } from './upstream/keep-head.ts'

/** The processes that serve one port together, as each of them sees it. */
export interface Team {
  readonly size: number
  readonly share: Share
}

/** Everything but a socket: what the command line works with. */
export async function open(
  config: Config,
  {
    publicUrl,
    consoleUrl = urlOfConsole(config, config.console?.port ?? config.port),
    log,
    clock = Date.now,
    team,
  }: {
    publicUrl: string
    consoleUrl?: string
    log: Log
    clock?: Clock
    team?: Team | undefined
  },
): Promise<Latchkey & { keyring: Keyring; ring: Ring }> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 })
  // The ring is older than the database: where only the database is there, a new ring would prove
  // and open nothing of what it holds.
  const mayMake = !existsSync(config.keyringPath) && (await isNew(config.database, log))
  const ring = await loadRing(config.keyringPath, { mayMake })
  const keyring = new Keyring(nodePrimitives, ring)
  const latchkey = compose({
    config,
    publicUrl,
    consoleUrl,
    engine: await openEngine(config.database, log),
    primitives: nodePrimitives,
    argon2: nodeArgon2,
    keyring,
    anchorStore: createAnchorFile(anchorPath(config.keyringPath)),
    clock,
    log,
    carry: createCarry({ timeoutMs: config.upstreamTimeoutMs }),
    keepHead,
    dispatch: createDispatch({ allowed: config.destinationsAllowed }),
    cores: Math.ceil(availableParallelism() / (team?.size ?? 1)),
    share: team?.share,
    leaseMs: LEASE_MS,
    peerOf: (c: Context<{ Bindings: { incoming?: IncomingMessage } }>) =>
      c.env?.incoming?.socket.remoteAddress ?? '',
  })
  return { ...latchkey, keyring, ring }
}

export interface Running extends Latchkey, Listening {
  /** Answers what is under way, then closes the database. */
  stop(): Promise<void>
}

const SWEEP_MS = 60 * 60 * 1000
const FLUSH_MS = 60 * 1000
const RECORD_MS = 1000
const SEAL_MS = 5000
const LOOK_MS = 1000
/** After a process was killed, its feeds stand still so long at most. */
const LEASE_MS = 15_000
const RENEW_MS = 5000

/** Opens the database, listens, and says what is dangerous in how it was set up. */
export async function start(config: Config, log: Log): Promise<Running> {
  const running = await startOneOf(undefined, config, log)
  announce(config, log, running)
  return running
}

/** As `start` does, where `team` serves the port together. */
export async function startOneOf(
  team: Team | undefined,
  config: Config,
  log: Log,
): Promise<Running> {
  const main = createListener(config, 'LATCHKEY', log)
  const own = config.console && createListener(config.console, 'LATCHKEY_CONSOLE', log)
  const listeners = own === null ? [main] : [main, own]
  const close = () => listeners.map(({ server }) => server.close())
  // URLs in tokens and links have the port. A port that the system chooses is known only after
  // listening, and no client knows it yet. Any other port is opened once the server is ready.
  const ports = await Promise.all(listeners.map(listenAnywhere)).catch((error: unknown) => {
    close()
    throw error
  })
  const [port = 0, consolePort = 0] = ports
  const url = config.publicUrl ?? urlAt(config.host, port)
  const consoleUrl = urlOfConsole(config, consolePort)
  const urls = { publicUrl: url, consoleUrl }
  const opened = await openOwn(config, { ...urls, log, team }).catch((error: unknown) => {
    close()
    throw error
  })
  const { keyring, ring: loaded, ...latchkey } = opened
  main.server.answerWith(latchkey.app.fetch, url)
  if (latchkey.consoleApp !== null) own?.server.answerWith(latchkey.consoleApp.fetch, consoleUrl)
  await Promise.all(listeners.map(listenAtPort)).catch(async (error: unknown) => {
    close()
    await latchkey.storage.close()
    throw error
  })
  const followed = { path: config.keyringPath, loaded, keyring, belongs: latchkey.ringBelongs }
  const unfollow = followRing(followed, log)

  let sealing: Promise<void> | undefined
  const seal = () => {
    sealing ??= latchkey
      .seal()
      .catch((error: unknown) => log.error({ error }, 'the audit was not sealed'))
      .finally(() => {
        sealing = undefined
      })
    return sealing
  }
  const sweep = () =>
    latchkey.sweep().catch((error: unknown) => log.error({ error }, 'the sweep failed'))
  latchkey.deliver.start()
  const look = () =>
    latchkey.deliver
      .look()
      .catch((error: unknown) => log.error({ error }, 'no feed was looked for'))
  const timers = [
    setInterval(look, LOOK_MS),
    setInterval(latchkey.deliver.renew, RENEW_MS),
    setInterval(latchkey.record, RECORD_MS),
    setInterval(seal, SEAL_MS),
    setInterval(latchkey.flush, FLUSH_MS),
    setInterval(sweep, SWEEP_MS),
  ]
  for (const timer of timers) timer.unref()
  // Reports a database that was set back at once, not when the first event is sealed.
  void seal()

  return {
    ...latchkey,
    port,
    url,
    console: own && { port: consolePort, url: consoleUrl },
    async stop() {
      for (const timer of timers) clearInterval(timer)
      unfollow()
      const delivered = latchkey.deliver.stop(config.stopMs)
      const hurry = setTimeout(() => {
        for (const { server } of listeners) server.closeAllConnections()
      }, config.stopMs)
      await Promise.all(
        listeners.map(
          ({ server }) =>
            new Promise((closed) => {
              server.close(closed)
              server.closeIdleConnections()
            }),
        ),
      )
      clearTimeout(hurry)
      await delivered
      await latchkey.flush()
      await latchkey.record()
      // What is under way may have begun before the last events were there.
      await sealing
      await seal()
      await latchkey.storage.close()
      log.info({}, 'stopped')
    },
  }
}

/** Refuses a database that was begun with another key ring: its tokens and messages would be lost. */
async function openOwn(config: Config, parts: Parameters<typeof open>[1]) {
  const latchkey = await open(config, parts)
  try {
    if (await latchkey.ringBelongs(latchkey.keyring)) return latchkey
    throw foreignRing(config.keyringPath)
  } catch (error) {
    await latchkey.storage.close()
    throw error
  }
}

/** The URL of a listener that has no public URL. */
export function urlAt(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://localhost:${port}`
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The console's public URL. When the console is off, links to it work nowhere. */
export const urlOfConsole = ({ console, host }: Config, port: number): string =>
  console?.publicUrl ?? urlAt(console?.host ?? host, port)

interface Listener {
  readonly server: HttpServer
  readonly host: string
  readonly port: number
  /** The prefix of its settings. */
  readonly settings: 'LATCHKEY' | 'LATCHKEY_CONSOLE'
}

function createListener(
  { host, port }: Pick<Config, 'host' | 'port'>,
  settings: Listener['settings'],
  log: Log,
): Listener {
  return { server: createHttpServer(log), host, port, settings }
}

const listenAnywhere = (listener: Listener): Promise<number> | number =>
  listener.port === 0 ? listen(listener) : listener.port

const listenAtPort = async (listener: Listener): Promise<void> => {
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

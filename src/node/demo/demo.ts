import { once } from 'node:events'
import { type Config, readConfig } from '../../config.ts'
import { SURFACES } from '../../domain/surface.ts'
import { createLog } from '../log.ts'
import { type Running, start } from '../server.ts'
import { claimFolder } from './folder.ts'
import { type Hospital, openHospital } from './hospital/open.ts'
import { invitationOf } from './invitation.ts'
import { showPart, showStep } from './paint.ts'
import { type Seeded, seed } from './seed.ts'
import { openUpstreams, type Upstreams } from './upstreams/open.ts'
import type { Settings } from './walk/command.ts'
import { type World, walk } from './walk/walk.ts'

export interface DemoOptions {
  /** One line of JSON when it is ready, and nothing else on stdout. */
  readonly json: boolean
  /** End after the walk-through. */
  readonly once: boolean
  readonly port: number
  readonly dataDir: string
}

/**
 * A server with two vendors and a hospital, and the exchange performed against it. Answers the exit
 * code: 0 only if every step of the walk-through answered as documented.
 */
export async function demo(options: DemoOptions): Promise<number> {
  const settings = settingsOf(options)
  const config = readConfig(settings)
  claimFolder(config)
  const hospital = await openHospital()
  const upstreams = await openUpstreams()
  const server = await startNear(inFrontOf(upstreams, config))
  try {
    const seeded = await seed(server, config.dataDir, hospital)
    if (!options.json) {
      const asDocumented = await show({ server, seeded, hospital, settings })
      if (options.once) return asDocumented ? 0 : 1
    }
    // Until here a signal ends the process at once: it interrupts nobody's work.
    const stopped = Promise.race(
      ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => once(process, signal)),
    )
    process.stdout.write(
      options.json
        ? `${JSON.stringify(readyLine(server, hospital, seeded))}\n`
        : invitationOf(server, seeded, hospital, config.dataDir),
    )
    if (!options.once) await stopped
    return 0
  } finally {
    await server.stop()
    hospital.close()
    upstreams.close()
  }
}

/** The environment's, with a hospital on this machine. */
function settingsOf({ dataDir, port }: DemoOptions): Settings {
  const allowed = process.env.LATCHKEY_DESTINATIONS_ALLOWED
  return {
    ...process.env,
    LATCHKEY_DATA: dataDir,
    // Keeps made-up vendors out of a database that the operator's server uses.
    LATCHKEY_DATABASE: '',
    LATCHKEY_KEYRING: '',
    LATCHKEY_PORT: String(port),
    LATCHKEY_LOG_LEVEL: process.env.LATCHKEY_LOG_LEVEL ?? 'warn',
    LATCHKEY_DESTINATIONS_ALLOWED: `${allowed ? `${allowed},` : ''}127.0.0.0/8`,
  }
}

/** What a script needs: each dialect with the URL that its clients are set up with. */
function readyLine(
  { url, console: listening }: Running,
  { url: page, messagesUrl }: Hospital,
  { redox, redoxPair, console: operator, ...surfaces }: Seeded,
) {
  const withUrls = Object.entries(surfaces).map(([name, of]) => [name, { ...of, url }])
  const destination = { url: page, messagesUrl, switchUrl: `${page}/switch` }
  const console = { ...operator, url: listening?.url }
  return { url, destination, redox, redoxPair, ...Object.fromEntries(withUrls), console }
}

/** With these behind every surface for which the operator has named none. */
function inFrontOf({ urls }: Upstreams, config: Config): Config {
  const own = Object.fromEntries(SURFACES.map((surface) => [surface, new URL(urls[surface])]))
  return { ...config, upstreams: { ...own, ...config.upstreams } }
}

/** On the wished port, or, where that is taken, on any: a newcomer's machine may be busy. */
async function startNear(config: Config): Promise<Running> {
  const log = createLog(config.logLevel, 2)
  try {
    return await start(config, log)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    const { port } = error as { port?: number }
    process.stderr.write(`Port ${port} is taken, so the demo uses free ports.\n`)
    const console = config.console && { ...config.console, port: 0 }
    return start({ ...config, port: 0, console }, log)
  }
}

async function show(world: World): Promise<boolean> {
  let number = 0
  let asDocumented = true
  let part = ''
  for await (const walked of walk(world)) {
    if (walked.part !== part) showPart(walked.part)
    part = walked.part
    showStep(walked, ++number)
    asDocumented &&= walked.wrong === null
  }
  return asDocumented
}

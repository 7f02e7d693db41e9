import { once } from 'node:events'
import { styleText } from 'node:util'
import { type Config, readConfig } from '../config.ts'
import { SURFACES } from '../domain/key-type.ts'
import { claimDemoFolder } from '../node/demo-folder.ts'
import { createLog } from '../node/log.ts'
import { type RunningServer, startLatchkey } from '../node/server.ts'
import { type HospitalServer, startHospital } from './hospital.ts'
import { startUpstreams, type UpstreamServers } from './local-servers.ts'
import { type DemoData, seedDemo } from './seed.ts'
import {
  createDeviceMessage,
  type DemoEnvironment,
  type ShownCommand,
  type ShownRequest,
  type WalkStep,
  type WalkSteps,
  walkOpendental,
  walkPractice,
  walkRedox,
  walkXdent,
  walkXenrad,
} from './walk.ts'
import { walkDelivery } from './walk-delivery.ts'

interface DemoOptions {
  /** Prints one line of JSON when ready, and nothing else on stdout. */
  readonly json: boolean
  /** Ends after the walk-through. */
  readonly once: boolean
  readonly port: number
  readonly dataDir: string
}

/**
 * Runs a server with two vendors and a hospital, and performs the exchange against it. Returns the exit
 * code: 0 only if every step of the walk-through answered as documented.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const settings = createDemoEnvironment(options)
  const config = readConfig(settings)
  claimDemoFolder(config)
  const hospital = await startHospital()
  const upstreams = await startUpstreams()
  const server = await startAtAnyPort(addDemoUpstreams(upstreams, config))
  try {
    const seeded = await seedDemo(server, config.dataDir, hospital)
    if (!options.json) {
      const isAsDocumented = await showWalk({ server, seeded, hospital, settings })
      if (options.once) return isAsDocumented ? 0 : 1
    }
    // Until here a signal ends the process at once, because nothing is in progress.
    const stopped = Promise.race(
      ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => once(process, signal)),
    )
    process.stdout.write(
      options.json
        ? `${JSON.stringify(createReadyDocument(server, hospital, seeded))}\n`
        : formatInvitation(server, seeded, hospital, config.dataDir),
    )
    if (!options.once) await stopped
    return 0
  } finally {
    await server.stop()
    hospital.close()
    upstreams.close()
  }
}

/** Reads the configuration, with a destination on this machine allowed. */
function createDemoEnvironment({ dataDir, port }: DemoOptions): DemoEnvironment {
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

/** Prints what a script needs: each key type with the URL that its clients use. */
function createReadyDocument(
  { url, console: listening }: RunningServer,
  { url: page, messagesUrl }: HospitalServer,
  { redox, redoxPair, console: operator, ...surfaces }: DemoData,
) {
  const withUrls = Object.entries(surfaces).map(([name, surface]) => [name, { ...surface, url }])
  const destination = { url: page, messagesUrl, switchUrl: `${page}/switch` }
  const console = { ...operator, url: listening?.url }
  return { url, destination, redox, redoxPair, ...Object.fromEntries(withUrls), console }
}

/** Puts the demo's upstreams behind every surface for which the operator has named none. */
function addDemoUpstreams({ urls }: UpstreamServers, config: Config): Config {
  const demoUrls = Object.fromEntries(SURFACES.map((surface) => [surface, new URL(urls[surface])]))
  return { ...config, upstreams: { ...demoUrls, ...config.upstreams } }
}

/** Listens on the wanted port, or on any free port if it is taken. */
async function startAtAnyPort(config: Config): Promise<RunningServer> {
  const log = createLog(config.logLevel, 2)
  try {
    return await startLatchkey(config, log)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    const { port } = error as { port?: number }
    process.stderr.write(`Port ${port} is taken, so the demo uses free ports.\n`)
    const console = config.console && { ...config.console, port: 0 }
    return startLatchkey({ ...config, port: 0, console }, log)
  }
}

/** Shows each step and then their number. Returns true if each was answered as documented. */
async function showWalk(world: DemoWorld): Promise<boolean> {
  let number = 0
  let documented = 0
  let part = ''
  for await (const step of walkDemo(world)) {
    if (step.part !== part) showPart(step.part)
    part = step.part
    showStep(step, ++number)
    if (step.problem === null) documented++
  }
  stdout.write(`\n${documented} of ${number} steps as documented\n`)
  return documented === number
}

interface DemoWorld {
  readonly server: RunningServer
  readonly seeded: DemoData
  readonly hospital: HospitalServer
  readonly settings: DemoEnvironment
}

/** Walks through every key type as its vendor's pages show it, then through a message's delivery. */
async function* walkDemo({ server, seeded, hospital, settings }: DemoWorld): WalkSteps {
  const { url } = server
  yield* walkRedox(url, seeded)
  yield* walkDelivery(server, seeded, hospital, settings)
  yield* walkXenrad(url, seeded)
  yield* walkOpendental(url, seeded)
  yield* walkXdent(url, seeded)
  yield* walkPractice(url, seeded)
}

const { stdout } = process
const paint = (style: Parameters<typeof styleText>[0], text: string) =>
  styleText(style, text, { stream: stdout })

/** Formats the heading of a part of the walk-through. */
function showPart(name: string): void {
  stdout.write(`\n${paint(['bold', 'underline'], name)}\n`)
}

const SHOWN_CREDENTIAL_HEADERS = ['Authorization', 'X-API-Key', 'X-Api-Key', 'verification-token']
/** Longer response data is cut. */
const MAX_SHOWN_LENGTH = 600

/** Formats a step and its answer. Shortens tokens, so that readers can compare them. */
function showStep({ title, action, problem }: WalkStep, number: number): void {
  const lines = [
    '',
    paint('bold', `${number}. ${title}`),
    ...(action.kind === 'request' ? formatRequest(action) : formatCommand(action)),
    problem === null
      ? `   ${paint('green', '✓ as documented')}`
      : `   ${paint('red', `✗ not as documented: ${problem}`)}`,
  ]
  stdout.write(`${lines.join('\n')}\n`)
}

function formatRequest({ method, path, headers, body, answer }: ShownRequest): string[] {
  const credentials = SHOWN_CREDENTIAL_HEADERS.filter((name) => name in headers)
  return [
    `   ${paint('cyan', `${method} ${path}`)}`,
    ...credentials.map((name) => `   ${paint('dim', shortenTokens(`${name}: ${headers[name]}`))}`),
    ...(body === null ? [] : [`   ${shortenTokens(markCarriageReturns(body))}`]),
    `   ${paint(answer.status < 400 ? 'green' : 'yellow', `${answer.status}`)} ${paint('dim', answer.type)}`,
    `   ${truncate(shortenTokens(markCarriageReturns(answer.body.trimEnd())))}`,
  ]
}

const formatCommand = ({ line, printed }: ShownCommand): string[] => [
  `   ${paint('cyan', `$ ${line}`)}`,
  ...printed.split('\n').map((one) => `   ${one}`),
]

/** Replaces the carriage returns that end HL7 segments. */
const markCarriageReturns = (text: string) => text.replaceAll('\r', '⏎ ')

const truncate = (text: string) =>
  text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH)}…` : text

/** Shows the end of a long token, because tokens differ there. */
const shortenTokens = (text: string) =>
  text.replace(/[\w-]{60,}(\.[\w-]+)*/g, (token) => `${token.slice(0, 6)}…${token.slice(-10)}`)

/** Formats the commands that a newcomer can paste after the walk-through. */
function formatInvitation(
  { url, console }: Pick<RunningServer, 'url' | 'console'>,
  { redox, console: operator }: DemoData,
  hospital: HospitalServer,
  dataDir: string,
): string {
  const { apiKey, secret, destinationId } = redox
  const message = JSON.stringify(createDeviceMessage(destinationId))
  const send = `curl -s ${url}/endpoint -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
  -d '${message}'`
  return `
${paint('bold', `Latchkey is up at ${url}`)}. Its destination, a hospital, shows what arrives at ${paint('bold', `${hospital.url}/`)}
${console === null ? '' : `The console is at ${paint('bold', `${console.url}/console`)}: username ${operator.username}, password ${operator.password}\n`}
Open that page, and paste these into another terminal:

${paint('bold', '1. Send a message.')} It arrives at once.

TOKEN=$(curl -s ${url}/auth/authenticate -H 'Content-Type: application/json' \\
  -d '{"apiKey":"${apiKey}","secret":"${secret}"}' | sed 's/.*"accessToken":"\\([^"]*\\)".*/\\1/')

${send}

${paint('bold', '2. Make the hospital fail, and send again.')} It is tried at once, then after 10, 10, 20 and 30 s. The queue is kept.

curl -s -d failing=on ${hospital.url}/switch

${send}

LATCHKEY_DATA=${dataDir} npm run -s latchkey -- messages list --limit 3

${paint('bold', '3. Let it recover.')} Queued messages arrive in order, at the next attempt.

curl -s -d failing=off ${hospital.url}/switch

${paint('dim', 'Ctrl-C stops it. The data stays; the next start shows the same key.')}
`
}

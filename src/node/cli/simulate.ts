import { readFileSync } from 'node:fs'
import { type Command, InvalidArgumentError } from 'commander'
import { parseDurationMs } from '../../domain/instant.ts'
import { FAULT_KINDS, PERCENT_PATTERN } from '../../simulator/fault.ts'
import { CommandFailure, nameListenerOptions } from './command-failure.ts'
import { formatExamples, isJsonRequested } from './print.ts'
import { parseHost, parsePort } from './serve.ts'

interface SimulateCommandOptions {
  readonly port: number
  readonly host: string
  readonly seed: number
  readonly schedule?: string
  readonly loseAnswers?: string
  readonly answer429?: string
  readonly answer503?: string
  readonly expireEarly?: string
  readonly speed: number
  readonly skew: number
  readonly latency: number
  readonly failOnFindings?: true
}

export function defineSimulateCommand(group: Command): void {
  group
    .description(
      'Run a sandbox for the tests of a vendor: the real server on new data, behind faults. When it is ' +
        'stopped, it reports what the clients did wrong.',
    )
    .option('--port <n>', 'port to listen on; 0 selects a free port', parsePort, 8080)
    .option('--host <address>', 'address to listen on', parseHost, '127.0.0.1')
    .option(
      '--lose-answers <share>',
      'cut the connection: half of them before the server has read the request',
      parseShare,
    )
    .option('--answer-429 <share>', 'answer 429 with Retry-After', parseShare)
    .option('--answer-503 <share>', 'answer 503 with Retry-After', parseShare)
    .option('--expire-early <share>', 'end tokens a minute after they were issued', parseShare)
    .option('--schedule <file>', 'more faults: a JSON file of rules')
    .option('--seed <n>', 'the same seed and requests get the same faults', parseWholeNumber, 1)
    .option('--speed <n>', 'simulated seconds in a second', parseWholeNumber, 1)
    .option(
      '--skew <duration>',
      'how far the clock of the server is ahead, or behind: -1h',
      parseSkew,
      0,
    )
    .option('--latency <ms>', 'minimum duration of each request', parseWholeNumber, 20)
    .option('--fail-on-findings', 'exit with 1 if there are findings')
    .addHelpText(
      'after',
      `\nFaults, with the duration that each has by default:\n${formatFaults()}`,
    )
    .addHelpText('after', SCHEDULE_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'simulate --lose-answers 5% --seed 42 --fail-on-findings',
        'simulate --json --port 0 --schedule faults.json',
        'simulate --speed 3600 --answer-503 10%',
      ),
    )
    .action(async (options: SimulateCommandOptions, command: Command) => {
      refuseRealData()
      const { parseRules, runSimulator } = await import('../../simulator/simulate.ts')
      // The rules of the file come first, so that their places are those in the file.
      const rules = parseRules([...readSchedule(options.schedule), ...listShareRules(options)])
      if (!rules.ok) {
        const errors = rules.failure.errors.map(({ path, detail }) => `${path.join('.')} ${detail}`)
        throw new CommandFailure('configuration', `${options.schedule}: ${errors.join('; ')}`)
      }
      process.exitCode = await runSimulator({
        host: options.host,
        port: options.port,
        rules: rules.value,
        seed: options.seed,
        speed: options.speed,
        skewMs: options.skew,
        latencyMs: options.latency,
        json: isJsonRequested(command),
        failOnFindings: options.failOnFindings ?? false,
      }).catch((error: unknown) => {
        throw nameListenerOptions(error, ['host', 'port'])
      })
    })
}

const SCHEDULE_HELP = `
A rule hits all requests, or those that it names:
  [
    { "fault": "lose-answer-after-commit", "share": "5%", "on": "refresh" },
    { "fault": "brownout", "from": "2d", "until": "49h" },
    { "fault": "rotate-secret=24h", "from": "3d" },
    { "fault": "answer-503=30s", "on": "/endpoint", "count": 1 }
  ]
"on" is authenticate, refresh, token, api or the beginning of a path; "from" and "until" count from the
start by the simulated clock; "count" is for each key.

The sandbox has the paths of a server, and its own: GET /simulate (present secrets), POST
/simulate/advance ({"by":"8d"}), POST /simulate/faults (rules), GET /simulate/report. The header
Latchkey-Simulate chooses the faults of one request; real servers ignore it.`

const formatFaults = (): string =>
  Object.entries(FAULT_KINDS)
    .map(
      ([name, { about, duration }]) =>
        `  ${duration === null ? name : `${name}=${duration}`}\n      ${about}`,
    )
    .join('\n')

/** Settings that lead to data. */
const DATA_SETTINGS = ['LATCHKEY_DATABASE', 'LATCHKEY_DATA', 'LATCHKEY_KEYRING']

/** A sandbox loses answers and revokes keys, and its secrets are public. */
function refuseRealData(): void {
  const setting = DATA_SETTINGS.find((name) => process.env[name])
  if (setting === undefined) return
  throw new CommandFailure(
    'configuration',
    `the sandbox makes its own data, and must not use yours: unset ${setting}`,
  )
}

function listShareRules({
  loseAnswers,
  answer429,
  answer503,
  expireEarly,
}: SimulateCommandOptions) {
  const half = loseAnswers && `${Number.parseFloat(loseAnswers) / 2}%`
  return [
    { fault: 'lose-answer-before-commit', share: half },
    { fault: 'lose-answer-after-commit', share: half },
    { fault: 'answer-429', share: answer429 },
    { fault: 'answer-503', share: answer503 },
    { fault: 'expire-token-early', share: expireEarly },
  ].filter(({ share }) => share !== undefined)
}

function readSchedule(file: string | undefined): unknown[] {
  if (file === undefined) return []
  try {
    const rules: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (Array.isArray(rules)) return rules
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  throw new CommandFailure('configuration', `${file} is not a JSON list of rules`)
}

function parseShare(text: string): string {
  if (PERCENT_PATTERN.test(text)) return text
  throw new InvalidArgumentError('It must be a percentage such as 5%.')
}

function parseWholeNumber(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be a whole number.')
}

function parseSkew(text: string): number {
  const ms = parseDurationMs(text.replace(/^-/, ''))
  if (ms !== null) return text.startsWith('-') ? -ms : ms
  throw new InvalidArgumentError('It must be a duration such as 1h or -90s.')
}

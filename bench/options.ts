import { parseArgs } from 'node:util'
import { isPostgresUrl } from '../src/settings.ts'
import { BENCH_CASES, type BenchCase } from './cases.ts'
import { DISTURBERS } from './stall/disturbers.ts'

export const BENCH_ENGINES = ['sqlite', 'postgres', 'd1'] as const
export type BenchEngineName = (typeof BENCH_ENGINES)[number]
/** A Worker delivers while it finishes a request, or each minute: no process of its own to measure. */
const SERVER_ENGINES = BENCH_ENGINES.filter((engine) => engine !== 'd1')

export const DELIVERY_CASES = ['accepted', 'arrival'] as const
export type DeliveryCase = (typeof DELIVERY_CASES)[number]

export const IMPORT_CASES = ['hashes-by-api', 'hashes-by-command', 'secrets-by-api'] as const
export type ImportCase = (typeof IMPORT_CASES)[number]

const CASE_NAMES = BENCH_CASES.map(({ name }) => name)
const DISTURBER_NAMES = DISTURBERS.map(({ name }) => name)

/** The subjects of a measurement. All but the hot path are options, too. */
const SUBJECTS = {
  'hot-path': { engines: BENCH_ENGINES, byDefault: SERVER_ENGINES, cases: CASE_NAMES },
  workers: { engines: ['d1'], byDefault: ['d1'], cases: CASE_NAMES },
  peers: {
    engines: ['sqlite'],
    byDefault: ['sqlite'],
    cases: [
      'authenticate',
      'refresh',
      'guard-refused',
      'api-key-xdent',
      'token-assertion',
      'introspect',
    ],
  },
  growth: {
    engines: SERVER_ENGINES,
    byDefault: SERVER_ENGINES,
    cases: ['authenticate', 'refresh', 'guard-refused', 'api-key-xdent', 'endpoint-accepted'],
  },
  delivery: { engines: SERVER_ENGINES, byDefault: ['sqlite'], cases: DELIVERY_CASES },
  startup: { engines: ['sqlite'], byDefault: ['sqlite'], cases: [] },
  stall: {
    engines: SERVER_ENGINES,
    byDefault: ['sqlite'],
    cases: DISTURBER_NAMES,
  },
  import: { engines: SERVER_ENGINES, byDefault: ['sqlite'], cases: IMPORT_CASES },
} as const satisfies Record<string, SubjectOptions>

interface SubjectOptions {
  readonly engines: readonly BenchEngineName[]
  readonly byDefault: readonly BenchEngineName[]
  readonly cases: readonly string[]
}

export type BenchSubject = keyof typeof SUBJECTS
export const SUBJECT_NAMES = Object.keys(SUBJECTS) as BenchSubject[]

export interface BenchSettings {
  readonly subject: BenchSubject
  readonly engines: readonly BenchEngineName[]
  /** A PostgreSQL that is already running; undefined: the bench starts one. */
  readonly postgresUrl: string | undefined
  /** The delay on the way to PostgreSQL and back. */
  readonly roundTripMs: number
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** Number of vendors that call. */
  readonly vendors: number
  /** Number of keys that call of the type with a limit that no setting lifts. */
  readonly customerKeys: number
  readonly cases: readonly BenchCase[]
  readonly deliveryCases: readonly DeliveryCase[]
  /** The work beside which exchanges are measured. */
  readonly disturbers: readonly string[]
  readonly importCases: readonly ImportCase[]
  /** Rows of the imports of hashes, and of secrets in plain text. */
  readonly hashRows: number
  readonly secretRows: number
  /** Number of subscriptions that have messages. */
  readonly subscriptions: number
  /** Numbers of subscriptions that hang beside the others, one measurement for each. */
  readonly hanging: readonly number[]
  /** Messages a second for `arrival`; undefined: half of the measured throughput. */
  readonly rate: number | undefined
  /** Numbers of keys for `growth`. */
  readonly growthKeys: readonly number[]
  /** Rows of the database for `stall`. */
  readonly storedKeys: number
  readonly storedMessages: number
  readonly storedEvents: number
  readonly json: string | undefined
  /** Writes the tables into the documentation. */
  readonly write: boolean
}

export const BENCH_HELP = `npm run bench -- [options]

Compares Latchkey with a bare Hono app that reads the same request and returns the same bytes. Server
and load have a core each. The data are in a new folder of the system's temporary folder (TMPDIR),
which should be on a disk: every write is on it before its response. CPU is what one response cost the
server. On a busy machine it says more than requests/s, but it does not include waiting for the disk.
The first load of a server is not measured: it lasts until each request has been sent once, and the
server had two seconds of CPU.

  --rounds N        rounds of each, bare Hono and Latchkey in turn; the median counts (default 5)
  --seconds N       length of a round (default 3); loads divide the time of all rounds into rounds of
                    0.4 s, so that other work of the machine delays neighbours alike
  --connections N   keep-alive connections, one request at a time on each (default 64)
  --engine NAME     database: ${BENCH_ENGINES.join(', ')}, or all; can be given more than once
                    (default sqlite and postgres for the hot path and growth, else sqlite)
  --postgres URL    a PostgreSQL that can create databases, instead of one that the bench starts from
                    npm; so does LATCHKEY_TEST_POSTGRES
  --round-trip MS   delay the way to PostgreSQL and back, as if it were in another zone (default 0)
  --case NAME       only this case; can be given more than once:
                    ${CASE_NAMES.slice(0, 5).join(', ')},
                    ${CASE_NAMES.slice(5).join(', ')}
  --rate N          messages a second for arrival, instead of half of what arrives
  --unpinned        let servers and load use all cores, instead of one each
  --quick           check that everything works; the figures mean nothing
  --json FILE       write everything that was measured
  --write           write the tables into docs/benchmarks.md, and with --peers the chart

Everything that serves shares the server's core: Latchkey; with postgres also every process of
PostgreSQL; with d1 workerd, which is the Worker's runtime and its database. CPU is the sum, and '–'
with a PostgreSQL that the bench did not start. d1 is Cloudflare's runtime on this machine; it says
nothing about the way between a Worker and its database at Cloudflare.

Other measurements; each is a script, too (npm run bench:peers, and so on):

--workers    the hot path on Cloudflare's runtime; the same as --engine d1
--peers      other servers with the same work, in turn with Latchkey and bare Hono. Installs them in
             bench/peers first.
--growth     the hot path and lists with 1, 100,000 and 1,000,000 keys, and ten times as many messages, up
             to 1,000,000
--delivery   Latchkey with destinations in the load's process, so that sending and arrival have one
             clock. Its cases:
             accepted   messages of 2 KB a second, beside bare Hono, while they are delivered, and to
                        a destination that is down
             arrival    at half of what arrives, sent on a schedule that waits for no response: from
                        when a message was due until its 200, and from then until it has arrived;
                        alone, and beside subscriptions whose destination takes the connection,
                        reads, and never responds
--startup    packs this checkout, installs the package in a folder, and measures the CPU time of the
             installed command, with the compiled code that a first start has kept: until a server
             listens, and of commands from start to end
--stall      exchanges that do not load the server, sent on a schedule, on a database with
             100,000 keys, 1,000,000 messages and 300,000 events: alone, and beside lists, searches,
             exports, changes, a verification of the audit, messages of 39 MB, and commands on the
             same database. Its cases:
             ${DISTURBER_NAMES.slice(0, 6).join(', ')},
             ${DISTURBER_NAMES.slice(6, 12).join(', ')},
             ${DISTURBER_NAMES.slice(12).join(', ')}
--import     imports of 100,000 keys with hashes, by the API and by a command beside the server, and of
             10,000 with secrets, which cost argon2id each; and exchanges beside them
`

/** Returns null for --help; throws for options that make no sense. */
export function parseBenchOptions(args: readonly string[]): BenchSettings | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      engine: { type: 'string', multiple: true },
      postgres: { type: 'string' },
      'round-trip': { type: 'string' },
      case: { type: 'string', multiple: true },
      workers: { type: 'boolean', default: false },
      peers: { type: 'boolean', default: false },
      growth: { type: 'boolean', default: false },
      delivery: { type: 'boolean', default: false },
      startup: { type: 'boolean', default: false },
      stall: { type: 'boolean', default: false },
      import: { type: 'boolean', default: false },
      rate: { type: 'string' },
      unpinned: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { quick, rate, json, write } = values
  const subject = findSubject(values)
  const { engines, byDefault, cases } = SUBJECTS[subject]
  if (subject !== 'delivery' && rate !== undefined) {
    throw new Error('--rate belongs to --delivery')
  }
  const seconds = parsePositiveNumber('--seconds', values.seconds ?? (quick ? '0.2' : '3'), 60)
  const caseNames = (values.case ?? cases).map((name) => findName('case', name, cases))
  return {
    subject,
    engines: findEngines(values.engine ?? byDefault, engines),
    postgresUrl: findPostgresUrl(values.postgres),
    roundTripMs:
      values['round-trip'] === undefined
        ? 0
        : parsePositiveNumber('--round-trip', values['round-trip'], 1000),
    rounds: parseWholeNumber('--rounds', values.rounds ?? (quick ? '1' : '5'), 100),
    seconds,
    warmUpSeconds: quick ? 0.1 : Math.max(2, seconds / 2),
    connections: parseWholeNumber(
      '--connections',
      values.connections ?? (quick ? '8' : '64'),
      1000,
    ),
    vendors: quick ? 4 : 50,
    // Each may be used twice a second, and is used once before the measurement.
    customerKeys: 40_000,
    subscriptions: quick ? 4 : 64,
    growthKeys: quick ? [1, 200] : [1, 100_000, 1_000_000],
    storedKeys: quick ? 10 : 100_000,
    storedMessages: quick ? 100 : 1_000_000,
    storedEvents: quick ? 100 : 300_000,
    hashRows: quick ? 100 : 100_000,
    secretRows: quick ? 10 : 10_000,
    hanging: quick ? [1, 6] : [1, 200],
    rate: rate === undefined ? undefined : parsePositiveNumber('--rate', rate, 100_000),
    cases: BENCH_CASES.filter(({ name }) => caseNames.includes(name)),
    importCases: IMPORT_CASES.filter((name) => caseNames.includes(name)),
    deliveryCases: DELIVERY_CASES.filter((name) => caseNames.includes(name)),
    disturbers: subject === 'stall' ? caseNames : [],
    json,
    write,
  }
}

/** Finds the one subject whose option is given; the hot path if there is none. */
function findSubject(values: Readonly<Record<string, unknown>>): BenchSubject {
  const [subject = 'hot-path', ...more] = SUBJECT_NAMES.filter((name) => values[name] === true)
  if (more.length === 0) return subject
  const list = [subject, ...more].map((name) => `--${name}`).join(' and ')
  throw new Error(`${list} are different measurements: choose one`)
}

function parsePositiveNumber(name: string, text: string, max: number): number {
  const value = Number(text)
  if (value > 0 && value <= max) return value
  throw new Error(`${name} must be a number above 0, up to ${max}; it is ${JSON.stringify(text)}`)
}

function parseWholeNumber(name: string, text: string, max: number): number {
  const value = parsePositiveNumber(name, text, max)
  if (Number.isInteger(value)) return value
  throw new Error(`${name} must be a whole number; it is ${JSON.stringify(text)}`)
}

function findEngines(
  names: readonly string[],
  known: readonly BenchEngineName[],
): BenchEngineName[] {
  const choices = [...known, 'all']
  const found = names.map((name) => findName('engine', name, choices))
  return known.filter((one) => found.includes(one) || found.includes('all'))
}

function findPostgresUrl(option: string | undefined): string | undefined {
  const url = option ?? process.env.LATCHKEY_TEST_POSTGRES
  if (url === undefined || isPostgresUrl(url)) return url
  throw new Error('--postgres, or LATCHKEY_TEST_POSTGRES, must be postgres://…')
}

function findName(kind: 'case' | 'engine', name: string, known: readonly string[]): string {
  if (known.includes(name)) return name
  const quoted = JSON.stringify(name)
  throw new Error(`there is no ${kind} ${quoted}; there are: ${known.join(', ')}`)
}

import { parseArgs } from 'node:util'
import { isPostgresUrl } from '../src/config.ts'
import { BENCH_CASES, type BenchCase } from './cases.ts'

/** Where Latchkey keeps its rows. */
export const BENCH_ENGINES = ['sqlite', 'postgres', 'd1'] as const
export type BenchEngineName = (typeof BENCH_ENGINES)[number]
/** A Worker delivers while a request is finished, or each minute: it has no process to measure. */
const DELIVERY_ENGINES = BENCH_ENGINES.filter((engine) => engine !== 'd1')

/** What of delivery is measured. */
export const DELIVERY_PARTS = ['accepted', 'drained', 'arrival'] as const
export type DeliveryPart = (typeof DELIVERY_PARTS)[number]

export interface BenchSettings {
  readonly engines: readonly BenchEngineName[]
  /** A PostgreSQL that is there; undefined: the bench starts one. */
  readonly postgresUrl: string | undefined
  readonly growth: boolean
  readonly delivery: boolean
  readonly lists: boolean
  /** How many of each are in the database whose lists are measured. */
  readonly listed: { readonly keys: number; readonly messages: number }
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** How many vendors call. */
  readonly keys: number
  /** How many keys there are, one database for each number. */
  readonly sizes: readonly number[]
  readonly cases: readonly BenchCase[]
  readonly parts: readonly DeliveryPart[]
  /** Numbers of feeds that a backlog is delivered over. */
  readonly feeds: readonly number[]
  /** Numbers of feeds that hang beside the others. */
  readonly hanging: readonly number[]
  /** Messages a second that arrivals are measured at; undefined: half of what goes through. */
  readonly rate: number | undefined
  /** Write the tables as README.md has them, too. */
  readonly markdown: boolean
  readonly json: string | undefined
  readonly profileDir: string | undefined
}

export const BENCH_HELP = `npm run bench -- [options]

Latchkey beside a bare Hono app that reads the same request and answers the same bytes. Server and
load have a core each. The data are in a new folder of the system's temporary folder (TMPDIR), which
should be on a disk: every write is on it before it is answered. CPU is what one answer cost its
server; it says more than requests/s does where the machine has other work, but no wait for the disk.

  --rounds N        rounds of each, bare and Latchkey in turn; the middle counts (default 5)
  --seconds N       length of a round (default 3)
  --connections N   keep-alive connections, one request at a time on each (default 64)
  --engine NAME     where the rows are: ${BENCH_ENGINES.join(', ')}, or all; may be there more than once
                    (default sqlite, which alone has aims). They are loaded in turn and stand in one
                    table
  --postgres URL    a PostgreSQL that may make databases, instead of one that the bench starts from
                    npm; so does LATCHKEY_TEST_POSTGRES
  --case NAME       only this case; may be there more than once: ${BENCH_CASES.map(({ name }) => name).join(', ')}
  --growth          the same cases with 1, 10,000 and 1,000,000 keys in the database
  --sizes N,N,…     other numbers of keys for --growth, the fewest first
  --delivery        what delivery does and costs, see below. Its cases: ${DELIVERY_PARTS.join(', ')}
  --feeds N,N,…     other numbers of feeds for --delivery than 1,8,64: a backlog is delivered over each;
                    the largest of them counts for all else
  --hanging N,N,…   other numbers of hanging feeds for --delivery than 1,200
  --rate N          messages a second for arrival, instead of half of what goes through
  --lists           what lists, searches and counts of a console take with 100,000 keys and 1,000,000
                    messages, on sqlite, postgres, or both: the least of all rounds; aim: 100 ms of CPU
  --markdown        with --delivery or --lists: the tables as README.md has them, too
  --quick           a look whether everything works; the figures mean nothing
  --json FILE       write everything that was measured
  --profile DIR     write a V8 CPU profile of Latchkey on Node (it costs some speed)

All that serves shares the server's core: Latchkey; with postgres also every process of PostgreSQL;
with d1 workerd, which is the Worker's runtime and its database. CPU is that of all of them, and '–'
with a PostgreSQL that the bench has not started: that one runs wherever it does. d1 is Cloudflare's
runtime on this machine, and says nothing of the way between a Worker and its database there.

--delivery measures Latchkey on sqlite, postgres, or both (--engine all), with destinations in the
load's process, so that sending and arrival have one clock:
  accepted   messages of 2 KB a second, beside bare Hono, while they are delivered, and to a
             destination that is down. through/s: accepted and arrived, until the last one has
  drained    a backlog of N feeds, to a destination that takes each message at once, beside Latchkey's
             HTTP client in a bare loop of N lanes. Each feed has a destination row of its own
  arrival    at half of through/s, sent on a schedule that waits for no answer: from when a message
             was due until its 200, and from then until it has arrived, undisturbed and beside N feeds
             with messages for a destination that takes the connection, reads, and never answers
`

/** The settings, or null where help is asked for. Throws where an option makes no sense. */
export function parseBenchOptions(args: readonly string[]): BenchSettings | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
      engine: { type: 'string', multiple: true, default: ['sqlite'] },
      postgres: { type: 'string' },
      case: { type: 'string', multiple: true },
      growth: { type: 'boolean', default: false },
      delivery: { type: 'boolean', default: false },
      lists: { type: 'boolean', default: false },
      feeds: { type: 'string' },
      hanging: { type: 'string' },
      rate: { type: 'string' },
      markdown: { type: 'boolean', default: false },
      sizes: { type: 'string', default: '1,10000,1000000' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { quick, delivery, lists } = values
  const engines = findEngines(values.engine, delivery || lists ? DELIVERY_ENGINES : BENCH_ENGINES)
  if (values.growth && engines.join() !== 'sqlite') {
    throw new Error('--growth measures sqlite; it takes no other --engine')
  }
  if ([delivery, values.growth, lists].filter(Boolean).length > 1) {
    throw new Error('--delivery, --growth and --lists are benches of their own')
  }
  const ofDelivery = [values.feeds, values.hanging, values.rate].some((one) => one !== undefined)
  if (!delivery && ofDelivery) throw new Error('--feeds, --hanging and --rate belong to --delivery')
  if (!delivery && !lists && values.markdown) {
    throw new Error('--markdown belongs to --delivery and --lists')
  }
  const seconds = parsePositiveNumber('--seconds', values.seconds ?? (quick ? '0.2' : '3'), 60)
  return {
    engines,
    postgresUrl: findPostgresUrl(values.postgres),
    growth: values.growth,
    delivery,
    lists,
    listed: quick ? { keys: 1_000, messages: 1_000 } : { keys: 100_000, messages: 1_000_000 },
    rounds: parseWholeNumber('--rounds', values.rounds ?? (quick ? '1' : '5'), 100),
    seconds,
    warmUpSeconds: quick ? 0.1 : Math.max(2, seconds / 2),
    connections: parseWholeNumber(
      '--connections',
      values.connections ?? (quick ? '8' : '64'),
      1000,
    ),
    keys: quick ? 4 : 50,
    sizes: parseWholeNumbers('--sizes', values.sizes, 10_000_000),
    feeds: parseWholeNumbers('--feeds', values.feeds ?? (quick ? '1,4' : '1,8,64'), 1000),
    hanging: parseWholeNumbers('--hanging', values.hanging ?? (quick ? '1,6' : '1,200'), 1000),
    rate:
      values.rate === undefined ? undefined : parsePositiveNumber('--rate', values.rate, 100_000),
    markdown: values.markdown,
    cases: delivery || values.case === undefined ? BENCH_CASES : values.case.map(findCase),
    parts: delivery && values.case !== undefined ? values.case.map(findPart) : DELIVERY_PARTS,
    json: values.json,
    profileDir: values.profile,
  }
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

const parseWholeNumbers = (name: string, text: string, max: number): number[] =>
  text.split(',').map((one) => parseWholeNumber(name, one, max))

function findEngines(
  names: readonly string[],
  there: readonly BenchEngineName[],
): BenchEngineName[] {
  const unknown = names.find((name) => name !== 'all' && !there.some((one) => one === name))
  if (unknown !== undefined) {
    const known = there.join(', ')
    throw new Error(`there is no engine ${JSON.stringify(unknown)}; there are: ${known}, and all`)
  }
  return there.filter((one) => names.includes(one) || names.includes('all'))
}

function findPostgresUrl(option: string | undefined): string | undefined {
  const url = option ?? process.env.LATCHKEY_TEST_POSTGRES
  if (url === undefined || isPostgresUrl(url)) return url
  throw new Error('--postgres, or LATCHKEY_TEST_POSTGRES, must be postgres://…')
}

const findCase = (name: string): BenchCase =>
  requireKnown(
    name,
    BENCH_CASES.find((one) => one.name === name),
    BENCH_CASES.map((one) => one.name),
  )

const findPart = (name: string): DeliveryPart =>
  requireKnown(
    name,
    DELIVERY_PARTS.find((one) => one === name),
    DELIVERY_PARTS,
  )

function requireKnown<T>(name: string, found: T | undefined, known: readonly string[]): T {
  if (found !== undefined) return found
  throw new Error(`there is no case ${JSON.stringify(name)}; there are: ${known.join(', ')}`)
}

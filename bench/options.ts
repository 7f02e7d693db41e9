import { parseArgs } from 'node:util'
import { isPostgres } from '../src/config.ts'
import { type Case, cases } from './cases.ts'

/** Where Latchkey keeps its rows. */
export const ENGINES = ['sqlite', 'postgres', 'd1'] as const
export type EngineName = (typeof ENGINES)[number]

export interface Settings {
  readonly engines: readonly EngineName[]
  /** A PostgreSQL that is there; undefined: the bench starts one. */
  readonly postgresUrl: string | undefined
  readonly growth: boolean
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly connections: number
  /** How many vendors call. */
  readonly keys: number
  /** How many keys there are, one database for each number. */
  readonly sizes: readonly number[]
  readonly cases: readonly Case[]
  readonly json: string | undefined
  readonly profileDir: string | undefined
}

export const HELP = `npm run bench -- [options]

Latchkey beside a bare Hono app that reads the same request and answers the same bytes. Server and
load have a core each. The data are in a new folder of the system's temporary folder (TMPDIR), which
should be on a disk: every write is on it before it is answered. CPU is what one answer cost its
server; it says more than requests/s does where the machine has other work, but no wait for the disk.

  --rounds N        rounds of each, bare and Latchkey in turn; the middle counts (default 5)
  --seconds N       length of a round (default 3)
  --connections N   keep-alive connections, one request at a time on each (default 64)
  --engine NAME     where the rows are: ${ENGINES.join(', ')}, or all; may be there more than once
                    (default sqlite, which alone has aims). They are loaded in turn and stand in one
                    table
  --postgres URL    a PostgreSQL that may make databases, instead of one that the bench starts from
                    npm; so does LATCHKEY_TEST_POSTGRES
  --case NAME       only this case; may be there more than once: ${cases.map(({ name }) => name).join(', ')}
  --growth          the same cases with 1, 10,000 and 1,000,000 keys in the database
  --sizes N,N,…     other numbers of keys for --growth, the fewest first
  --quick           a look whether everything works; the figures mean nothing
  --json FILE       write everything that was measured
  --profile DIR     write a V8 CPU profile of Latchkey on Node (it costs some speed)

All that serves shares the server's core: Latchkey; with postgres also every process of PostgreSQL;
with d1 workerd, which is the Worker's runtime and its database. CPU is that of all of them, and '–'
with a PostgreSQL that the bench has not started: that one runs wherever it does. d1 is Cloudflare's
runtime on this machine, and says nothing of the way between a Worker and its database there.
`

/** The settings, or null where help is asked for. Throws where an option makes no sense. */
export function readOptions(args: readonly string[]): Settings | null {
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
      sizes: { type: 'string', default: '1,10000,1000000' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      profile: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const { quick } = values
  const engines = enginesNamed(values.engine)
  if (values.growth && engines.join() !== 'sqlite') {
    throw new Error('--growth measures sqlite; it takes no other --engine')
  }
  const seconds = number('--seconds', values.seconds ?? (quick ? '0.2' : '3'), 60)
  return {
    engines,
    postgresUrl: postgresNamed(values.postgres),
    growth: values.growth,
    rounds: whole('--rounds', values.rounds ?? (quick ? '1' : '5'), 100),
    seconds,
    warmUpSeconds: quick ? 0.1 : Math.max(2, seconds / 2),
    connections: whole('--connections', values.connections ?? (quick ? '8' : '64'), 1000),
    keys: quick ? 4 : 50,
    sizes: values.sizes.split(',').map((size) => whole('--sizes', size, 10_000_000)),
    cases: values.case === undefined ? cases : values.case.map(caseNamed),
    json: values.json,
    profileDir: values.profile,
  }
}

function number(name: string, text: string, max: number): number {
  const value = Number(text)
  if (value > 0 && value <= max) return value
  throw new Error(`${name} must be a number above 0, up to ${max}; it is ${JSON.stringify(text)}`)
}

function whole(name: string, text: string, max: number): number {
  const value = number(name, text, max)
  if (Number.isInteger(value)) return value
  throw new Error(`${name} must be a whole number; it is ${JSON.stringify(text)}`)
}

function enginesNamed(names: readonly string[]): EngineName[] {
  const unknown = names.find((name) => name !== 'all' && !ENGINES.some((one) => one === name))
  if (unknown !== undefined) {
    const known = ENGINES.join(', ')
    throw new Error(`there is no engine ${JSON.stringify(unknown)}; there are: ${known}, and all`)
  }
  return ENGINES.filter((one) => names.includes(one) || names.includes('all'))
}

function postgresNamed(option: string | undefined): string | undefined {
  const url = option ?? process.env.LATCHKEY_TEST_POSTGRES
  if (url === undefined || isPostgres(url)) return url
  throw new Error('--postgres, or LATCHKEY_TEST_POSTGRES, must be postgres://…')
}

function caseNamed(name: string): Case {
  const found = cases.find((one) => one.name === name)
  if (found !== undefined) return found
  const known = cases.map((one) => one.name).join(', ')
  throw new Error(`there is no case ${JSON.stringify(name)}; there are: ${known}`)
}

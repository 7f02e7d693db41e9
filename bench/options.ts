import { parseArgs } from 'node:util'
import { type Case, cases } from './cases.ts'

export interface Settings {
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
  --case NAME       only this case; may be there more than once: ${cases.map(({ name }) => name).join(', ')}
  --growth          the same cases with 1, 10,000 and 1,000,000 keys in the database
  --sizes N,N,…     other numbers of keys for --growth, the fewest first
  --quick           a look whether everything works; the figures mean nothing
  --json FILE       write everything that was measured
  --profile DIR     write a V8 CPU profile of Latchkey (it costs some speed)
`

/** The settings, or null where help is asked for. Throws where an option makes no sense. */
export function readOptions(args: readonly string[]): Settings | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      connections: { type: 'string' },
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
  const seconds = number('--seconds', values.seconds ?? (quick ? '0.2' : '3'), 60)
  return {
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

function caseNamed(name: string): Case {
  const found = cases.find((one) => one.name === name)
  if (found !== undefined) return found
  const known = cases.map((one) => one.name).join(', ')
  throw new Error(`there is no case ${JSON.stringify(name)}; there are: ${known}`)
}

import { parseArgs } from 'node:util'
import { SOAK_ENGINES, type SoakEngineName } from './database.ts'

export interface SoakOptions {
  readonly engines: readonly SoakEngineName[]
  readonly messages: number
  readonly seed: number
  readonly json: boolean
}

export const SOAK_HELP = `npm run soak -- [options]

20 vendors send messages at once, each to some of 5 destinations, along 100 subscriptions. Destinations fail at
random; the server's processes and its database are killed and started again; an operator resumes subscriptions
that wait. At the end all that was acknowledged has arrived, each subscription in order, and nothing twice but
where nobody could know whether it had arrived. Ends with 1 where that does not hold.

  --engine NAME   only on this one: ${SOAK_ENGINES.join(', ')} (default: on each, in turn)
  --messages N    how many are to be acknowledged, on each (default 10000)
  --seed N        draws the same faults as another run with it; when they strike differs all the same
  --json          print one line of JSON for each engine instead of the table
`

/** Null where help is asked for. Throws where an option makes no sense. */
export function parseSoakOptions(args: readonly string[]): SoakOptions | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      engine: { type: 'string', multiple: true, default: [...SOAK_ENGINES] },
      messages: { type: 'string', default: '10000' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return null
  const unknown = values.engine.find((name) => !SOAK_ENGINES.some((one) => one === name))
  if (unknown !== undefined) {
    throw new Error(
      `there is no engine ${JSON.stringify(unknown)}; there are: ${SOAK_ENGINES.join(', ')}`,
    )
  }
  return {
    engines: SOAK_ENGINES.filter((one) => values.engine.includes(one)),
    messages: parseWholeNumber('--messages', values.messages, 100),
    seed: parseWholeNumber('--seed', values.seed, 0),
    json: values.json,
  }
}

function parseWholeNumber(name: string, text: string, least: number): number {
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= least && value <= 10_000_000) return value
  throw new Error(
    `${name} must be a whole number from ${least} to 10000000; it is ${JSON.stringify(text)}`,
  )
}

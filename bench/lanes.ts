import { largest } from './figures.ts'
import { loadRound, type Round, type Script } from './load.ts'
import type { Settings } from './options.ts'
import type { Memory } from './processes.ts'
import { showProgress } from './progress.ts'
import type { Served } from './served.ts'

/** Who is loaded in turn with others. */
export interface Lane {
  readonly who: string
  readonly served: Served
  readonly scripts: readonly Script[]
}

export interface Loaded {
  readonly rounds: readonly Round[]
  /** Of the server's process, the most at the end of a round. */
  readonly memory: Memory | null
}

export async function loadInTurn(
  { name, status }: { readonly name: string; readonly status: number },
  lanes: readonly Lane[],
  settings: Settings,
): Promise<Loaded[]> {
  const turns = lanes.map((lane) => ({
    who: lane.who,
    async round(seconds: number) {
      const round = await loadRound({ ...lane, status, seconds })
      return { round, memory: lane.served.memory() }
    },
  }))
  return (await inTurn(name, turns, settings)).map((measured) => ({
    rounds: measured.map(({ round }) => round),
    memory: measured.map(({ memory }) => memory).reduce(largest, null),
  }))
}

/** Who is measured in turn with others. */
export interface Turn<Measured> {
  readonly who: string
  round(seconds: number): Promise<Measured>
}

/** A round of each, one after the other, again and again, so that all share the weather. */
export async function inTurn<Measured>(
  name: string,
  turns: readonly Turn<Measured>[],
  { rounds, seconds, warmUpSeconds }: Settings,
): Promise<Measured[][]> {
  showProgress(`${name}: warming up`)
  for (const { round } of turns) await round(warmUpSeconds)
  const measured = turns.map((turn) => ({ turn, rounds: [] as Measured[] }))
  for (let round = 1; round <= rounds; round++) {
    for (const { turn, rounds: its } of measured) {
      showProgress(`${name}: round ${round} of ${rounds}, ${turn.who}`)
      its.push(await turn.round(seconds))
    }
  }
  return measured.map((one) => one.rounds)
}

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

/** A round of each, one after the other, again and again, so that all share the weather. */
export async function loadInTurn(
  { name, status }: { readonly name: string; readonly status: number },
  lanes: readonly Lane[],
  { rounds, seconds, warmUpSeconds }: Settings,
): Promise<Loaded[]> {
  showProgress(`${name}: warming up`)
  for (const lane of lanes) await loadRound({ ...lane, status, seconds: warmUpSeconds })
  const measured = lanes.map((lane) => ({
    lane,
    rounds: [] as Round[],
    memory: null as Memory | null,
  }))
  for (let round = 1; round <= rounds; round++) {
    for (const loaded of measured) {
      showProgress(`${name}: round ${round} of ${rounds}, ${loaded.lane.who}`)
      loaded.rounds.push(await loadRound({ ...loaded.lane, status, seconds }))
      loaded.memory = largest(loaded.memory, loaded.lane.served.memory())
    }
  }
  return measured
}

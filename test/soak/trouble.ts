import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import type { Chance } from './chance.ts'
import type { TroubleKind } from './ledger.ts'
import type { Stage } from './stage.ts'

/** One trouble for so many messages; at least one of each kind. */
const MESSAGES_A_TROUBLE = 750

/** Troubles of each kind in turn, spread over the sending of all messages. */
export async function makeTrouble(
  { fleet, place, recorder, signal }: Stage,
  messages: number,
  chance: Chance,
): Promise<void> {
  const acts: Record<TroubleKind, () => Promise<void>> = {
    'worker killed': () => fleet.killWorker(chance),
    'server killed': () => fleet.kill(),
    'database restarted': async () => {
      await place.restart?.(chance.pick(['SIGKILL', 'SIGQUIT']), chance.between(0, 1500))
    },
  }
  const kinds: TroubleKind[] = ['worker killed', 'server killed']
  if (place.restart !== null) kinds.push('database restarted')

  const troubles = Math.max(kinds.length, Math.floor(messages / MESSAGES_A_TROUBLE))
  for (let n = 0; n < troubles; n++) {
    const kind = kinds[n % kinds.length] ?? 'worker killed'
    // Somewhere in its own share of the way, and none at the very end.
    const share = (n + chance.between(20, 80) / 100) / (troubles + 0.5)
    while (recorder.acknowledged() < share * messages) await delay(10, undefined, { signal })
    const from = Date.now()
    await acts[kind]()
    await readAll()
    recorder.trouble({ kind, from, until: Date.now() })
    if (kind === 'server killed') await fleet.start()
    await fleet.isWhole()
  }
}

/** What the dead have sent still waits in our own sockets: it is read within a few turns of this process. */
async function readAll(): Promise<void> {
  for (let n = 0; n < 20; n++) await turn()
}

import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { listWorkerPids, startServerProcess } from '../support/process.ts'
import type { SeededRandom } from '../support/random.ts'
import { unwrap } from '../support/server.ts'
import type { DisruptionKind } from './ledger.ts'
import type { SoakStage } from './soak.ts'

/** One trouble for so many messages; at least one of each kind. */
const MESSAGES_PER_DISRUPTION = 750

/** Troubles of each kind in turn, spread over the sending of all messages. */
export async function disruptServers(
  { fleet, database, ledgerRecorder, signal }: SoakStage,
  messages: number,
  random: SeededRandom,
): Promise<void> {
  const disrupt: Record<DisruptionKind, () => Promise<void>> = {
    'worker killed': () => fleet.killWorker(random),
    'server killed': () => fleet.kill(),
    'database restarted': async () => {
      await database.restart?.(random.pick(['SIGKILL', 'SIGQUIT']), random.between(0, 1500))
    },
  }
  const kinds: DisruptionKind[] = ['worker killed', 'server killed']
  if (database.restart !== null) kinds.push('database restarted')

  const disruptionCount = Math.max(kinds.length, Math.floor(messages / MESSAGES_PER_DISRUPTION))
  for (let n = 0; n < disruptionCount; n++) {
    const kind = kinds[n % kinds.length] ?? 'worker killed'
    // Somewhere in its own share of the way, and none at the very end.
    const share = (n + random.between(20, 80) / 100) / (disruptionCount + 0.5)
    while (ledgerRecorder.acknowledgedCount() < share * messages)
      await delay(10, undefined, { signal })
    const from = Date.now()
    await disrupt[kind]()
    await drainSockets()
    ledgerRecorder.recordDisruption({ kind, from, until: Date.now() })
    if (kind === 'server killed') await fleet.start()
    await fleet.waitUntilComplete()
  }
}

/** Reads what killed processes have sent: it still waits in this process's sockets for a few turns. */
async function drainSockets(): Promise<void> {
  for (let n = 0; n < 20; n++) await turn()
}

const FLEET_WORKERS = 2

/** `latchkey serve` with two workers, as a user starts it: killed and started again. */
export async function startServerFleet(dir: string, settings: Readonly<Record<string, string>>) {
  const startServer = () => startServerProcess(dir, settings, ['--workers', String(FLEET_WORKERS)])
  let server = await startServer()

  return {
    /** Another one after each start. */
    url: () => server.url,

    /** Kills a worker process, which its primary process replaces. */
    async killWorker(random: SeededRandom): Promise<void> {
      const [first, ...others] = listWorkerPids(server)
      if (first === undefined) throw new Error(`no worker runs:\n${server.output()}`)
      await killProcesses([random.pick([first, ...others])])
    },

    /** All of its processes at once, as a power cut does. */
    async kill(): Promise<void> {
      const ended = killProcesses(listWorkerPids(server))
      await server.kill()
      await ended
    },

    async start(): Promise<void> {
      server = await startServer()
    },

    /** Resolves when as many serve as should. */
    async waitUntilComplete(): Promise<void> {
      while (listWorkerPids(server).length < FLEET_WORKERS) await delay(50)
    },

    async stop(): Promise<void> {
      const code = await server.stop()
      if (code !== 0) throw new Error(`the server ended with ${code}:\n${server.output()}`)
    },

    /** At once, whatever becomes of it. */
    abandon(): void {
      server.process.kill('SIGKILL')
    },
  }
}

export type ServerFleet = Awaited<ReturnType<typeof startServerFleet>>

/** Resolves when they are gone. */
async function killProcesses(pids: readonly number[]): Promise<void> {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
  while (pids.some(isAlive)) await delay(5)
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const RESUME_INTERVAL_MS = 1000
const RESUME_PROBABILITY = 0.6

/**
 * Looks at all subscriptions again and again, as `latchkey subscriptions show` does, and resumes most of those
 * that wait, which are then tried at once. Until all is over; answers how many it resumed.
 */
export async function resumeQueues(
  { latchkey, subscriptionIds, signal }: Pick<SoakStage, 'latchkey' | 'subscriptionIds' | 'signal'>,
  random: SeededRandom,
): Promise<number> {
  const { subscriptions } = latchkey
  let resumed = 0
  while (!signal.aborted) {
    await delay(RESUME_INTERVAL_MS)
    try {
      for (const id of subscriptionIds) {
        const { attempts, dueAt } = unwrap(await subscriptions.find(id))
        if (attempts < 2 || dueAt < Date.now() || !random.happens(RESUME_PROBABILITY)) continue
        unwrap(await subscriptions.setStatus(id, 'active'))
        resumed++
      }
    } catch (error) {
      // Its database is away, too.
      if (!(error instanceof StorageUnavailableError)) throw error
    }
  }
  return resumed
}

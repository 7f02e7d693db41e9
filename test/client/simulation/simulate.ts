import type { ClientRuntime } from '../../../src/client/client.ts'
import type { Finding } from '../../../src/simulator/findings.ts'
import { createSeededRandom } from '../../support/random.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from '../../support/time.ts'
import { CLIENTS, createSharedTokens, type PostMessage } from './clients.ts'
import { FaultyNetwork, LostMessage, type SimulatedProcess } from './network.ts'
import { VendorDouble } from './vendor-double.ts'
import { VirtualTime } from './virtual-time.ts'

/** Two processes share one key and one store of tokens. */
const PROCESS_COUNT = 2
const CROWD = 50
/** Every other job starts at a full hour of the clock, in both processes at once. */
const CRON_INTERVAL_MS = 4 * HOUR_MS
/** A person notices, and has the integration authenticate again. */
const REPAIR_MS = 12 * HOUR_MS
/** Failing for so long though the vendor was up all the time. */
const LOCK_OUT_MS = HOUR_MS

export type SimulatedClient = keyof typeof CLIENTS

/** The outcome of a message that was sent up to three times. No client can avoid that each is lost. */
type Outcome = 'accepted' | 'lost' | 'failed'

export interface SimulationReport {
  readonly client: string
  days: number
  messages: number
  /** Failed though the vendor had been up for an hour, and not because each of three was lost. */
  failedMessages: number
  lockOuts: number
  lockedOutHours: number
  tokenRequests: number
  mostTokenRequestsInFlight: number
  faults: Readonly<Record<string, number>>
  /** The mistakes of the client, by the judge of `latchkey simulate`. */
  findings: readonly Finding[]
}

/** Lives through so many days with one kind of client. The seed determines all that happens. */
export async function simulate(
  client: SimulatedClient,
  days: number,
  seed: number,
): Promise<SimulationReport> {
  const time = new VirtualTime()
  const random = createSeededRandom(seed, 'life')
  const clientRandom = createSeededRandom(seed, 'client')
  const double = new VendorDouble(time.now)
  const network = new FaultyNetwork(time, double, seed)
  const shared = createSharedTokens()
  const report = { messages: 0, failedMessages: 0, lockOuts: 0, lockedOutHours: 0 }
  let failingSince: number | undefined
  let isLockedOut = false

  function startProcess(skewMs: number): void {
    const process: SimulatedProcess = { isAlive: true, tokenRequestsInFlight: 0, judged: new Set() }
    const machine = { skewMs }
    const runtime: ClientRuntime = {
      fetch: network.createFetch(process),
      now: () => time.now() + machine.skewMs,
      monotonicNow: time.now,
      random: () => clientRandom.between(0, 999_999) / 1_000_000,
      setTimer: (run, ms) => time.setTimer(() => process.isAlive && run(), ms),
    }
    const restart = () => {
      network.kill(process)
      startProcess(machine.skewMs)
    }
    void live(process, CLIENTS[client](runtime, shared), machine, restart)
  }

  async function live(
    process: SimulatedProcess,
    post: PostMessage,
    machine: { skewMs: number },
    restart: () => void,
  ): Promise<void> {
    for (;;) {
      const untilCronMs = CRON_INTERVAL_MS - (time.now() % CRON_INTERVAL_MS)
      await time.sleep(
        random.happens(0.5)
          ? untilCronMs + random.between(0, 200)
          : random.between(10 * MINUTE_MS, 8 * HOUR_MS),
      )
      if (!process.isAlive) return
      if (random.happens(0.01)) {
        machine.skewMs = random.pick([0, HOUR_MS, -HOUR_MS, random.between(-90, 90) * SECOND_MS])
        network.count('clock set')
      }
      if (random.happens(0.002)) {
        double.dropTokens()
        network.count('all tokens revoked')
      }
      if (random.happens(0.02)) {
        network.count('process restarted')
        time.setTimer(restart, random.between(0, SECOND_MS))
      }
      const callers = Array.from({ length: random.happens(0.02) ? CROWD : 1 }, () => post)
      const results = await Promise.all(callers.map(tryThreeTimes))
      if (!process.isAlive) return
      results.forEach(judge)
    }
  }

  /** Repeats after an answer that was lost or no success, as every client does. */
  async function tryThreeTimes(post: PostMessage): Promise<Outcome> {
    let outcome: Outcome = 'lost'
    for (let n = 0; n < 3; n++) {
      const result = await post().catch((error: unknown) => error)
      if (result === true) return 'accepted'
      if (!(result instanceof LostMessage)) outcome = 'failed'
      await time.sleep(10 * SECOND_MS)
    }
    return outcome
  }

  function judge(outcome: Outcome): void {
    report.messages++
    const now = time.now()
    if (outcome === 'lost') return
    if (outcome === 'accepted') {
      failingSince = undefined
      isLockedOut = false
      return
    }
    if (network.isUp && now - network.upSince > LOCK_OUT_MS) report.failedMessages++
    failingSince ??= now
    if (isLockedOut || !network.isUp) return
    if (now - Math.max(failingSince, network.upSince) < LOCK_OUT_MS) return
    isLockedOut = true
    report.lockOuts++
    time.setTimer(() => {
      report.lockedOutHours += (time.now() - (failingSince ?? time.now())) / HOUR_MS
      shared.text = ''
    }, REPAIR_MS)
  }

  for (let n = 0; n < PROCESS_COUNT; n++) startProcess(0)
  await time.runUntil(time.now() + days * DAY_MS)
  const { tokenRequests, mostTokenRequestsInFlight, faults } = network
  const { findings } = network.judge
  return { client, days, ...report, tokenRequests, mostTokenRequestsInFlight, faults, findings }
}

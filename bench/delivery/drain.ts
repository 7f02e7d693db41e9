import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { takeTurn } from '../cases.ts'
import { computeRatio, measureInTurn, median } from '../load.ts'
import type { BenchEngineName } from '../options.ts'
import { type BenchServer, resolveBenchPath, startBenchProcess } from '../process.ts'
import { report } from '../text.ts'
import type { DeliveryBenchContext, DeliveryContender } from './delivery.ts'
import type { BenchDestination } from './destination.ts'
import { sendAll } from './send.ts'

/** A backlog that is delivered, beside a bare loop of the same HTTP client. */
export interface DrainResult {
  readonly feeds: number
  readonly engine: BenchEngineName
  readonly ratio: number
  readonly latchkey: DrainFigures
  readonly bare: DrainFigures
}

export interface DrainFigures {
  readonly perSecond: number
  readonly cpuUs: number
  readonly rounds: readonly DrainRound[]
}

export interface DrainRound {
  readonly messages: number
  readonly perSecond: number
  /** What one message cost the server. */
  readonly cpuUs: number
}

/** Who delivers: Latchkey, or the bare loop. */
interface Drainer {
  readonly label: string
  readonly served: BenchServer
  /** Resolves when so many messages wait, over so many feeds, for a destination that answers nobody. */
  queue(messages: number, feeds: number): Promise<void>
}

export async function measureDrain(
  contenders: readonly DeliveryContender[],
  context: DeliveryBenchContext,
): Promise<DrainResult[]> {
  const { destinations, settings } = context
  const [first] = contenders
  if (first === undefined) throw new Error('there is nobody to compare')
  const bare = await startBareDrainer(first, context)
  const drainers = [bare, ...contenders.map((one) => createDrainer(one, settings.connections))]
  const drained: DrainResult[] = []
  for (const feeds of settings.feeds) {
    const turns = drainers.map((drainer) => {
      // The warm-up tells how many messages a round takes.
      let perSecond = Number.NaN
      const round = async (seconds: number) => {
        const guess = Number.isNaN(perSecond) ? INITIAL_MESSAGES : perSecond * seconds
        const messages = Math.ceil(Math.max(guess, MESSAGES_PER_QUEUE * feeds))
        const its = await runDrainRound(drainer, destinations.taking, { messages, feeds })
        if (Number.isNaN(perSecond)) perSecond = its.perSecond
        return its
      }
      return { label: drainer.label, round }
    })
    const name = `drained, ${feeds} ${feeds === 1 ? 'feed' : 'feeds'}`
    const [base = [], ...measured] = await measureInTurn(name, turns, settings)
    for (const [n, { engine }] of contenders.entries()) {
      const rounds = measured[n] ?? []
      const ratio = computeRatio(rounds, base)
      report(`${name}, ${engine}: ${ratio.toFixed(2)} of a bare loop`)
      const [latchkey, bareFigures] = [summarizeDrain(rounds), summarizeDrain(base)]
      drained.push({ feeds, engine, ratio, latchkey, bare: bareFigures })
    }
  }
  await bare.served.stop()
  return drained
}

const INITIAL_MESSAGES = 200
const MESSAGES_PER_QUEUE = 5
/** After so long, each feed's first message is at the destination, and the last is written down. */
const DRAIN_SETTLE_MS = 100

async function runDrainRound(
  { served, queue }: Drainer,
  taking: BenchDestination,
  { messages, feeds }: { messages: number; feeds: number },
): Promise<DrainRound> {
  const all = taking.count() + messages
  taking.hold()
  await queue(messages, feeds)
  await wait(DRAIN_SETTLE_MS)
  const left = all - taking.count()
  const cpu = served.cpuSeconds()
  const began = performance.now()
  taking.release()
  await taking.until(all)
  const seconds = (performance.now() - began) / 1000
  await wait(DRAIN_SETTLE_MS)
  return {
    messages: left,
    perSecond: left / seconds,
    cpuUs: ((served.cpuSeconds() - cpu) * 1e6) / left,
  }
}

const createDrainer = (
  { engine, served, toTaking }: DeliveryContender,
  connections: number,
): Drainer => ({
  label: engine,
  served,
  queue(messages, feeds) {
    const own = toTaking.slice(0, feeds)
    const requests = Array.from({ length: messages }, (_, n) => takeTurn(own, n))
    return sendAll(served.port, requests, connections)
  },
})

/** What it sends, Latchkey has sent: one message of this contender. */
async function startBareDrainer(
  { served: { port }, toTaking }: DeliveryContender,
  { folder, destinations: { taking } }: DeliveryBenchContext,
): Promise<Drainer> {
  const body = join(folder, 'message.json')
  const all = taking.count() + 1
  await sendAll(port, toTaking.slice(0, 1), 1)
  await taking.until(all)
  writeFileSync(body, taking.latest(), 'latin1')
  const args = [resolveBenchPath('./delivery/drain-process.ts'), taking.url, body]
  const served = await startBenchProcess(args, join(folder, 'poster.log'), {})
  return {
    label: 'bare',
    served,
    async queue(messages, lanes) {
      await fetch(`http://127.0.0.1:${served.port}/${lanes}/${messages}`, { method: 'POST' })
    },
  }
}

const summarizeDrain = (rounds: readonly DrainRound[]): DrainFigures => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
  rounds,
})

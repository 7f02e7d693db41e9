import { createRotatingScripts } from '../cases.ts'
import {
  computeRatio,
  type Figures,
  type LoadRound,
  type LoadScript,
  type MeasuredTurn,
  measureInTurn,
  median,
  runLoadRound,
  summarizeRounds,
} from '../load.ts'
import type { BenchEngineName } from '../options.ts'
import { type BenchServer, sampleResponse, startBareServer } from '../process.ts'
import { report } from '../text.ts'
import type { DeliveryBenchContext, DeliveryContender } from './delivery.ts'
import type { BenchDestination } from './destination.ts'

/** What becomes of accepted messages while more come in. */
export type MessageFate = 'delivered' | 'down'

/** Messages that are accepted, beside bare Hono. */
export interface AcceptedResult {
  readonly fate: MessageFate
  readonly engine: BenchEngineName
  readonly ratio: number
  readonly latchkey: Figures
  readonly bare: Figures
  /** How many a second are accepted and have arrived, from the first request on; null where none does. */
  readonly throughPerSecond: number | null
}

interface AcceptedRound extends LoadRound {
  readonly throughPerSecond: number | null
}

/** In turn: bare Hono, then Latchkey on each engine. */
export async function measureAccepted(
  fate: MessageFate,
  contenders: readonly DeliveryContender[],
  { folder, destinations: { taking }, feeds, settings }: DeliveryBenchContext,
): Promise<AcceptedResult[]> {
  const [first] = contenders
  const [sample] = first === undefined ? [] : selectRequests(first, fate)
  if (first === undefined || sample === undefined) throw new Error('there is nobody to compare')
  const before = taking.count()
  const bare = await startBareServer(folder, await sampleResponse(first.served.port, sample))
  if (fate === 'delivered') await taking.until(before + 1)

  const createTurn = (
    label: string,
    { served }: { served: BenchServer },
    requests: readonly Buffer[],
  ) => {
    const scripts = createRotatingScripts(requests.slice(0, feeds), settings.connections)
    const arriving = fate === 'delivered' && label !== 'bare' ? taking : null
    const turn: MeasuredTurn<AcceptedRound> = {
      label,
      round: (seconds) => runAcceptedRound(served, scripts, seconds, arriving),
    }
    return turn
  }
  const turns = [
    createTurn('bare', { served: bare }, selectRequests(first, fate)),
    ...contenders.map((one) => createTurn(one.engine, one, selectRequests(one, fate))),
  ]
  const [base = [], ...measured] = await measureInTurn(`accepted, ${fate}`, turns, settings)
  await bare.stop()

  return contenders.map(({ engine }, n) => {
    const rounds = measured[n] ?? []
    const through = rounds.flatMap(({ throughPerSecond }) => throughPerSecond ?? [])
    const ratio = computeRatio(rounds, base)
    report(`accepted, ${fate}, ${engine}: ${ratio.toFixed(2)} of bare Hono`)
    return {
      fate,
      engine,
      ratio,
      latchkey: summarizeRounds(rounds),
      bare: summarizeRounds(base),
      throughPerSecond: through.length === 0 ? null : median(through),
    }
  })
}

const selectRequests = ({ toTaking, toDown }: DeliveryContender, fate: MessageFate) =>
  fate === 'delivered' ? toTaking : toDown

/** Where messages arrive, a round ends with the last of them, and CPU is that of the whole way. */
async function runAcceptedRound(
  served: BenchServer,
  scripts: readonly LoadScript[],
  seconds: number,
  arriving: BenchDestination | null,
): Promise<AcceptedRound> {
  let sent = 0
  const counted = scripts.map((script) => ({
    next() {
      sent++
      return script.next()
    },
  }))
  const before = arriving?.count() ?? 0
  const cpu = served.cpuSeconds()
  const began = performance.now()
  const round = await runLoadRound({ served, scripts: counted, status: 200, seconds })
  if (arriving === null) return { ...round, throughPerSecond: null }
  await arriving.until(before + sent)
  return {
    ...round,
    cpuUs: ((served.cpuSeconds() - cpu) * 1e6) / sent,
    throughPerSecond: sent / ((performance.now() - began) / 1000),
  }
}

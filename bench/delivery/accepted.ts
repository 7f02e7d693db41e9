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
import { createRotatingScripts } from '../requests.ts'
import { report } from '../text.ts'
import type { DeliveryBenchContext, DeliveryContender } from './delivery.ts'
import type { BenchDestination } from './destination.ts'

/** Accepted messages are either delivered while more come in, or kept: their destination is down. */
export type MessageFate = 'delivered' | 'down'

export interface AcceptedResult {
  readonly fate: MessageFate
  readonly engine: BenchEngineName
  readonly ratio: number
  readonly latchkey: Figures
  readonly bare: Figures
  /** Messages a second that are accepted and have arrived; null where the destination is down. */
  readonly arrivedPerSecond: number | null
}

interface AcceptedRound extends LoadRound {
  readonly arrivedPerSecond: number | null
}

/** Measures in turn bare Hono and Latchkey on each engine. */
export async function measureAccepted(
  fate: MessageFate,
  contenders: readonly DeliveryContender[],
  { folder, destinations: { taking }, settings }: DeliveryBenchContext,
): Promise<AcceptedResult[]> {
  const [first] = contenders
  const [sample] = first === undefined ? [] : selectRequests(first, fate)
  if (first === undefined || sample === undefined) throw new Error('there is no engine to compare')
  const before = taking.count()
  const bare = await startBareServer(folder, await sampleResponse(first.served.port, sample))
  if (fate === 'delivered') await taking.until(before + 1)

  const createTurn = (
    label: string,
    { served }: { served: BenchServer },
    requests: readonly Buffer[],
  ) => {
    const scripts = createRotatingScripts(
      requests.slice(0, settings.subscriptions),
      settings.connections,
    )
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
    const rates = rounds.flatMap(({ arrivedPerSecond }) => arrivedPerSecond ?? [])
    const ratio = computeRatio(rounds, base)
    report(`accepted, ${fate}, ${engine}: ${ratio.toFixed(2)} of bare Hono`)
    return {
      fate,
      engine,
      ratio,
      latchkey: summarizeRounds(rounds),
      bare: summarizeRounds(base),
      arrivedPerSecond: rates.length === 0 ? null : median(rates),
    }
  })
}

const selectRequests = ({ toTaking, toDown }: DeliveryContender, fate: MessageFate) =>
  fate === 'delivered' ? toTaking : toDown

/** Ends with the last delivery if messages are delivered; CPU then includes delivery. */
async function runAcceptedRound(
  served: BenchServer,
  scripts: readonly LoadScript[],
  seconds: number,
  arriving: BenchDestination | null,
): Promise<AcceptedRound> {
  let sent = 0
  const counted = scripts.map((script) => ({
    ...script,
    next() {
      sent++
      return script.next()
    },
  }))
  const before = arriving?.count() ?? 0
  const cpu = served.cpuSeconds()
  const began = performance.now()
  const round = await runLoadRound({ served, scripts: counted, seconds })
  if (arriving === null) return { ...round, arrivedPerSecond: null }
  await arriving.until(before + sent)
  return {
    ...round,
    cpuUs: ((served.cpuSeconds() - cpu) * 1e6) / sent,
    arrivedPerSecond: sent / ((performance.now() - began) / 1000),
  }
}

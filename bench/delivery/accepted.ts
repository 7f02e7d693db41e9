import { sampleAnswer } from '../answer.ts'
import { takingTurns } from '../cases.ts'
import { type Figures, figuresOf, median, ratioOf } from '../figures.ts'
import { inTurn, type Turn } from '../lanes.ts'
import { loadRound, type Round, type Script } from '../load.ts'
import type { EngineName } from '../options.ts'
import { report } from '../progress.ts'
import { type Served, serveBare } from '../served.ts'
import type { Contender, Place } from './contender.ts'
import type { Destination } from './destination.ts'

/** What becomes of accepted messages while more come in. */
export type Fate = 'delivered' | 'down'

/** Messages that are accepted, beside bare Hono. */
export interface Accepted {
  readonly fate: Fate
  readonly engine: EngineName
  readonly ratio: number
  readonly latchkey: Figures
  readonly bare: Figures
  /** How many a second are accepted and have arrived, from the first request on; null where none does. */
  readonly throughPerSecond: number | null
}

interface AcceptedRound extends Round {
  readonly throughPerSecond: number | null
}

/** In turn: bare Hono, then Latchkey on each engine. */
export async function measureAccepted(
  fate: Fate,
  contenders: readonly Contender[],
  { folder, world: { taking }, feeds, settings }: Place,
): Promise<Accepted[]> {
  const [first] = contenders
  const [sample] = first === undefined ? [] : requestsOf(first, fate)
  if (first === undefined || sample === undefined) throw new Error('there is nobody to compare')
  const before = taking.count()
  const bare = await serveBare(folder, await sampleAnswer(first.served.port, sample))
  if (fate === 'delivered') await taking.until(before + 1)

  const turnOf = (who: string, { served }: { served: Served }, requests: readonly Buffer[]) => {
    const scripts = takingTurns(requests.slice(0, feeds), settings.connections)
    const arriving = fate === 'delivered' && who !== 'bare' ? taking : null
    const turn: Turn<AcceptedRound> = {
      who,
      round: (seconds) => roundOf(served, scripts, seconds, arriving),
    }
    return turn
  }
  const turns = [
    turnOf('bare', { served: bare }, requestsOf(first, fate)),
    ...contenders.map((one) => turnOf(one.engine, one, requestsOf(one, fate))),
  ]
  const [base = [], ...measured] = await inTurn(`accepted, ${fate}`, turns, settings)
  await bare.stop()

  return contenders.map(({ engine }, n) => {
    const rounds = measured[n] ?? []
    const through = rounds.flatMap(({ throughPerSecond }) => throughPerSecond ?? [])
    const ratio = ratioOf(rounds, base)
    report(`accepted, ${fate}, ${engine}: ${ratio.toFixed(2)} of bare Hono`)
    return {
      fate,
      engine,
      ratio,
      latchkey: figuresOf(rounds),
      bare: figuresOf(base),
      throughPerSecond: through.length === 0 ? null : median(through),
    }
  })
}

const requestsOf = ({ toTaking, toDown }: Contender, fate: Fate) =>
  fate === 'delivered' ? toTaking : toDown

/** Where messages arrive, a round ends with the last of them, and CPU is that of the whole way. */
async function roundOf(
  served: Served,
  scripts: readonly Script[],
  seconds: number,
  arriving: Destination | null,
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
  const round = await loadRound({ served, scripts: counted, status: 200, seconds })
  if (arriving === null) return { ...round, throughPerSecond: null }
  await arriving.until(before + sent)
  return {
    ...round,
    cpuUs: ((served.cpuSeconds() - cpu) * 1e6) / sent,
    throughPerSecond: sent / ((performance.now() - began) / 1000),
  }
}

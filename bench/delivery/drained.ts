import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { turn } from '../cases.ts'
import { median, ratioOf } from '../figures.ts'
import { inTurn } from '../lanes.ts'
import type { EngineName } from '../options.ts'
import { report } from '../progress.ts'
import { file, type Served, serve } from '../served.ts'
import type { Contender, Place } from './contender.ts'
import type { Destination } from './destination.ts'
import { sendAll } from './send.ts'

/** A backlog that is delivered, beside a bare loop of the same HTTP client. */
export interface Drained {
  readonly feeds: number
  readonly engine: EngineName
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
  readonly who: string
  readonly served: Served
  /** Resolves when so many messages wait, over so many feeds, for a destination that answers nobody. */
  queue(messages: number, feeds: number): Promise<void>
}

export async function measureDrained(
  contenders: readonly Contender[],
  place: Place,
): Promise<Drained[]> {
  const { world, settings } = place
  const [first] = contenders
  if (first === undefined) throw new Error('there is nobody to compare')
  const bare = await startPoster(first, place)
  const drainers = [bare, ...contenders.map((one) => drainerOf(one, settings.connections))]
  const drained: Drained[] = []
  for (const feeds of settings.feeds) {
    const turns = drainers.map((drainer) => {
      // The warm-up tells how many messages a round takes.
      let perSecond = Number.NaN
      const round = async (seconds: number) => {
        const guess = Number.isNaN(perSecond) ? MESSAGES_AT_FIRST : perSecond * seconds
        const messages = Math.ceil(Math.max(guess, MESSAGES_A_FEED * feeds))
        const its = await drain(drainer, world.taking, { messages, feeds })
        if (Number.isNaN(perSecond)) perSecond = its.perSecond
        return its
      }
      return { who: drainer.who, round }
    })
    const name = `drained, ${feeds} ${feeds === 1 ? 'feed' : 'feeds'}`
    const [base = [], ...measured] = await inTurn(name, turns, settings)
    for (const [n, { engine }] of contenders.entries()) {
      const rounds = measured[n] ?? []
      const ratio = ratioOf(rounds, base)
      report(`${name}, ${engine}: ${ratio.toFixed(2)} of a bare loop`)
      const [latchkey, bareFigures] = [figuresOf(rounds), figuresOf(base)]
      drained.push({ feeds, engine, ratio, latchkey, bare: bareFigures })
    }
  }
  await bare.served.stop()
  return drained
}

const MESSAGES_AT_FIRST = 200
const MESSAGES_A_FEED = 5
/** After so long, each feed's first message is at the destination, and the last is written down. */
const CALM_MS = 100

async function drain(
  { served, queue }: Drainer,
  taking: Destination,
  { messages, feeds }: { messages: number; feeds: number },
): Promise<DrainRound> {
  const all = taking.count() + messages
  taking.hold()
  await queue(messages, feeds)
  await wait(CALM_MS)
  const left = all - taking.count()
  const cpu = served.cpuSeconds()
  const began = performance.now()
  taking.release()
  await taking.until(all)
  const seconds = (performance.now() - began) / 1000
  await wait(CALM_MS)
  return {
    messages: left,
    perSecond: left / seconds,
    cpuUs: ((served.cpuSeconds() - cpu) * 1e6) / left,
  }
}

const drainerOf = ({ engine, served, toTaking }: Contender, connections: number): Drainer => ({
  who: engine,
  served,
  queue(messages, feeds) {
    const own = toTaking.slice(0, feeds)
    const requests = Array.from({ length: messages }, (_, n) => turn(own, n))
    return sendAll(served.port, requests, connections)
  },
})

/** What it sends, Latchkey has sent: one message of this contender. */
async function startPoster(
  { served: { port }, toTaking }: Contender,
  { folder, world: { taking } }: Place,
): Promise<Drainer> {
  const body = join(folder, 'message.json')
  const all = taking.count() + 1
  await sendAll(port, toTaking.slice(0, 1), 1)
  await taking.until(all)
  writeFileSync(body, taking.latest(), 'latin1')
  const args = [file('./delivery/poster.ts'), taking.url, body]
  const served = await serve(args, join(folder, 'poster.log'), {})
  return {
    who: 'bare',
    served,
    async queue(messages, lanes) {
      await fetch(`http://127.0.0.1:${served.port}/${lanes}/${messages}`, { method: 'POST' })
    },
  }
}

const figuresOf = (rounds: readonly DrainRound[]): DrainFigures => ({
  perSecond: median(rounds.map(({ perSecond }) => perSecond)),
  cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
  rounds,
})

import { setTimeout as delay } from 'node:timers/promises'
import { createChance } from './chance.ts'
import { disagreements, type Kept, queuedIn, readKept } from './kept.ts'
import type { Ledger } from './ledger.ts'
import { operate } from './operator.ts'
import type { EngineName } from './place.ts'
import { createRecorder } from './recorder.ts'
import { openStage, type Stage } from './stage.ts'
import { makeTrouble } from './trouble.ts'
import { sendMessages, signIn } from './vendor.ts'
import { judge, type Verdict } from './verdict.ts'

export interface Soak {
  readonly engine: EngineName
  /** How many are to be acknowledged. */
  readonly messages: number
  readonly seed: number
  /** Told again and again how far it has got. */
  readonly tell?: (acknowledged: number, delivered: number) => void
}

export interface Outcome {
  readonly engine: EngineName
  readonly seed: number
  readonly seconds: number
  readonly ledger: Ledger
  readonly kept: Kept
  /** What destinations did with requests, and how often. */
  readonly requests: ReadonlyMap<string, number>
  readonly resumed: number
  readonly verdict: Verdict
  readonly disagreements: readonly string[]
}

/** Everything at once, and then the verdict. */
export async function soak({ engine, messages, seed, tell }: Soak): Promise<Outcome> {
  const began = Date.now()
  const chanceOf = (who: string) => createChance(seed, who)
  const recorder = createRecorder()
  const over = new AbortController()
  const stage = await openStage(engine, recorder, chanceOf, over.signal)
  const telling = setInterval(() => tell?.(recorder.acknowledged(), recorder.taken()), 1000)
  try {
    const worked = work(stage, messages, chanceOf)
    const operated = operate(stage, chanceOf('operator'))
    // The operator ends before the others only where he fails. What is stuck is judged as it is.
    await Promise.race([worked, operated, stuck(stage)])
    over.abort()
    const resumed = await operated
    await stage.fleet.stop()
    const kept = await readKept(stage.place.ask)
    return {
      engine,
      seed,
      seconds: (Date.now() - began) / 1000,
      resumed,
      kept,
      ledger: recorder.ledger,
      requests: recorder.requests,
      verdict: judge(recorder.ledger),
      disagreements: disagreements(kept, recorder.ledger.arrivals),
    }
  } finally {
    over.abort()
    clearInterval(telling)
    await stage.close()
  }
}

/** Until all messages are acknowledged, all trouble is made, and nothing is queued any more. */
async function work(
  stage: Stage,
  messages: number,
  chanceOf: (who: string) => ReturnType<typeof createChance>,
): Promise<void> {
  const { vendors, fleet } = stage
  const senders = await Promise.all(vendors.map((vendor) => signIn(vendor, fleet.url())))
  const share = {
    count: Math.ceil(messages / senders.length),
    mostOutstanding: 250 + messages / 10,
  }
  await Promise.all([
    makeTrouble(stage, messages, chanceOf('trouble')),
    ...senders.map((sender) =>
      sendMessages(sender, share, stage, chanceOf(`vendor ${sender.source}`)),
    ),
  ])
  while ((await queuedIn(stage.place.ask)) > 0) {
    await delay(250, undefined, { signal: stage.signal })
  }
}

/** Resolves when nothing has come for so long, although an operator resumes what waits. */
const STUCK_MS = 600_000

async function stuck({ recorder, signal }: Stage): Promise<void> {
  let taken = recorder.taken()
  for (let since = Date.now(); Date.now() - since < STUCK_MS; ) {
    await delay(1000, undefined, { signal })
    if (recorder.taken() === taken) continue
    taken = recorder.taken()
    since = Date.now()
  }
}

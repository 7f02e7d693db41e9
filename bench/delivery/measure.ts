import type { Part, Settings } from '../options.ts'
import { showProgress } from '../progress.ts'
import { type Accepted, measureAccepted } from './accepted.ts'
import { type Arrival, measureArrival } from './arrival.ts'
import { type Contender, startContender } from './contender.ts'
import { type Drained, measureDrained } from './drained.ts'
import { createWorld } from './world.ts'

/** What delivery does, and what it costs. */
export interface Delivery {
  readonly accepted: readonly Accepted[]
  readonly drained: readonly Drained[]
  readonly arrivals: readonly Arrival[]
}

export async function measureDelivery(folder: string, settings: Settings): Promise<Delivery> {
  const feeds = Math.max(...settings.feeds)
  const vendors = Math.max(feeds, ...settings.hanging)
  showProgress(`seeding ${vendors} keys`)
  const world = await createWorld(folder, vendors)
  const place = { folder, world, feeds, settings }
  const contenders: Contender[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      contenders.push(await startContender(engine, place))
    }
    const { parts, rate } = settings
    const wanted = (part: Part) => parts.includes(part)
    const isRateAsked = wanted('arrival') && rate === undefined
    const delivered =
      wanted('accepted') || isRateAsked ? await measureAccepted('delivered', contenders, place) : []
    const drained = wanted('drained') ? await measureDrained(contenders, place) : []
    const arrivals: Arrival[] = []
    for (const [n, contender] of wanted('arrival') ? contenders.entries() : []) {
      const its = rate ?? halfOf(delivered[n])
      arrivals.push(...(await measureArrival(contender, its, place)))
    }
    // Last, for what it leaves behind is tried again and again.
    const down = wanted('accepted') ? await measureAccepted('down', contenders, place) : []
    return { accepted: [...delivered, ...down], drained, arrivals }
  } finally {
    for (const { served } of contenders) await served.stop()
    world.taking.close()
    world.hanging.close()
  }
}

function halfOf(delivered: Accepted | undefined): number {
  if (delivered?.throughPerSecond == null) throw new Error('no message has gone all the way')
  return delivered.throughPerSecond / 2
}

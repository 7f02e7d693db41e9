import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { silentLog } from '../../src/node/log.ts'
import { openLatchkey } from '../../src/node/open-latchkey.ts'
import { unwrap } from '../../test/support/server.ts'
import { createMessageRequests } from '../cases.ts'
import { mkdirIn } from '../compare.ts'
import { startEngineServer } from '../engines.ts'
import type { BenchEngineName, BenchSettings, DeliveryCase } from '../options.ts'
import type { BenchServer } from '../process.ts'
import { type BenchVendor, seedVendors } from '../seed.ts'
import { showProgress } from '../text.ts'
import { type AcceptedResult, measureAccepted } from './accepted.ts'
import { type ArrivalResult, measureArrival } from './arrival.ts'
import { type BenchDestination, startBenchDestination } from './destination.ts'

export interface DeliveryResults {
  readonly accepted: readonly AcceptedResult[]
  readonly arrivals: readonly ArrivalResult[]
}

export async function measureDelivery(
  folder: string,
  settings: BenchSettings,
): Promise<DeliveryResults> {
  const vendors = Math.max(settings.subscriptions, ...settings.hanging)
  showProgress(`seeding ${vendors} keys`)
  const destinations = await createDeliveryDestinations(folder, vendors)
  const context = { folder, destinations, settings }
  const contenders: DeliveryContender[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      contenders.push(await startDeliveryContender(engine, context))
    }
    const { deliveryCases, rate } = settings
    const isSelected = (name: DeliveryCase) => deliveryCases.includes(name)
    const needsRate = isSelected('arrival') && rate === undefined
    const delivered =
      isSelected('accepted') || needsRate
        ? await measureAccepted('delivered', contenders, context)
        : []
    const arrivals: ArrivalResult[] = []
    for (const [n, contender] of isSelected('arrival') ? contenders.entries() : []) {
      const arrivalRate = rate ?? halveThroughput(delivered[n])
      arrivals.push(...(await measureArrival(contender, arrivalRate, context)))
    }
    // Last, because Latchkey retries its messages again and again.
    const down = isSelected('accepted') ? await measureAccepted('down', contenders, context) : []
    return { accepted: [...delivered, ...down], arrivals }
  } finally {
    for (const { served } of contenders) await served.stop()
    destinations.taking.close()
    destinations.hanging.close()
  }
}

function halveThroughput(delivered: AcceptedResult | undefined): number {
  if (delivered?.arrivedPerSecond == null) throw new Error('no message has arrived')
  return delivered.arrivedPerSecond / 2
}

export interface DeliveryBenchContext {
  readonly folder: string
  readonly destinations: DeliveryDestinations
  readonly settings: BenchSettings
}

/** Latchkey on one engine, and a request of each vendor to each destination. */
export interface DeliveryContender {
  readonly engine: BenchEngineName
  readonly served: BenchServer
  readonly toTaking: readonly Buffer[]
  readonly toHanging: readonly Buffer[]
  readonly toDown: readonly Buffer[]
}

async function startDeliveryContender(
  engine: BenchEngineName,
  { folder, destinations, settings }: DeliveryBenchContext,
): Promise<DeliveryContender> {
  const { seeded, vendors, hangingId, downId } = destinations
  const served = await startEngineServer(engine, mkdirIn(folder, engine), seeded, settings)
  const scene = { port: served.port, vendors }
  return {
    engine,
    served,
    toTaking: await createMessageRequests(scene, ({ destinationId }) => destinationId),
    toHanging: await createMessageRequests(scene, () => hangingId),
    toDown: await createMessageRequests(scene, () => downId),
  }
}

/** The vendors and the destinations; each vendor has a subscription to each destination. */
export interface DeliveryDestinations {
  /** The data folder that holds them. */
  readonly seeded: string
  /** Each has a `destinationId` of its own, so that messages wait for others of their subscription alone. */
  readonly vendors: readonly BenchVendor[]
  readonly taking: BenchDestination
  /** One for all vendors, which responds only after `release`. */
  readonly hanging: BenchDestination
  readonly hangingId: string
  /** One for all vendors, where nothing listens. */
  readonly downId: string
}

async function createDeliveryDestinations(
  folder: string,
  keys: number,
): Promise<DeliveryDestinations> {
  const seeded = join(folder, 'seeded')
  mkdirSync(seeded, { mode: 0o700 })
  const seededVendors = await seedVendors(seeded, { keys })
  const taking = await startBenchDestination()
  const hanging = await startBenchDestination()
  const down = await startBenchDestination()
  down.close()

  const config = readConfig({ LATCHKEY_DATA: seeded })
  const { accounts, destinations, subscriptions, storage } = await openLatchkey(config, {
    publicUrl: 'http://localhost',
    log: silentLog,
  })
  try {
    const { id: accountId } = unwrap(await accounts.create({ name: 'Hospital' }))
    const addDestination = async (name: string, url: string) => {
      const { id } = unwrap(await destinations.add({ accountId, name, url, development: true }))
      unwrap(await destinations.setVerified(id, true))
      return id
    }
    const hangingId = await addDestination('Hanging', hanging.url)
    const downId = await addDestination('Down', down.url)
    const vendors = await Promise.all(
      seededVendors.map(async (vendor, n) => {
        const destinationId = await addDestination('Taking', `${taking.url}/${n}`)
        for (const one of [destinationId, hangingId, downId]) {
          unwrap(await subscriptions.create({ sourceId: vendor.sourceId, destinationId: one }))
        }
        return { ...vendor, destinationId }
      }),
    )
    return { seeded, vendors, taking, hanging, hangingId, downId }
  } finally {
    await storage.close()
  }
}

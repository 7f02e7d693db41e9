import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readConfig } from '../../src/config.ts'
import { openLatchkey } from '../../src/node/server.ts'
import { createMessageRequests } from '../cases.ts'
import { startEngineServer } from '../engines.ts'
import type { BenchEngineName, BenchSettings, DeliveryPart } from '../options.ts'
import type { BenchServer } from '../process.ts'
import { type BenchVendor, SILENT_LOG, seedVendors, unwrapServiceResult } from '../seed.ts'
import { showProgress } from '../text.ts'
import { type AcceptedResult, measureAccepted } from './accepted.ts'
import { type ArrivalResult, measureArrival } from './arrival.ts'
import { type BenchDestination, startBenchDestination } from './destination.ts'
import { type DrainResult, measureDrain } from './drain.ts'

/** What delivery does, and what it costs. */
export interface DeliveryResults {
  readonly accepted: readonly AcceptedResult[]
  readonly drained: readonly DrainResult[]
  readonly arrivals: readonly ArrivalResult[]
}

export async function measureDelivery(
  folder: string,
  settings: BenchSettings,
): Promise<DeliveryResults> {
  const feeds = Math.max(...settings.feeds)
  const vendors = Math.max(feeds, ...settings.hanging)
  showProgress(`seeding ${vendors} keys`)
  const destinations = await createDeliveryDestinations(folder, vendors)
  const context = { folder, destinations, feeds, settings }
  const contenders: DeliveryContender[] = []
  try {
    for (const engine of settings.engines) {
      showProgress(`starting ${engine}`)
      contenders.push(await startDeliveryContender(engine, context))
    }
    const { parts, rate } = settings
    const isPartSelected = (part: DeliveryPart) => parts.includes(part)
    const isRateAsked = isPartSelected('arrival') && rate === undefined
    const delivered =
      isPartSelected('accepted') || isRateAsked
        ? await measureAccepted('delivered', contenders, context)
        : []
    const drained = isPartSelected('drained') ? await measureDrain(contenders, context) : []
    const arrivals: ArrivalResult[] = []
    for (const [n, contender] of isPartSelected('arrival') ? contenders.entries() : []) {
      const arrivalRate = rate ?? halveThroughput(delivered[n])
      arrivals.push(...(await measureArrival(contender, arrivalRate, context)))
    }
    // Last, for what it leaves behind is tried again and again.
    const down = isPartSelected('accepted')
      ? await measureAccepted('down', contenders, context)
      : []
    return { accepted: [...delivered, ...down], drained, arrivals }
  } finally {
    for (const { served } of contenders) await served.stop()
    destinations.taking.close()
    destinations.hanging.close()
  }
}

function halveThroughput(delivered: AcceptedResult | undefined): number {
  if (delivered?.throughPerSecond == null) throw new Error('no message has gone all the way')
  return delivered.throughPerSecond / 2
}

/** Where all of this is measured, and how. */
export interface DeliveryBenchContext {
  readonly folder: string
  readonly destinations: DeliveryDestinations
  /** How many feeds have messages, where nothing else is said. */
  readonly feeds: number
  readonly settings: BenchSettings
}

/** Latchkey on one engine, and what is sent to it: a message of each vendor, to each destination. */
export interface DeliveryContender {
  readonly engine: BenchEngineName
  readonly served: BenchServer
  readonly toTaking: readonly Buffer[]
  readonly toHanging: readonly Buffer[]
  readonly toDown: readonly Buffer[]
}

export async function startDeliveryContender(
  engine: BenchEngineName,
  { folder, destinations, settings }: DeliveryBenchContext,
): Promise<DeliveryContender> {
  const { seeded, vendors, hangingId, downId } = destinations
  const served = await startEngineServer(engine, folder, seeded, settings)
  const scene = { port: served.port, vendors }
  return {
    engine,
    served,
    toTaking: await createMessageRequests(scene, ({ destinationId }) => destinationId),
    toHanging: await createMessageRequests(scene, () => hangingId),
    toDown: await createMessageRequests(scene, () => downId),
  }
}

/** Who sends, and to whom: each vendor has a feed to each of these. */
export interface DeliveryDestinations {
  /** The data folder with all of this in it. */
  readonly seeded: string
  /** Their `destinationId` is their own, so that nothing but the feed makes one wait for another. */
  readonly vendors: readonly BenchVendor[]
  readonly taking: BenchDestination
  /** One for all, which takes no message before it is told to. */
  readonly hanging: BenchDestination
  readonly hangingId: string
  /** One for all, where nobody listens. */
  readonly downId: string
}

export async function createDeliveryDestinations(
  folder: string,
  feeds: number,
): Promise<DeliveryDestinations> {
  const seeded = join(folder, 'seeded')
  mkdirSync(seeded, { mode: 0o700 })
  const seededVendors = await seedVendors(seeded, {
    keys: feeds,
    active: feeds,
    progress: () => {},
  })
  const taking = await startBenchDestination()
  const hanging = await startBenchDestination()
  const down = await startBenchDestination()
  down.close()

  const config = readConfig({ LATCHKEY_DATA: seeded })
  const { accounts, routing, storage } = await openLatchkey(config, {
    publicUrl: 'http://localhost',
    log: SILENT_LOG,
  })
  try {
    const { id: accountId } = unwrapServiceResult(await accounts.create({ name: 'Hospital' }))
    const addDestination = async (name: string, url: string) => {
      const { id } = unwrapServiceResult(
        await routing.addDestination({ accountId, name, url, development: true }),
      )
      unwrapServiceResult(await routing.setDestinationVerified(id, true))
      return id
    }
    const hangingId = await addDestination('Hanging', hanging.url)
    const downId = await addDestination('Down', down.url)
    const vendors = await Promise.all(
      seededVendors.map(async (vendor, n) => {
        const destinationId = await addDestination('Taking', `${taking.url}/${n}`)
        for (const one of [destinationId, hangingId, downId]) {
          unwrapServiceResult(
            await routing.createSubscription({ sourceId: vendor.sourceId, destinationId: one }),
          )
        }
        return { ...vendor, destinationId }
      }),
    )
    return { seeded, vendors, taking, hanging, hangingId, downId }
  } finally {
    await storage.close()
  }
}

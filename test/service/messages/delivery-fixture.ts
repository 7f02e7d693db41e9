import { afterEach, beforeEach } from 'vitest'
import { readMessageName, seedQueues } from '../../support/delivery/delivery-worker.ts'
import { type DestinationBehavior, startDestination } from '../../support/delivery/destinations.ts'
import { unwrap } from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'

export let testServices: TestServices
export let receiver: Awaited<ReturnType<typeof startDestination>>
/** Decides how the destination answers each request. A test may set it. */
export const destination: { behave: (path: string, body: string) => DestinationBehavior } = {
  behave: () => 'take',
}

export const seedQueuesAt = (...paths: string[]) =>
  seedQueues(
    testServices,
    paths.map((path) => receiver.url + path),
  )
/** Creates a subscription of another source to the same destination. */
export async function seedSecondQueue<Queue extends { destinationId: string }>(
  queue: Queue,
  accountId: string,
) {
  const source = unwrap(await testServices.sources.add({ accountId, name: 'Another Source' }))
  const ids = { sourceId: source.id, destinationId: queue.destinationId }
  return { ...queue, id: unwrap(await testServices.subscriptions.create(ids)).id }
}
export const listNames = (path: string) =>
  receiver.requests.filter((one) => one.path === path).map(({ body }) => readMessageName(body))
export const listTakenNames = (path: string) =>
  receiver.requests
    .filter((one) => one.path === path && one.behavior === 'take')
    .map(({ body }) => readMessageName(body))
export const listDeliveryStatuses = async (id: string) =>
  (await testServices.storage.findMessage(id))?.deliveries.map(({ status }) => status)
/** So long that only a few such messages are sent at once. */
export const LONG = 'long '.repeat(400_000)
export const createNames = (count: number) =>
  Array.from({ length: count }, (_, n) => `message ${n}`)

export function useDelivery(): void {
  beforeEach(async () => {
    testServices = await openTestServices()
    destination.behave = () => 'take'
    receiver = await startDestination((path, body) => destination.behave(path, body))
  })
  afterEach(async () => {
    await receiver.close()
    await testServices.close()
  })
}

import type { Role } from '../../src/domain/role.ts'
import { seedConsoleClient } from './console-client.ts'
import { startDestination } from './delivery/destinations.ts'
import { createTestServer, seedKey, unwrap } from './server.ts'

/** A server with a vendor's source, a destination that can really be reached, and people of each role. */
export async function openRoutingFixture() {
  const receiver = await startDestination((path) =>
    path.startsWith('/closed') ? 'refuse' : 'take',
  )
  const server = await createTestServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  const seededKey = await seedKey(server)
  const { accountId, sourceId } = seededKey

  async function addDestination(name: string, path: string) {
    const input = { accountId, name, url: receiver.url + path, development: true }
    const { id } = unwrap(await server.destinations.add({ ...input, token: 'agreed-on-token' }))
    unwrap(await server.destinations.setVerified(id, true))
    const subscriptionInput = { sourceId, destinationId: id }
    const { id: subscriptionId } = unwrap(await server.subscriptions.create(subscriptionInput))
    return { id, subscriptionId }
  }
  const openDestination = await addDestination('Mercy EMR', '/open')
  const failingDestination = await addDestination('Night registry', '/closed')

  /** Signs in a user of the account. */
  const signInAs = (role: Role) => seedConsoleClient(server, role, accountId)

  return {
    ...seededKey,
    server,
    receiver,
    openDestination,
    failingDestination,
    signInAs,
    /** Everything that is due is tried once. */
    async deliverDue() {
      server.deliveryWorker.start()
      await server.deliveryWorker.startDueQueues()
      await server.deliveryWorker.finish()
    },
    async close() {
      await server.close()
      await receiver.close()
    },
  }
}

export type RoutingFixture = Awaited<ReturnType<typeof openRoutingFixture>>

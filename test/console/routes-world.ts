import type { Role } from '../../src/domain/key.ts'
import { someone } from '../support/browsing.ts'
import { startReceiver } from '../support/receiver.ts'
import { done, seedKey, testServer } from '../support/server.ts'

/** A server with a vendor's source, a destination that can really be reached, and people of each role. */
export async function routesWorld() {
  const receiver = await startReceiver((path) => (path.startsWith('/closed') ? 'refuse' : 'take'))
  const server = await testServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  const seeded = await seedKey(server)
  const { accountId, sourceId } = seeded

  async function destination(name: string, path: string) {
    const wish = { accountId, name, url: receiver.url + path, development: true }
    const { id } = done(await server.routes.addDestination({ ...wish, token: 'agreed-on-token' }))
    done(await server.routes.setVerified(id, true))
    const joined = { sourceId, destinationId: id }
    const { id: feedId } = done(await server.routes.subscribe(joined))
    return { id, feedId }
  }
  const open = await destination('Mercy EMR', '/open')
  const closed = await destination('Night registry', '/closed')

  /** Somebody of the account, signed in. */
  const visitor = (role: Role) => someone(server, role, accountId)

  return {
    ...seeded,
    server,
    receiver,
    open,
    closed,
    visitor,
    /** Everything that is due is tried once. */
    async deliver() {
      server.deliver.start()
      await server.deliver.look()
      await server.deliver.finish()
    },
    async close() {
      await server.close()
      await receiver.close()
    },
  }
}

export type RoutesWorld = Awaited<ReturnType<typeof routesWorld>>

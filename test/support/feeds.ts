import { renderDelivered } from '../../src/http/app.ts'
import { createDeliver, type DeliverDeps } from '../../src/service/deliver.ts'
import type { Attempt, Courier } from '../../src/service/ports.ts'
import type { Core } from './core.ts'
import { deviceNew, done } from './server.ts'

const ANSWER_WITHIN_MS = 5_000

/** The least that carries a message by HTTP. */
export const plainCourier: Pick<Courier, 'deliver'> = {
  async deliver({ url }, body, signal): Promise<Attempt> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_WITHIN_MS)])
    try {
      const answer = await fetch(url ?? '', {
        method: 'POST',
        body: body as BodyInit,
        signal: within,
      })
      const excerpt = await answer.text()
      if (answer.ok) return { outcome: 'delivered', status: answer.status }
      return { outcome: 'refused', status: answer.status, excerpt }
    } catch {
      return { outcome: 'failed', detail: 'no answer' }
    }
  },
}

/** A process that delivers, on the database of the core. */
export function processOn(core: Core, more: Partial<DeliverDeps> = {}) {
  const { storage, sealer, clock, log, random } = core
  const by = random.requestId()
  const deliver = createDeliver({
    storage,
    sealer,
    clock,
    log,
    by,
    courier: plainCourier,
    render: renderDelivered,
    jitter: () => 0,
    erase: true,
    leaseMs: 15_000,
    ...more,
  })
  deliver.start()
  return {
    ...deliver,
    /** Everything that is due now is done. */
    async work() {
      await deliver.look()
      await deliver.finish()
    },
  }
}

/** A source, a feed to each of these URLs, and messages in them. */
export async function seedFeeds(core: Core, urls: readonly string[]) {
  const { routes, storage, sealer, random, clock } = core
  const { accountId } = await core.seedTenant()
  const source = done(await routes.addSource({ accountId, name: 'Acme Source' }))
  const feeds: { id: string; destinationId: string; url: string }[] = []
  for (const url of urls) {
    const wish = { accountId, name: `EMR at ${new URL(url).pathname}`, url, development: true }
    const destination = done(await routes.addDestination(wish))
    const ids = { sourceId: source.id, destinationId: destination.id }
    const { id } = done(await routes.subscribe(ids))
    feeds.push({ id, destinationId: destination.id, url })
  }

  return {
    source,
    feeds,
    /** A message to these feeds, or to all, that says who it is. */
    async send(name: string, to = feeds) {
      const id = random.uuid()
      const Destinations = to.map(({ destinationId }) => ({ ID: destinationId }))
      const payload = JSON.stringify({ ...deviceNew('', { Destinations }), name })
      const deliveries = to.map((feed) => ({
        id: random.uuid(),
        attemptId: random.uuid(),
        subscriptionId: feed.id,
        destinationId: feed.destinationId,
      }))
      await storage.addMessage({
        id,
        serial: random.serial(),
        keyId: 'key',
        sourceId: source.id,
        deliveries,
        dataModel: 'Device',
        eventType: 'New',
        test: false,
        receivedAt: clock(),
        sealedPayload: await sealer.seal(new TextEncoder().encode(payload), id),
      })
      return { id, deliveries }
    },
  }
}

export const nameIn = (body: string | Uint8Array): string =>
  (JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as { name: string })
    .name

import { renderDeliveryBody } from '../../../src/http/app.ts'
import { DeliveryWorker, type DeliveryWorkerDeps } from '../../../src/service/messages/deliver.ts'
import { sealPayload } from '../../../src/service/messages/payload.ts'
import type { WebhookClient, WebhookResult } from '../../../src/service/ports/outbound.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TokenResponse,
  unwrap,
} from '../server.ts'
import type { TestServices } from '../services.ts'

const RESPONSE_TIMEOUT_MS = 5_000

/** The least that carries a message by HTTP. */
export const FETCH_WEBHOOK_CLIENT: Pick<WebhookClient, 'deliver'> = {
  async deliver({ url }, body, signal): Promise<WebhookResult> {
    const within = AbortSignal.any([signal, AbortSignal.timeout(RESPONSE_TIMEOUT_MS)])
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
export function startDeliveryWorker(
  testServices: TestServices,
  overrides: Partial<DeliveryWorkerDeps> = {},
) {
  const { storage, sealer, clock, log, random } = testServices
  const workerId = random.requestId()
  const worker = new DeliveryWorker({
    storage,
    sealer,
    clock,
    log,
    by: workerId,
    webhookClient: FETCH_WEBHOOK_CLIENT,
    render: renderDeliveryBody,
    jitter: () => 0,
    erasesPayloads: true,
    leaseMs: 15_000,
    ...overrides,
  })
  worker.start()
  return Object.assign(worker, {
    /** Delivers every message that is due now. */
    async deliverDue() {
      await worker.startDueQueues()
      await worker.finish()
    },
  })
}

/** Adds a source, and a subscription to each of these URLs. */
export async function seedQueues(testServices: TestServices, urls: readonly string[]) {
  const { sources, destinations, subscriptions, storage, random, clock } = testServices
  const { accountId } = await testServices.seedTenant()
  const source = unwrap(await sources.add({ accountId, name: 'Acme Source' }))
  const queues: { id: string; destinationId: string; url: string }[] = []
  for (const url of urls) {
    const input = { accountId, name: `EMR at ${new URL(url).pathname}`, url, development: true }
    const destination = unwrap(await destinations.add(input))
    const ids = { sourceId: source.id, destinationId: destination.id }
    const { id } = unwrap(await subscriptions.create(ids))
    queues.push({ id, destinationId: destination.id, url })
  }

  return {
    source,
    queues,
    /** Sends a message with this name to these queues, or to all. */
    async send(name: string, to = queues) {
      const id = random.uuid()
      const Destinations = to.map(({ destinationId }) => ({ ID: destinationId }))
      const payload = JSON.stringify({ ...createDeviceNewMessage('', { Destinations }), name })
      const deliveries = to.map((queue) => ({
        id: random.uuid(),
        attemptId: random.uuid(),
        subscriptionId: queue.id,
        destinationId: queue.destinationId,
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
        ...(await sealPayload(testServices, id, new TextEncoder().encode(payload))),
      })
      return { id, deliveries }
    },
  }
}

export const readMessageName = (body: string | Uint8Array): string =>
  (JSON.parse(typeof body === 'string' ? body : new TextDecoder().decode(body)) as { name: string })
    .name

/** Adds a vendor, and a subscription to each of these URLs, in a folder that a server is started on later. */
export async function seedOfflineVendor(dir: string, urls: readonly string[]) {
  const clock = Object.assign(Date.now, { advance() {}, set() {} })
  const server = await createTestServer({}, { dir, clock })
  const { accountId, sourceId, apiKey, secret } = await seedKey(server)
  const ids = new Map<string, string>()
  for (const url of urls) {
    const { pathname } = new URL(url)
    const input = { accountId, name: `EMR at ${pathname}`, url, development: true }
    const { id: destinationId } = unwrap(await server.destinations.add(input))
    unwrap(await server.destinations.setVerified(destinationId, true))
    unwrap(await server.subscriptions.create({ sourceId, destinationId }))
    ids.set(pathname, destinationId)
  }
  await server.storage.close()

  return {
    apiKey,
    secret,
    /** The destination at this path. */
    destinationAt(path: string): string {
      const id = ids.get(path)
      if (id === undefined) throw new Error(`nothing is at ${path}`)
      return id
    },
  }
}

export type OfflineVendor = Awaited<ReturnType<typeof seedOfflineVendor>>

/** An access token of the vendor's. */
export async function authenticateVendor(
  url: string,
  { apiKey, secret }: OfflineVendor,
): Promise<string> {
  const answer = await fetch(`${url}/auth/authenticate`, {
    method: 'POST',
    body: JSON.stringify({ apiKey, secret }),
  })
  return ((await answer.json()) as TokenResponse).accessToken
}

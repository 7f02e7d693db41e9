import { type ChainAnchor, pickLaterAnchor } from '../domain/audit-chain.ts'
import type { AnchorStore } from '../service/ports/audit.ts'

/** The part of Cloudflare's Durable Objects that is used here. */
export interface AnchorNamespace {
  idFromName(name: string): unknown
  get(id: unknown): {
    fetch(url: string, init?: { method: string; body: string }): Promise<Response>
  }
}

interface DurableObjectState {
  readonly storage: {
    get(key: string): Promise<unknown>
    put(key: string, value: unknown): Promise<void>
  }
}

const STORAGE_KEY = 'anchor'

/**
 * The Durable Object that keeps the audit's anchor outside D1, one for all isolates. While it waits for its
 * storage the runtime gives it no other request, so nothing changes between its read and its write.
 */
export class AuditAnchorObject {
  readonly #storage: DurableObjectState['storage']

  constructor({ storage }: DurableObjectState) {
    this.#storage = storage
  }

  async fetch(request: Request): Promise<Response> {
    const storedAnchor = ((await this.#storage.get(STORAGE_KEY)) as ChainAnchor | undefined) ?? null
    if (request.method === 'GET') return Response.json(storedAnchor)
    const anchor = (await request.json()) as ChainAnchor
    const isLater = pickLaterAnchor(storedAnchor, anchor) === anchor
    // The runtime holds the response back until the write is on disk.
    if (isLater) await this.#storage.put(STORAGE_KEY, anchor)
    return Response.json(isLater)
  }
}

/** Reaches the Durable Object from the Worker. */
export function createDurableAnchorStore(namespace: AnchorNamespace): AnchorStore {
  const sendToObject = async <T>(init?: { method: string; body: string }): Promise<T> => {
    const object = namespace.get(namespace.idFromName('audit'))
    const response = await object.fetch('https://audit-anchor.invalid/', init)
    if (!response.ok) throw new Error(`the audit's anchor answers ${response.status}`)
    return (await response.json()) as T
  }
  const write = (anchor: ChainAnchor) =>
    sendToObject<boolean>({ method: 'PUT', body: JSON.stringify(anchor) })
  return {
    read: () => sendToObject<ChainAnchor | null>(),
    write,
    async replace(anchor) {
      await write(anchor)
    },
  }
}

import { type Anchor, laterAnchor } from '../domain/chain.ts'
import type { AnchorStore } from '../service/ports.ts'

/** The part of Cloudflare's Durable Objects that is used here. */
export interface AnchorNamespace {
  idFromName(name: string): unknown
  get(id: unknown): {
    fetch(url: string, init?: { method: string; body: string }): Promise<Response>
  }
}

interface ObjectState {
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
export class AuditAnchor {
  readonly #storage: ObjectState['storage']

  constructor({ storage }: ObjectState) {
    this.#storage = storage
  }

  async fetch(request: Request): Promise<Response> {
    const kept = ((await this.#storage.get(STORAGE_KEY)) as Anchor | undefined) ?? null
    if (request.method === 'GET') return Response.json(kept)
    const anchor = (await request.json()) as Anchor
    const isLater = laterAnchor(kept, anchor) === anchor
    // The runtime holds the response back until the write is on disk.
    if (isLater) await this.#storage.put(STORAGE_KEY, anchor)
    return Response.json(isLater)
  }
}

/** Reaches the Durable Object from the Worker. */
export function createAnchorObject(namespace: AnchorNamespace): AnchorStore {
  const ask = async <T>(init?: { method: string; body: string }): Promise<T> => {
    const object = namespace.get(namespace.idFromName('audit'))
    const response = await object.fetch('https://audit-anchor.invalid/', init)
    if (!response.ok) throw new Error(`the audit's anchor answers ${response.status}`)
    return (await response.json()) as T
  }
  const write = (anchor: Anchor) => ask<boolean>({ method: 'PUT', body: JSON.stringify(anchor) })
  return {
    read: () => ask<Anchor | null>(),
    write,
    async replace(anchor) {
      await write(anchor)
    },
  }
}

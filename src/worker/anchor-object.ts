import { type Anchor, laterAnchor } from '../domain/chain.ts'
import type { AnchorStore } from '../service/ports.ts'

/** As much of Cloudflare's Durable Objects as is used here. */
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

const KEY = 'anchor'

/**
 * The Durable Object that keeps the audit's anchor: one for all isolates, outside of D1. While it waits
 * for its storage the runtime hands it no other request, so that what it reads still holds when it writes.
 */
export class AuditAnchor {
  readonly #storage: ObjectState['storage']

  constructor({ storage }: ObjectState) {
    this.#storage = storage
  }

  async fetch(request: Request): Promise<Response> {
    const kept = ((await this.#storage.get(KEY)) as Anchor | undefined) ?? null
    if (request.method === 'GET') return Response.json(kept)
    const anchor = (await request.json()) as Anchor
    const isLater = laterAnchor(kept, anchor) === anchor
    // Answered when it is on disk: the runtime holds the answer back until then.
    if (isLater) await this.#storage.put(KEY, anchor)
    return Response.json(isLater)
  }
}

/** The anchor as the Worker reaches it. */
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

import type { Storage } from '../../src/service/ports/storage.ts'

const MESSAGE_PAGE_SIZE = 500

/** Every message that was acknowledged, against what the database lists. */
export class MessageLedger {
  readonly #storage: Pick<Storage, 'listMessages'>
  readonly #acknowledged: string[] = []
  readonly #listed = new Set<string>()
  #checkedCount = 0
  #newestId = ''

  constructor(storage: Pick<Storage, 'listMessages'>) {
    this.#storage = storage
  }

  get size(): number {
    return this.#acknowledged.length
  }

  /** The ids of the `Logs` of one accepted message. */
  acknowledge(logIds: readonly string[]): void {
    this.#acknowledged.push(logIds.join())
  }

  /** Reads what is new. Every message has all its deliveries; every acknowledged one is there. */
  async check(): Promise<void> {
    const newest = await this.#read(this.#newestId)
    if (newest !== undefined) this.#newestId = newest
    this.#compare(this.#checkedCount)
    this.#checkedCount = this.#acknowledged.length
  }

  /** Reads everything anew. */
  async checkAll(): Promise<void> {
    this.#listed.clear()
    await this.#read('')
    this.#compare(0)
  }

  async #read(since: string): Promise<string | undefined> {
    let newest: string | undefined
    for (let after: string | undefined; ; ) {
      const page = await this.#storage.listMessages({ after, limit: MESSAGE_PAGE_SIZE })
      newest ??= page[0]?.id
      for (const { id, deliveries } of page) {
        if (id <= since) return newest
        if (deliveries.length !== 2) {
          throw new Error(`message ${id} has ${deliveries.length} deliveries, not 2`)
        }
        this.#listed.add(deliveries.map((delivery) => delivery.id).join())
      }
      if (page.length < MESSAGE_PAGE_SIZE) return newest
      after = page.at(-1)?.id
    }
  }

  #compare(from: number): void {
    for (const logIds of this.#acknowledged.slice(from)) {
      if (!this.#listed.has(logIds)) throw new Error(`an acknowledged message is gone: ${logIds}`)
    }
  }
}

import type { Storage } from '../../../src/service/ports.ts'

const PAGE = 500

/** Every message that was acknowledged, against what the database lists. */
export class Ledger {
  readonly #storage: Pick<Storage, 'listMessages'>
  readonly #acknowledged: string[] = []
  readonly #listed = new Set<string>()
  #checked = 0
  #newest = ''

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
    const newest = await this.#read(this.#newest)
    if (newest !== undefined) this.#newest = newest
    this.#compare(this.#checked)
    this.#checked = this.#acknowledged.length
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
      const page = await this.#storage.listMessages({ after, limit: PAGE })
      newest ??= page[0]?.id
      for (const { id, deliveries } of page) {
        if (id <= since) return newest
        if (deliveries.length !== 2) {
          throw new Error(`message ${id} has ${deliveries.length} deliveries, not 2`)
        }
        this.#listed.add(deliveries.map((delivery) => delivery.id).join())
      }
      if (page.length < PAGE) return newest
      after = page.at(-1)?.id
    }
  }

  #compare(from: number): void {
    for (const logIds of this.#acknowledged.slice(from)) {
      if (!this.#listed.has(logIds)) throw new Error(`an acknowledged message is gone: ${logIds}`)
    }
  }
}

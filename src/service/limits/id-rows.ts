/** The number of ids and addresses that are counted at once. */
const MAX_COUNTED_IDS = 50_000

/**
 * Numbers ids, so that what is counted for each is a row of arrays, which take half the memory of objects. Beyond
 * the maximum, an id that has not been used for long loses its row to a new one.
 */
export class IdRows {
  readonly #rows = new Map<string, number>()
  readonly #ids: string[] = []
  /** True if the row was used since the search for one to take passed it (the clock algorithm). */
  readonly #isUsed: boolean[] = []
  #searchRow = 0
  /** Kept because the counts of one request are often for the same id. */
  #lastId: string | null = null
  #lastRow = 0
  readonly #clearRow: ((row: number) => void)[] = []

  /** Calls `clear` with the row of each new id, before it is used. Another id may have had it. */
  onNew(clear: (row: number) => void): void {
    this.#clearRow.push(clear)
  }

  find(id: string): number | undefined {
    if (id === this.#lastId) return this.#lastRow
    const row = this.#rows.get(id)
    if (row === undefined) return undefined
    this.#isUsed[row] = true
    this.#lastId = id
    this.#lastRow = row
    return row
  }

  findOrAdd(id: string): number {
    return this.find(id) ?? this.#add(id)
  }

  getId(row: number): string {
    return this.#ids[row] as string
  }

  #add(id: string): number {
    const row = this.#ids.length < MAX_COUNTED_IDS ? this.#ids.length : this.#takeRow()
    for (const clear of this.#clearRow) clear(row)
    this.#ids[row] = id
    this.#isUsed[row] = false
    this.#rows.set(id, row)
    return row
  }

  #takeRow(): number {
    while (this.#isUsed[this.#searchRow]) {
      this.#isUsed[this.#searchRow] = false
      this.#searchRow = (this.#searchRow + 1) % MAX_COUNTED_IDS
    }
    const row = this.#searchRow
    this.#searchRow = (row + 1) % MAX_COUNTED_IDS
    const id = this.getId(row)
    this.#rows.delete(id)
    if (id === this.#lastId) this.#lastId = null
    return row
  }
}

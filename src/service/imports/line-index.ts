/** The rows among which a repeated id is noticed. The index takes at most 25 MB, however long the file is. */
export const MAX_INDEXED_ROWS = 1_000_000
const FIRST_ROWS = 4096

/** Half of its slots stay empty, so that an id is found after a few. */
interface LineTable {
  readonly maxRows: number
  readonly digests: Float64Array
  readonly lines: Uint32Array
}

/**
 * Remembers the lines of ids, so that a repeated one is noticed before the database is asked. Grows by a
 * table twice as large as the last: to move the ids would delay requests, and so would the garbage collection that
 * one table for a million of them causes.
 */
export class LineIndex {
  readonly #tables: LineTable[] = []
  #count = 0

  /** Returns the line of an earlier equal id; null, and remembers this line, if there is none. */
  add(id: string, line: number): number | null {
    const digest = computeDigest(id)
    for (const table of this.#tables) {
      const earlier = table.lines[findSlot(table, digest)]
      if (earlier !== undefined && earlier !== 0) return earlier
    }
    if (this.#count === MAX_INDEXED_ROWS) return null
    const table = this.#getOpenTable()
    const slot = findSlot(table, digest)
    table.digests[slot] = digest
    table.lines[slot] = line
    this.#count++
    return null
  }

  #getOpenTable(): LineTable {
    const last = this.#tables.at(-1)
    const isFull = last === undefined || this.#count === 2 * last.maxRows - FIRST_ROWS
    if (!isFull) return last
    const maxRows = last === undefined ? FIRST_ROWS : 2 * last.maxRows
    const table = {
      maxRows,
      digests: new Float64Array(2 * maxRows),
      lines: new Uint32Array(2 * maxRows),
    }
    this.#tables.push(table)
    return table
  }
}

/** Finds the slot of a digest, or the empty one that it would take. */
function findSlot({ digests, lines }: LineTable, digest: number): number {
  let slot = digest % lines.length
  while (lines[slot] !== 0 && digests[slot] !== digest) slot = (slot + 1) % lines.length
  return slot
}

const FNV_PRIME = 0x01000193

/** Computes 53 bits, so that no two of a million ids are likely to have the same. */
function computeDigest(text: string): number {
  let high = 0x811c9dc5
  let low = 0x9e3779b9
  for (let n = 0; n < text.length; n++) {
    const unit = text.charCodeAt(n)
    high = Math.imul(high ^ unit, FNV_PRIME)
    low = Math.imul(low ^ unit, 0x85ebca6b) ^ (low >>> 13)
  }
  high ^= high >>> 15
  low ^= Math.imul(high, FNV_PRIME)
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0)
}

/** The rows among which a repeated id is noticed. The index takes at most 24 MB, however long the file is. */
export const MAX_INDEXED_ROWS = 1_000_000
const SLOTS = 2 ** 21
/** Most files need no more. Moving so few ids delays nobody. */
const FIRST_SLOTS = 2 ** 13
const FIRST_ROWS = FIRST_SLOTS / 2

/** Remembers the lines of ids, so that a repeated one is noticed before the database is asked. */
export class LineIndex {
  #digests = new Float64Array(FIRST_SLOTS)
  #lines = new Uint32Array(FIRST_SLOTS)
  #count = 0

  /** Returns the line of an earlier equal id; null, and remembers this line, if there is none. */
  add(id: string, line: number): number | null {
    return this.#addDigest(computeDigest(id), line)
  }

  #addDigest(digest: number, line: number): number | null {
    const slots = this.#lines.length
    let slot = digest % slots
    for (; this.#lines[slot] !== 0; slot = (slot + 1) % slots) {
      if (this.#digests[slot] === digest) return this.#lines[slot] ?? null
    }
    if (this.#count === MAX_INDEXED_ROWS) return null
    this.#count++
    this.#digests[slot] = digest
    this.#lines[slot] = line
    if (this.#count === FIRST_ROWS && slots === FIRST_SLOTS) this.#grow()
    return null
  }

  #grow(): void {
    const [digests, lines] = [this.#digests, this.#lines]
    this.#digests = new Float64Array(SLOTS)
    this.#lines = new Uint32Array(SLOTS)
    this.#count = 0
    for (const [slot, line] of lines.entries()) {
      if (line !== 0) this.#addDigest(digests[slot] ?? 0, line)
    }
  }
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

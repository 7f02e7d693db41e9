/** Random numbers that depend on their seed alone. */
export interface SeededRandom {
  happens(share: number): boolean
  /** A whole number; both ends are in. */
  between(low: number, high: number): number
  pick<T>(from: readonly [T, ...T[]]): T
}

/** Each stream has numbers of its own, however many the others draw meanwhile. */
export function createSeededRandom(seed: number, stream: string): SeededRandom {
  const next = mulberry32(seed ^ fnv1a(stream))
  const between = (low: number, high: number) => low + Math.floor(next() * (high - low + 1))
  return {
    happens: (share) => next() < share,
    between,
    pick: (from) => from[between(0, from.length - 1)] ?? from[0],
  }
}

function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function fnv1a(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  return hash
}

/** The memory that one request has reserved. */
export interface Reservation {
  /** Reserves more bytes, or returns false if too few are free. */
  reserve(bytes: number): boolean
  /** Releases all reserved bytes. */
  release(): void
}

/**
 * Creates a budget of bytes that all requests share. A request that gets none must come again, as one must
 * that the disk has no space for: a long message that fails half-way would take the space of short ones.
 */
export function createMemoryBudget(
  bytes: number,
  hasDiskSpace: (bytes: number) => boolean = () => true,
): () => Reservation {
  let free = bytes
  return () => {
    let held = 0
    return {
      reserve(more) {
        if (more > free || !hasDiskSpace(bytes - free + more)) return false
        free -= more
        held += more
        return true
      },
      release() {
        free += held
        held = 0
      },
    }
  }
}

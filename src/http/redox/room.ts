/** What one request holds of the room. */
export interface Hold {
  /** So many bytes more; false where there is no room for them. */
  reserve(bytes: number): boolean
  /** Gives back all that it holds. */
  leave(): void
}

/**
 * Room in memory that requests share: all the bytes that they may hold at once. Who finds none is to
 * come again, and costs nothing meanwhile.
 */
export function createRoom(bytes: number): () => Hold {
  let free = bytes
  return () => {
    let held = 0
    return {
      reserve(more) {
        if (more > free) return false
        free -= more
        held += more
        return true
      },
      leave() {
        free += held
        held = 0
      },
    }
  }
}

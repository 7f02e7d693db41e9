/**
 * Keeps one text, which processes share so that one of them asks for a token and all use it. The text
 * contains tokens: protect it as a password.
 *
 * Both methods may reject. The manager then goes on without the store, and without refreshing.
 */
export interface TokenStore {
  /** Returns the text, or null if there is none. */
  read(): Promise<string | null>
  /**
   * Writes `next` if the store still has `previous`, in one atomic step. Returns false, and changes
   * nothing, if it has another text by now.
   */
  compareAndSet(previous: string | null, next: string): Promise<boolean>
}

/** Creates the store of one process. */
export function createMemoryStore(): TokenStore {
  let text: string | null = null
  return {
    read: async () => text,
    async compareAndSet(previous, next) {
      if (text !== previous) return false
      text = next
      return true
    },
  }
}

/** An access token, and when to replace it. */
export interface StoredToken {
  readonly accessToken: string
  /** Epoch milliseconds by the clock of the server. */
  readonly expiresAt: number
  /** How long it lived when it was issued. */
  readonly lifeMs: number
}

/** The parsed text of a store. */
export interface StoreRecord {
  readonly token?: StoredToken | undefined
  readonly refreshToken?: string | undefined
  /**
   * A process is asking for a token, and nobody else may meanwhile. It ends when the text has stayed the
   * same for so long, as seen by the waiting process: the clocks of two machines are never compared.
   */
  readonly leaseMs?: number | undefined
  /** The server has asked to wait: until when, by its clock, and for how long. */
  readonly pause?: { readonly endsAt: number; readonly ms: number } | undefined
}

/** Reads the text. That of other credentials, or of another program, says nothing. */
export function parseStoreRecord(text: string | null, identity: string): StoreRecord {
  try {
    const value = JSON.parse(text ?? 'null') as Record<string, unknown> | null
    if (value?.identity !== identity) return {}
    const { token, refreshToken, leaseMs, pause } = value
    return {
      token: isStoredToken(token) ? token : undefined,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
      leaseMs: typeof leaseMs === 'number' ? leaseMs : undefined,
      pause: isPause(pause) ? pause : undefined,
    }
  } catch {
    return {}
  }
}

function isPause(value: unknown): value is StoreRecord['pause'] {
  const { endsAt, ms } = (value ?? {}) as Record<string, unknown>
  return Number.isFinite(endsAt) && Number.isFinite(ms)
}

function isStoredToken(value: unknown): value is StoredToken {
  if (typeof value !== 'object' || value === null) return false
  const { accessToken, expiresAt, lifeMs } = value as Record<string, unknown>
  return typeof accessToken === 'string' && Number.isFinite(expiresAt) && Number.isFinite(lifeMs)
}

/** Writes a text that no other write has: comparing texts then compares writes. */
export const formatStoreRecord = (record: StoreRecord, identity: string): string =>
  JSON.stringify({ identity, revision: crypto.randomUUID(), ...record })

const UUID_PATTERN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export const isUuid = (text: string): boolean => UUID_PATTERN.test(text)

/**
 * Spells an id as it is stored: a UUID in lower case (RFC 9562 §4), any other text unchanged, because
 * ids of other systems are opaque. Called once, where an id enters, so that two spellings of one id
 * share their limits, lookups and argon2 computations.
 */
export function toStoredId(text: string): string {
  const lower = text.toLowerCase()
  // Most are stored as they are written: to compare takes a third of the time of the pattern.
  return lower !== text && isUuid(text) ? lower : text
}

/** Returns the time in a UUIDv7 (RFC 9562 §5.7), in epoch ms; null for any other id. */
export function getIdTime(id: string): number | null {
  const [, high, low] = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id) ?? []
  return high === undefined ? null : Number.parseInt(`${high}${low}`, 16)
}

/**
 * A cursor that this list did not issue, or that belongs to another order. An empty page would be
 * misleading.
 */
export class InvalidCursorError extends Error {
  override name = 'DamagedCursor'

  constructor() {
    super('`after` is no cursor of this list: begin with its first page')
  }
}

import { type Failure, fail, ok, type Result } from './failure.ts'

export type KeyStatus = 'enabled' | 'disabled' | 'revoked'
export type AccountStatus = 'open' | 'closed'
export type Role = 'operator' | 'administrator' | 'engineer' | 'member'

/** The roles that may hold a legacy key, or have one generated. */
export const KEY_HOLDERS: readonly Role[] = ['administrator', 'engineer']

export const mayHoldKeys = (role: Role): boolean => KEY_HOLDERS.includes(role)

/** A supplied secret shorter than this is refused when it is set. */
export const SECRET_MIN_LENGTH = 16
export const SECRET_MAX_LENGTH = 512

/** Everything that is judged about a key, read in one go. */
export interface Key {
  readonly id: string
  readonly accountId: string
  readonly publicId: string
  readonly sourceId: string
  readonly status: KeyStatus
  readonly expiresAt: number | null
  /** argon2id, PHC string. */
  readonly secretHash: string
  /** The secret before it, while an overlap that the operator chose lasts. */
  readonly previousSecretHash: string | null
  readonly previousSecretEndsAt: number | null
  /** Mixed into every refresh token's tag: with the database alone, or the key ring alone, nobody mints. */
  readonly tokenSalt: string
  /** Raised to end every token at once. A count, not a time, so that no clock can be wrong about it. */
  readonly tokenEpoch: number
  readonly account: { readonly status: AccountStatus; readonly region: string }
}

/** May this key be used at this moment, on a server of this region? */
export function mayUse(key: Key, now: number, region: string): Result<Key> {
  const refusal = whyNot(key, now, region)
  return refusal === null ? ok(key) : fail(refusal)
}

function whyNot(key: Key, now: number, region: string): Failure | null {
  const keyId = key.id
  if (key.status === 'revoked') return { reason: 'key_revoked', keyId }
  if (key.status === 'disabled') return { reason: 'key_disabled', keyId }
  if (key.expiresAt !== null && now >= key.expiresAt) return { reason: 'key_expired', keyId }
  if (key.account.status === 'closed') return { reason: 'account_closed', keyId }
  if (key.account.region !== region) {
    return { reason: 'region_other', keyId, region: key.account.region }
  }
  return null
}

/** The hashes that a secret may match now: the current one first. */
export function secretHashes(key: Key, now: number): readonly string[] {
  const { secretHash, previousSecretHash, previousSecretEndsAt } = key
  const overlap = previousSecretEndsAt !== null && now < previousSecretEndsAt
  return previousSecretHash !== null && overlap ? [secretHash, previousSecretHash] : [secretHash]
}

export const PUBLIC_ID_MAX_LENGTH = 128

/**
 * A public id that could be one of ours or imported: printable ASCII, no blank. Anything else is
 * unknown before a lookup.
 */
export const isPublicId = (text: string): boolean =>
  text.length <= PUBLIC_ID_MAX_LENGTH && /^[\x21-\x7e]+$/.test(text)

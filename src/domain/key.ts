import { type AccessFailure, fail, ok, type Result } from './failure.ts'
import { isPending } from './instant.ts'
import { containsAddress, type IpAddress, type IpNetwork, parseIpAddress } from './ip-network.ts'
import type { KeyType } from './key-type.ts'

export type KeyStatus = 'enabled' | 'disabled' | 'revoked'
export type AccountStatus = 'open' | 'closed'
export type Role = 'operator' | 'administrator' | 'engineer' | 'member'

/** Who may disable a key. Each undoes only what it did itself. */
export type DisablingParty = 'developer' | 'customer' | 'operator'

/** What a key may do on its surface, and how often: `read` changes nothing. */
export type AccessLevel = 'read' | 'standard' | 'enterprise'

/** The accesses that mean anything for a key of this dialect: tokens and the portal have but one. */
export function listAccessLevels(keyType: KeyType): readonly AccessLevel[] {
  switch (keyType) {
    case 'opendental':
      return ['read', 'standard', 'enterprise']
    case 'redox':
    case 'opendental-portal':
      return ['standard']
    default:
      return ['read', 'standard']
  }
}

/** The roles that may hold a key, or have one generated. */
export const KEY_HOLDER_ROLES: readonly Role[] = ['administrator', 'engineer']

export const canHoldKeys = (role: Role): boolean => KEY_HOLDER_ROLES.includes(role)

/** A supplied secret shorter than this is refused when it is set. */
export const SECRET_MIN_LENGTH = 16
export const SECRET_MAX_LENGTH = 512

/** Everything that is judged about a key, read in one go. */
export interface Key {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly dialect: KeyType
  readonly publicId: string
  readonly name: string
  /** A source is tied to one key that is exchanged for tokens; other keys have none. */
  readonly sourceId: string | null
  readonly siteId: string | null
  /** The developer under whose key this one works. */
  readonly developer: { readonly id: string; readonly developerKey: string } | null
  /** The owner's, where he has one. */
  readonly username: string | null
  readonly status: KeyStatus
  readonly access: AccessLevel
  /** When an office took it into use. */
  readonly assignedAt: number | null
  readonly expiresAt: number | null
  /** argon2id as a PHC string, or a keyed digest: see Traits. */
  readonly secretHash: string
  /** The secret before it, while an overlap that the operator chose lasts. */
  readonly previousSecretHash: string | null
  /** A keyed digest beside the argon2id hash, which recognises the secret fast: see KeyProofs. */
  readonly secretDigest: string | null
  readonly previousSecretDigest: string | null
  readonly previousSecretEndsAt: number | null
  readonly secretReplacedAt: number | null
  /** Mixed into every refresh token's tag: with the database alone, or the key ring alone, nobody mints. */
  readonly tokenSalt: string
  /** Raised to end every token at once. A count, not a time, so that no clock can be wrong about it. */
  readonly tokenEpoch: number
  readonly account: KeyAccount
}

export interface KeyAccount {
  readonly name: string
  readonly status: AccountStatus
  readonly region: string
  /** Where its keys may be used from; empty for everywhere. */
  readonly networks: readonly IpNetwork[]
}

/** May this key be used from this address at this moment, on a server of this region? */
export function checkKeyUsable(
  key: Key,
  address: string,
  now: number,
  region: string,
): Result<Key, AccessFailure> {
  const refusal = findAccessFailure(key, address, now, region)
  return refusal === null ? ok(key) : fail(refusal)
}

/** In the order in which a caller is told: first what concerns all keys of an account. */
function findAccessFailure(
  key: Key,
  address: string,
  now: number,
  region: string,
): AccessFailure | null {
  const { id: keyId, account } = key
  if (account.region !== region) return { reason: 'region_other', keyId, region: account.region }
  if (account.status === 'closed') return { reason: 'account_closed', keyId }
  if (key.status === 'revoked') return { reason: 'key_revoked', keyId }
  if (key.status === 'disabled') return { reason: 'key_disabled', keyId }
  if (key.expiresAt !== null && now >= key.expiresAt) return { reason: 'key_expired', keyId }
  if (key.dialect === 'opendental' && key.assignedAt === null) {
    return { reason: 'key_unassigned', keyId }
  }
  if (account.networks.length > 0 && !isAllowedFrom(account.networks, parseIpAddress(address))) {
    return { reason: 'address_refused', keyId, address }
  }
  return null
}

const isAllowedFrom = (networks: readonly IpNetwork[], address: IpAddress | null): boolean =>
  address !== null && networks.some((network) => containsAddress(network, address))

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** May this key, which may be used, make a request of this method on the surface that it opens? */
export function checkMethodAllowed(key: Key, method: string): Result<Key, AccessFailure> {
  const keyId = key.id
  if (key.dialect === 'opendental-portal') {
    return fail({ reason: 'permission_missing', keyId, detail: 'it opens no data' })
  }
  if (key.access === 'read' && !SAFE_METHODS.includes(method)) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it only reads' })
  }
  return ok(key)
}

/** The hashes that a secret may match now: the current one first. */
export const listValidSecretHashes = (key: Key, now: number): readonly string[] =>
  selectValid(key, now, key.secretHash, key.previousSecretHash)

/** The keyed digests that exist beside those hashes. */
export const listValidSecretDigests = (key: Key, now: number): readonly string[] =>
  selectValid(key, now, key.secretDigest, key.previousSecretDigest)

function selectValid(
  key: Key,
  now: number,
  current: string | null,
  previous: string | null,
): readonly string[] {
  return [current, isPreviousSecretValid(key, now) ? previous : null].filter(
    (text) => text !== null,
  )
}

/** Whether the previous secret still works. It does not if it was replaced in the future. */
export function isPreviousSecretValid(
  key: Pick<Key, 'previousSecretEndsAt' | 'secretReplacedAt'>,
  now: number,
): boolean {
  const { previousSecretEndsAt: endsAt, secretReplacedAt: beganAt } = key
  return endsAt !== null && beganAt !== null && isPending(endsAt, endsAt - beganAt, now)
}

export const PUBLIC_ID_MAX_LENGTH = 128

/**
 * A public id that could be one of ours or imported: printable ASCII, no blank. Anything else is
 * unknown before a lookup.
 */
export const isPublicId = (text: string): boolean =>
  text.length <= PUBLIC_ID_MAX_LENGTH && /^[\x21-\x7e]+$/.test(text)

/** A developer at the list of his customer keys, by his own key. */
export interface DeveloperPortal {
  readonly keyId: string
  readonly ownerId: string
  readonly developerId: string
}

/** Does this key, which may be used, open the list of customer keys? */
export function openDeveloperPortal({
  id: keyId,
  ownerId,
  dialect,
  developer,
}: Key): Result<DeveloperPortal, AccessFailure> {
  if (dialect !== 'opendental-portal' || developer === null) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it opens no list of keys' })
  }
  return ok({ keyId, ownerId, developerId: developer.id })
}

import { type AccessFailure, fail, ok, type Result } from './failure.ts'
import { isPending } from './instant.ts'
import { containsAddress, type IpAddress, type IpNetwork, parseIpAddress } from './ip-network.ts'
import type { KeyType } from './key-type.ts'
import type { OAuthClient } from './oauth-client.ts'
import { isRetired, type Sunset } from './sunset.ts'

export type KeyStatus = 'enabled' | 'disabled' | 'revoked'
export type AccountStatus = 'open' | 'closed'

/** The party that disabled a key. Each party can undo only its own action. */
export type DisablingParty = 'developer' | 'customer' | 'operator'

/** The access and rate limit of a key on its surface. `read` allows no change. */
export type AccessLevel = 'read' | 'standard' | 'enterprise'

/** Lists the access levels that a key type supports. Token and portal keys support only one. */
export function listAccessLevels(keyType: KeyType): readonly AccessLevel[] {
  switch (keyType) {
    case 'opendental':
      return ['read', 'standard', 'enterprise']
    case 'redox':
    case 'opendental-portal':
    // Its scopes limit an OAuth client.
    case 'oauth':
      return ['standard']
    default:
      return ['read', 'standard']
  }
}

/** The minimum length of a supplied secret, checked when it is set. */
export const SECRET_MIN_LENGTH = 16
export const SECRET_MAX_LENGTH = 512

/** The facts that authorization depends on, read in one statement. */
export interface Key {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly keyType: KeyType
  readonly publicId: string
  readonly name: string
  /** The source, for keys that are exchanged for tokens; null for other keys. */
  readonly sourceId: string | null
  readonly siteId: string | null
  /** The developer under whose key this key works. */
  readonly developer: { readonly id: string; readonly developerKey: string } | null
  /** The owner's username; null if they have none. */
  readonly username: string | null
  readonly status: KeyStatus
  readonly access: AccessLevel
  /** The time at which an office assigned the key. */
  readonly assignedAt: number | null
  readonly expiresAt: number | null
  /** argon2id as a PHC string, or a keyed digest: see `KeyTypeTraits`. Null if the key has no secret. */
  readonly secretHash: string | null
  /** The previous secret's hash, during an overlap that the operator chose. */
  readonly previousSecretHash: string | null
  /** A keyed digest besides the argon2id hash, which verifies the secret quickly: see `createKeyProofs`. */
  readonly secretDigest: string | null
  readonly previousSecretDigest: string | null
  readonly previousSecretEndsAt: number | null
  readonly secretRotatedAt: number | null
  /**
   * Part of every refresh token's tag, so that neither the database alone nor the key ring alone can
   * mint tokens.
   */
  readonly tokenSalt: string
  /**
   * Incremented to end all tokens at once. A counter, not a time, so that it does not depend on a
   * clock.
   */
  readonly tokenEpoch: number
  /** The settings of an OAuth client; null for other key types. */
  readonly oauthClient: OAuthClient | null
  /** The plan to retire the key; null if there is none. */
  readonly sunset: Sunset | null
  readonly account: KeyAccount
}

export interface KeyAccount {
  readonly name: string
  readonly status: AccountStatus
  readonly region: string
  /** The networks that the account's keys may be used from; empty for any. */
  readonly networks: readonly IpNetwork[]
}

/**
 * Checks that the key may be used from this address, now, on a server of this region. Null skips the IP
 * allowlist: the key's user is not at the other end.
 */
export function checkKeyUsable(
  key: Key,
  address: string | null,
  now: number,
  region: string,
): Result<Key, AccessFailure> {
  const refusal = findAccessFailure(key, address, now, region)
  return refusal === null ? ok(key) : fail(refusal)
}

/** Checks in the order of the responses to the caller: conditions of the whole account come first. */
function findAccessFailure(
  key: Key,
  address: string | null,
  now: number,
  region: string,
): AccessFailure | null {
  const { id: keyId, account } = key
  if (account.region !== region) return { reason: 'region_other', keyId, region: account.region }
  if (account.status === 'closed') return { reason: 'account_closed', keyId }
  if (key.status === 'revoked') return { reason: 'key_revoked', keyId }
  if (key.status === 'disabled') return { reason: 'key_disabled', keyId }
  if (key.expiresAt !== null && now >= key.expiresAt) return { reason: 'key_expired', keyId }
  if (isRetired(key, now)) return { reason: 'key_retired', keyId }
  if (key.keyType === 'opendental' && key.assignedAt === null) {
    return { reason: 'key_unassigned', keyId }
  }
  const { networks } = account
  if (address === null || networks.length === 0) return null
  return isAllowedFrom(networks, parseIpAddress(address))
    ? null
    : { reason: 'address_refused', keyId, address }
}

const isAllowedFrom = (networks: readonly IpNetwork[], address: IpAddress | null): boolean =>
  address !== null && networks.some((network) => containsAddress(network, address))

const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS']

/** Checks that a usable key may make a request with this method on its surface. */
export function checkMethodAllowed(key: Key, method: string): Result<Key, AccessFailure> {
  const keyId = key.id
  if (key.keyType === 'opendental-portal') {
    return fail({ reason: 'permission_missing', keyId, detail: 'it opens no data' })
  }
  if (key.access === 'read' && !SAFE_METHODS.includes(method)) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it only reads' })
  }
  return ok(key)
}

/** The hashes that a secret may match at this time, the current one first. */
export const listValidSecretHashes = (
  key: Pick<Key, 'secretHash' | 'previousSecretHash'> & SecretOverlap,
  now: number,
): readonly string[] => selectValid(key, now, key.secretHash, key.previousSecretHash)

/** The keyed digests of the same secrets. */
export const listValidSecretDigests = (key: Key, now: number): readonly string[] =>
  selectValid(key, now, key.secretDigest, key.previousSecretDigest)

type SecretOverlap = Pick<Key, 'previousSecretEndsAt' | 'secretRotatedAt'>

function selectValid(
  key: SecretOverlap,
  now: number,
  current: string | null,
  previous: string | null,
): readonly string[] {
  const valid = current === null ? [] : [current]
  if (previous !== null && isPreviousSecretValid(key, now)) valid.push(previous)
  return valid
}

/** True while the previous secret is valid. False if the secret was replaced in the future. */
export function isPreviousSecretValid(
  { previousSecretEndsAt: endsAt, secretRotatedAt: beganAt }: SecretOverlap,
  now: number,
): boolean {
  return endsAt !== null && beganAt !== null && isPending(endsAt, endsAt - beganAt, now)
}

const PUBLIC_ID_MAX_LENGTH = 128

/**
 * True for a possible public id, created here or imported: printable ASCII without blanks. Other texts
 * are rejected before a lookup.
 */
export const isPublicId = (text: string): boolean =>
  text.length <= PUBLIC_ID_MAX_LENGTH && /^[\x21-\x7e]+$/.test(text)

/** A developer's access, by their own key, to the list of their customer keys. */
export interface DeveloperPortal {
  readonly keyId: string
  readonly ownerId: string
  readonly developerId: string
}

/** Checks that a usable key gives access to the list of customer keys. */
export function openDeveloperPortal({
  id: keyId,
  ownerId,
  keyType,
  developer,
}: Key): Result<DeveloperPortal, AccessFailure> {
  if (keyType !== 'opendental-portal' || developer === null) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it opens no list of keys' })
  }
  return ok({ keyId, ownerId, developerId: developer.id })
}

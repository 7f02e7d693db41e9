import type { Key } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import type { Grant } from '../../domain/rotation.ts'
import type { KeyRouting } from '../../domain/routing.ts'
import type { AuditEvent } from './audit.ts'
import type { MaybePromise } from './runtime.ts'

/** A key with the facts that the same statement read, so that no change falls between them. */
export interface VersionedKey extends Key {
  /** The authority's version at the moment of the read. */
  readonly authorityVersion: number
  /** The hash that was last proven from the given network; null if none was. */
  readonly provenHash: string | null
}

/** The columns that a secret is checked against. */
export type HashedKey = Pick<
  Key,
  'id' | 'secretHash' | 'previousSecretHash' | 'previousSecretEndsAt' | 'secretRotatedAt'
>

/** A caller's claim to a key: its public id, which anybody may know. */
export interface KeyClaim {
  readonly publicId: string
  /** Other types of keys are like unknown ids. */
  readonly keyTypes: readonly KeyType[]
  /** The network that `provenHash` is read for. */
  readonly network: string
  /** Picks the key to read in place of an unknown one: the next salt at or after it. */
  readonly decoySalt: string
}

export interface ClaimedKey {
  readonly key: VersionedKey | null
  /** Another key of these types, read in place of an unknown one, to do the same work with it; null if there is none. */
  readonly decoy: HashedKey | null
}

/** The state that requests are judged by: rows that were read under the same state still hold. */
export interface Authority {
  /** Bumped by every change of permissions. */
  readonly version: number
  /** Bumped by every revocation of tokens, which changes no other permission. */
  readonly tokenRevocations: number
}

/** The key that an access token names, with the authority at the moment of the read. */
export interface TokenAuthority extends Authority {
  /** Null if there is no such key. */
  readonly key: Pick<Key, 'publicId' | 'tokenSalt'> | null
}

/** A proof that a secret matches this hash, with the digest or the network to recognize it by. */
export type SecretProof = { readonly keyId: string; readonly hash: string } & (
  | { readonly digest: string }
  | { readonly network: string }
)

/** The reads of every request. */
export interface AuthorityStorage {
  readAuthority(): MaybePromise<Authority>
  readAuthorityVersion(): MaybePromise<number>
  findKey(publicId: string): MaybePromise<VersionedKey | null>
  /** Finds a key by one statement, which does the same work for an id that no key of these types has. */
  findClaimedKey(claim: KeyClaim): MaybePromise<ClaimedKey>
  /**
   * Reads the data that verifies the tokens of the key with this row id. For an id that no key has, does the same work
   * with the key whose public id is at or after `decoy`.
   */
  readTokenAuthority(keyId: string, decoy: string): MaybePromise<TokenAuthority>
  /** Finds the keys that have a presented secret with one of these digests, or had it before their rotation. */
  findKeysBySecret(digests: readonly string[]): MaybePromise<readonly VersionedKey[]>
  /** Lists the routing of each source of the key: one, or those of an OAuth client in order of their ids. */
  listKeyRoutings(key: Pick<Key, 'id' | 'sourceId'>): MaybePromise<readonly KeyRouting[]>
}

/** Stores proofs of exchanged secrets. They change no permission. */
export interface ProofStorage {
  /** Adds proofs. Skips those whose hash is neither the key's current nor its previous one. */
  addSecretProofs(proofs: readonly SecretProof[], at: number): Promise<void>
  /** Deletes proofs of replaced secrets, and each key's oldest beyond `maxPerKey`. Returns how many. */
  purgeSecretProofs(maxPerKey: number): Promise<number>
}

/** The replacement of an imported hash by one of this server, at its first success. */
export interface SecretUpgrade {
  readonly keyId: string
  readonly importedHash: string
  readonly hash: string
  readonly digest: string | null
}

/** A pepper as the key ring sealed it, for its id. */
export interface SealedPepper {
  readonly id: string
  readonly sealedPepper: string
}

export interface ImportedSecretStorage {
  /** Reads if keys are found by imported digests, and the peppers that these may have. */
  readImportedDigests(): MaybePromise<{
    readonly isUsed: boolean
    readonly peppers: readonly SealedPepper[]
  }>
  findSealedPepper(id: string): MaybePromise<string | null>
  /**
   * Returns false, and does not write the event, if the key no longer has the imported hash: of concurrent
   * calls, on any process, one succeeds. Deletes the pepper if no other key needs it.
   */
  upgradeSecret(upgrade: SecretUpgrade, event: AuditEvent): Promise<boolean>
  /** Deletes imported hashes whose overlap has ended, and peppers that no key needs. Returns how many. */
  purgeImportedSecrets(now: number): Promise<number>
}

/** A client assertion that was refused, for the users who manage the client. */
export interface RefusedAssertion {
  readonly keyId: string
  readonly at: number
  readonly why: string
}

export interface AssertionStorage {
  /**
   * Uses an assertion of a client. Returns false if it was used before and has not ended since: of
   * concurrent calls, on any process, one succeeds.
   */
  useAssertion(assertion: {
    readonly keyId: string
    readonly jtiHash: string
    readonly endsAt: number
    readonly now: number
  }): Promise<boolean>
  /** Deletes up to `limit` assertions that have ended. Returns how many. */
  purgeUsedAssertions(now: number, limit: number): Promise<number>
  /** Replaces the last refusals of these clients. */
  setLastRefusals(refusals: readonly RefusedAssertion[]): Promise<void>
}

export interface GrantStorage {
  findGrant(id: string): MaybePromise<Grant | null>
  /**
   * Moves the grant from at most `to - 1` to `to`, or creates its row. Returns false if another
   * request was first, or the grant is revoked.
   */
  rotateGrant(rotation: {
    grantId: string
    keyId: string
    to: number
    rotatedAt: number
    expiresAt: number
  }): Promise<boolean>
  /** Returns false if that generation is no longer current, or was acknowledged before. */
  acknowledgeGrant(grantId: string, generation: number, at: number): Promise<boolean>
  /**
   * Revokes the grant, and creates its row if it has none. Returns false, and does not write the event,
   * if it was revoked before.
   */
  revokeGrant(
    grant: {
      readonly grantId: string
      readonly keyId: string
      readonly generation: number
      readonly revokedAt: number
      readonly expiresAt: number
    },
    event: AuditEvent,
  ): Promise<boolean>
  /** Deletes the rows that no valid token needs. Returns how many. */
  purgeGrants(now: number): Promise<number>
}

/** The revocations of single access tokens of OAuth clients. */
export interface RevokedTokenStorage {
  /** `anyRevoked`: the account has revoked tokens, so that its others have to be looked up too. */
  findRevokedToken(
    accountId: string,
    tokenId: string,
  ): MaybePromise<{ readonly isRevoked: boolean; readonly anyRevoked: boolean }>
  /** Returns false, and does not write the event, if the token was revoked before. */
  revokeToken(
    token: { readonly accountId: string; readonly tokenId: string; readonly endsAt: number },
    event: AuditEvent,
  ): Promise<boolean>
  /** Deletes up to `limit` revocations of tokens that have expired. Returns how many. */
  purgeRevokedTokens(now: number, limit: number): Promise<number>
}

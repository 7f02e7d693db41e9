import type { Key } from '../../domain/key.ts'
import type { Grant } from '../../domain/rotation.ts'
import type { KeyRouting } from '../../domain/routing.ts'
import type { AuditEvent } from './audit.ts'
import type { Maybe } from './runtime.ts'

/** A key with the facts that the same statement read, so that no change falls between them. */
export interface VersionedKey extends Key {
  /** The authority's version at the moment of the read. */
  readonly authorityVersion: number
  /** The hash that was last proven from the given network; null if none was. */
  readonly provenHash: string | null
}

/** The key that an access token names, with the authority's version at the moment of the read. */
export interface TokenAuthority {
  readonly version: number
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
  /** Bumped by every change of permissions. Rows that were read under the same version still hold. */
  readAuthorityVersion(): Maybe<number>
  /**
   * Reads `provenHash` for `network`. For an id that no key has, does the same work with the key whose id
   * is at or after `decoyId`.
   */
  findKey(publicId: string, network?: string, decoyId?: string): Maybe<VersionedKey | null>
  /**
   * Reads the data that verifies the tokens of the key with this row id. For an id that no key has, does the same work
   * with the key whose public id is at or after `decoyId`.
   */
  readTokenAuthority(keyId: string, decoyId: string): Maybe<TokenAuthority>
  /** Finds the key that has this presented secret, or had it before its rotation. */
  findKeyBySecret(digest: string): Maybe<VersionedKey | null>
  findKeyRouting(keyId: string): Maybe<KeyRouting | null>
}

/** Stores proofs of exchanged secrets. They change no permission. */
export interface ProofStorage {
  /** Adds proofs. Skips those whose hash is neither the key's current nor its previous one. */
  addSecretProofs(proofs: readonly SecretProof[], at: number): Promise<void>
  /** Deletes proofs of replaced secrets, and each key's oldest beyond `maxPerKey`. Returns how many. */
  purgeSecretProofs(maxPerKey: number): Promise<number>
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
  findGrant(id: string): Maybe<Grant | null>
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
  /** Returns false, and does not write the event, if the grant was revoked before. */
  revokeGrant(grantId: string, at: number, event: AuditEvent): Promise<boolean>
  /** Deletes the rows that no valid token needs. Returns how many. */
  purgeGrants(now: number): Promise<number>
}

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

/** A proof that a secret matches this hash, with the digest or the network to recognise it by. */
export type SecretProof = { readonly keyId: string; readonly hash: string } & (
  | { readonly digest: string }
  | { readonly network: string }
)

/** What is read at every request. */
export interface AuthorityStorage {
  /** Bumped by every change of who may do what: what was read under the same version still holds. */
  readAuthorityVersion(): Maybe<number>
  /**
   * Reads `provenHash` for `network`. For an id that no key has, does the same work with the key whose id
   * is at or after `decoyId`.
   */
  findKey(publicId: string, network?: string, decoyId?: string): Maybe<VersionedKey | null>
  /** The key of a secret that is presented at every request, now or before its rotation. */
  findKeyBySecret(digest: string): Maybe<VersionedKey | null>
  findKeyRouting(keyId: string): Maybe<KeyRouting | null>
}

/** Proofs of secrets that are exchanged. They change no permission. */
export interface ProofStorage {
  /** Adds proofs. Skips those whose hash is neither the key's current nor its previous one. */
  addSecretProofs(proofs: readonly SecretProof[], at: number): Promise<void>
  /** Deletes proofs of replaced secrets, and each key's oldest beyond `keptOfKey`. Returns how many. */
  purgeSecretProofs(maxPerKey: number): Promise<number>
}

export interface GrantStorage {
  findGrant(id: string): Maybe<Grant | null>
  /**
   * Moves the grant from at most `to - 1` to `to`, or makes its row. False when somebody else was
   * there first, or the grant is revoked.
   */
  rotateGrant(rotation: {
    grantId: string
    keyId: string
    to: number
    rotatedAt: number
    expiresAt: number
  }): Promise<boolean>
  /** False when that generation is no longer current, or was acknowledged before. */
  acknowledgeGrant(grantId: string, generation: number, at: number): Promise<boolean>
  /** False when it was revoked before: then nothing is written, the event neither. */
  revokeGrant(grantId: string, at: number, event: AuditEvent): Promise<boolean>
  /** Deletes the rows that no living token needs; answers how many. */
  purgeGrants(now: number): Promise<number>
}

import type { Key } from '../../domain/key.ts'
import type { Grant } from '../../domain/rotation.ts'
import type { Routes } from '../../domain/route.ts'
import type { AuditEvent } from './audit.ts'
import type { Maybe } from './runtime.ts'

/** A key as one statement reads it, so that no change falls between its parts. */
export interface FoundKey extends Key {
  /** The authority's version at that moment. */
  readonly authorityVersion: number
  /** The hash that was last proven from the network that was asked about; null where none was. */
  readonly provenHash: string | null
}

/** That a secret was proven to match this hash: by which digest, or from which network, it is known from now on. */
export type SecretProof = { readonly keyId: string; readonly hash: string } & (
  | { readonly digest: string }
  | { readonly network: string }
)

/** What is read at every request. */
export interface AuthorityStorage {
  /** Bumped by every change of who may do what: what was read under the same version still holds. */
  authorityVersion(): Maybe<number>
  /**
   * `network`: where `provenHash` is asked for. For an id that no key has, the same work is done with
   * the key whose id comes at or after `decoyId`.
   */
  findKey(publicId: string, network?: string, decoyId?: string): Maybe<FoundKey | null>
  /** The key of a secret that is presented at every request, now or before its rotation. */
  findKeyBySecret(digest: string): Maybe<FoundKey | null>
  findRoutes(keyId: string): Maybe<Routes | null>
}

/** What is known of secrets that are exchanged. None of it changes who may do what. */
export interface ProofStorage {
  /** Those are left out whose key has neither this hash nor had it before its rotation. */
  addSecretProofs(proofs: readonly SecretProof[], at: number): Promise<void>
  /** Deletes those of secrets that are no more, and each key's oldest past so many. Answers how many. */
  purgeSecretProofs(keptOfKey: number): Promise<number>
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

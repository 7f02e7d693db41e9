import type { Key } from '../../domain/key.ts'
import type { Grant } from '../../domain/rotation.ts'
import type { Routes } from '../../domain/route.ts'
import type { AuditEvent } from './audit.ts'
import type { Maybe } from './runtime.ts'

/** What is read at every request. */
export interface AuthorityStorage {
  /** Bumped by every change of who may do what: what was read under the same version still holds. */
  authorityVersion(): Maybe<number>
  findKey(publicId: string): Maybe<Key | null>
  /** The key of a secret that is presented at every request, now or before its rotation. */
  findKeyBySecret(digest: string): Maybe<Key | null>
  findRoutes(keyId: string): Maybe<Routes | null>
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

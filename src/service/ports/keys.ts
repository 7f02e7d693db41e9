import type { AccessLevel, DisablingParty, KeyStatus } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import type { OAuthClient, OAuthClientSettings } from '../../domain/oauth-client.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'

/** A key as the operator sees it, without anything secret. */
export interface KeySummary {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly keyType: KeyType
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly publicId: string
  readonly status: KeyStatus
  readonly disabledBy: DisablingParty | null
  readonly access: AccessLevel
  readonly createdAt: number
  readonly assignedAt: number | null
  readonly expiresAt: number | null
  readonly disabledAt: number | null
  readonly revokedAt: number | null
  readonly secretRotatedAt: number | null
  readonly previousSecretEndsAt: number | null
  readonly lastUsedAt: number | null
  /** The time from which its sunset refuses it; null if it has none. */
  readonly sunsetAt: number | null
  /** The settings of an OAuth client; null for other key types. */
  readonly oauthClient: OAuthClient | null
  /** The key's last change. An editor passes back the one that they saw. */
  readonly eventId: string
}

/** The fields that are set over the life of a key. */
type KeyLifecycleField =
  | 'status'
  | 'disabledBy'
  | 'assignedAt'
  | 'disabledAt'
  | 'revokedAt'
  | 'secretRotatedAt'
  | 'previousSecretEndsAt'
  | 'lastUsedAt'
  | 'sunsetAt'
  | 'eventId'

export interface NewKey extends Omit<KeySummary, KeyLifecycleField | 'oauthClient'> {
  /** Null if the key has no secret. */
  readonly secretHash: string | null
  readonly secretDigest: string | null
  readonly sealedSecret: string | null
  readonly tokenSalt: string
  readonly oauthClient: OAuthClientSettings | null
}

/** The fields of a key that users can edit. */
export interface KeyEdit {
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly ownerId: string
  readonly access: AccessLevel
  readonly expiresAt: number | null
  /** The settings of an OAuth client; null leaves them unchanged, and is the only value for other key types. */
  readonly oauthClient: OAuthClientSettings | null
}

/** A key with its sealed secret, which is null if its type shows a secret once. */
export interface SealedKey {
  readonly key: KeySummary
  readonly sealedSecret: string | null
}

/** The fields of a key that one party sets in one change. */
export interface KeyAmendment {
  /** The disabling party and the time; null for enabled. */
  readonly disabled: { readonly by: DisablingParty; readonly at: number } | null
  readonly reference: string
}

/** Filters keys. All given fields must match. */
export interface KeyFilter {
  readonly accountId?: string | undefined
  readonly ownerId?: string | undefined
  readonly developerId?: string | undefined
  readonly keyType?: KeyType | undefined
  readonly status?: KeyStatus | undefined
}

/** The uses of a key on one day, and the time of the last. */
export interface DailyKeyUse {
  readonly keyId: string
  /** Days since 1970, UTC. */
  readonly day: number
  readonly uses: number
  readonly lastAt: number
  /** The User-Agent of one of these uses; without one, the stored one is kept. */
  readonly userAgent?: string | null
}

/** Writes each change and its audit event atomically. Returns false if the change's guard does not hold. */
export interface KeyStorage {
  /**
   * Guard: the owner and the sources, sites and developer are in the account; the source has no other key
   * that is not revoked; the owner may hold keys and is active; the public id and the secret are free;
   * the developer has fewer than `maxDeveloperKeys` keys of the type, including revoked ones.
   */
  addKey(key: NewKey, event: AuditEvent, maxDeveloperKeys?: number): Promise<boolean>
  /** Guard: this party disabled the key. */
  enableKey(id: string, by: DisablingParty, event: AuditEvent): Promise<boolean>
  /** Guard: the key is enabled. Takes effect at once. */
  disableKey(id: string, by: DisablingParty, event: AuditEvent): Promise<boolean>
  /** Guard: the key is not revoked. Takes effect at once, and is final. */
  revokeKey(id: string, event: AuditEvent): Promise<boolean>
  /**
   * Guard: `seen` is still the key's last change; the key is not revoked; the owner is in its account
   * and may hold keys; so are the sources and sites.
   */
  editKey(id: string, edit: KeyEdit, seen: string, event: AuditEvent): Promise<boolean>
  /** Sets all fields or none. Guard: `seen` is still the key's last change; the key is not revoked. */
  amendKey(id: string, to: KeyAmendment, seen: string, event: AuditEvent): Promise<boolean>
  /** Guard: the key is not revoked. Null unassigns it. */
  assignKey(
    id: string,
    to: { siteId: string; at: number } | null,
    event: AuditEvent,
  ): Promise<boolean>
  /** Deletes the row and keeps its events. */
  deleteKey(id: string, event: AuditEvent): Promise<boolean>
  /**
   * Replaces the secret. Guard: the key is not revoked, no other key has the secret, and `seen`, if
   * given, is still the key's last change. Without an overlap, the old secret and all tokens end at
   * once (new salt, next epoch). With one, both secrets work until it ends, and tokens stay valid.
   */
  rotateSecret(
    id: string,
    secret: {
      hash: string
      /** A keyed digest besides the argon2id hash, for a secret that Latchkey created. */
      digest?: string | null
      sealed: string | null
      overlapEndsAt: number | null
      tokenSalt: string
      seen?: string | undefined
    },
    event: AuditEvent,
  ): Promise<boolean>
  listKeys(page: Page & KeyFilter): Promise<KeySummary[]>
  /** Lists the same keys with their sealed secrets. */
  listSealedKeys(page: Page & KeyFilter): Promise<SealedKey[]>
  /** Finds a key by row id or public id. */
  findKeySummary(idOrPublicId: string): Promise<KeySummary | null>
  /** Finds the sealed secret by the key's row id; null if it has none. */
  findSealedSecret(id: string): Promise<string | null>
  /** Adds to the stored counts, and never moves the last use back. Changes no permission. */
  addKeyUses(uses: readonly DailyKeyUse[]): Promise<void>
  /** Lists daily uses from this day on, the oldest first. */
  listKeyUses(keyId: string, fromDay: number): Promise<{ day: number; uses: number }[]>
}

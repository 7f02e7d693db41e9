import type { AccessLevel, DisablingParty, KeyStatus } from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'

/** A key as the operator sees it: nothing of it is secret. */
export interface KeySummary {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly dialect: KeyType
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
  readonly secretReplacedAt: number | null
  readonly previousSecretEndsAt: number | null
  readonly lastUsedAt: number | null
  /** Its last change: who edits it says which version he has seen. */
  readonly eventId: string
}

/** What a key has by and by. */
type KeyLifecycleField =
  | 'status'
  | 'disabledBy'
  | 'assignedAt'
  | 'disabledAt'
  | 'revokedAt'
  | 'secretReplacedAt'
  | 'previousSecretEndsAt'
  | 'lastUsedAt'
  | 'eventId'

export interface NewKey extends Omit<KeySummary, KeyLifecycleField> {
  readonly secretHash: string
  readonly secretDigest: string | null
  readonly sealedSecret: string | null
  readonly tokenSalt: string
}

/** What people may change of a key. */
export interface KeyEdit {
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly ownerId: string
  readonly access: AccessLevel
  readonly expiresAt: number | null
}

/** A key and what is sealed of it; null where its dialect shows a secret once. */
export interface SealedKey {
  readonly key: KeySummary
  readonly sealedSecret: string | null
}

/** What one party may set of a key in one go. */
export interface KeyAmendment {
  /** By whom and since when it is disabled; null for enabled. */
  readonly disabled: { readonly by: DisablingParty; readonly at: number } | null
  readonly reference: string
}

/** Which keys of a list: those that are all of this. */
export interface KeyFilter {
  readonly accountId?: string | undefined
  readonly ownerId?: string | undefined
  readonly developerId?: string | undefined
  readonly dialect?: KeyType | undefined
  readonly status?: KeyStatus | undefined
}

/** So many uses of a key, the last of them then. */
export interface DailyKeyUse {
  readonly keyId: string
  /** Days since 1970, UTC. */
  readonly day: number
  readonly uses: number
  readonly lastAt: number
}

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface KeyStorage {
  /**
   * Guard: owner, and source, site or developer, are the account's; the source has no other living
   * key; the owner may hold keys and has not left; nobody has the public id or the secret; the
   * developer has fewer than `maxDeveloperKeys` keys of the dialect, revoked ones included.
   */
  addKey(key: NewKey, event: AuditEvent, maxDeveloperKeys?: number): Promise<boolean>
  /** Guard: it is disabled, and by this party. */
  enableKey(id: string, by: DisablingParty, event: AuditEvent): Promise<boolean>
  /** Guard: it is enabled. In force at once. */
  disableKey(id: string, by: DisablingParty, event: AuditEvent): Promise<boolean>
  /** Guard: it is not revoked. In force at once, and for ever. */
  revokeKey(id: string, event: AuditEvent): Promise<boolean>
  /** Guard: `seen` is still the key's last change; it is not revoked; the owner is of its account and may hold keys. */
  editKey(id: string, edit: KeyEdit, seen: string, event: AuditEvent): Promise<boolean>
  /** All of it or nothing. Guard: `seen` is still the key's last change; it is not revoked. */
  amendKey(id: string, to: KeyAmendment, seen: string, event: AuditEvent): Promise<boolean>
  /** Guard: it is not revoked. Null takes it back. */
  assignKey(
    id: string,
    to: { siteId: string; at: number } | null,
    event: AuditEvent,
  ): Promise<boolean>
  /** Its row is gone; the event stays. */
  deleteKey(id: string, event: AuditEvent): Promise<boolean>
  /**
   * Guard: the key is not revoked, nobody else has the secret, and `seen`, where it is given, is still
   * the key's last change. Without an overlap the old secret ends now and so do all tokens (new salt,
   * next epoch); with one, both secrets work until then and tokens live on.
   */
  rotateSecret(
    id: string,
    secret: {
      hash: string
      /** A keyed digest beside the argon2id hash, for a secret that Latchkey made. */
      digest?: string | null
      sealed: string | null
      overlapEndsAt: number | null
      tokenSalt: string
      seen?: string | undefined
    },
    event: AuditEvent,
  ): Promise<boolean>
  listKeys(page: Page & KeyFilter): Promise<KeySummary[]>
  /** The same list, each key with its sealed secret. */
  listSealedKeys(page: Page & KeyFilter): Promise<SealedKey[]>
  /** By row id or by public id. */
  findKeySummary(idOrPublicId: string): Promise<KeySummary | null>
  /** The sealed secret by the key's row id; null where it has none. */
  findSealedSecret(id: string): Promise<string | null>
  /** Adds to what was counted, and never sets the last use back. Not a change of who may do what. */
  addKeyUses(uses: readonly DailyKeyUse[]): Promise<void>
  /** Uses a day, the oldest first, from this day on. */
  listKeyUses(keyId: string, fromDay: number): Promise<{ day: number; uses: number }[]>
}

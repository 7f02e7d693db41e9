import type { LegacyKeyType, Sunset } from '../../domain/sunset.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './lists.ts'

/** The keys that a sunset retires: those of an account, or of one of its sources or sites. */
export interface SunsetScope {
  readonly accountId: string
  readonly keyType: LegacyKeyType
  readonly sourceId: string | null
  readonly siteId: string | null
}

/** A stored sunset. That of a source or a site replaces that of the account. */
export interface StoredSunset extends SunsetScope, Sunset {
  readonly id: string
  readonly createdAt: number
}

/** A key that OAuth may replace, with the uses that tell if it has. */
export interface LegacyKey {
  readonly id: string
  readonly accountId: string
  readonly keyType: LegacyKeyType
  readonly name: string
  readonly publicId: string
  readonly ownerId: string
  readonly ownerEmail: string
  readonly sourceId: string | null
  readonly sourceName: string | null
  readonly siteId: string | null
  readonly siteName: string | null
  /** The User-Agent of a recent use. */
  readonly userAgent: string | null
  readonly lastUsedAt: number | null
  /** The uses of OAuth for the source or the site; for a key that has neither, by its owner. */
  readonly firstOAuthUseAt: number | null
  readonly lastOAuthUseAt: number | null
  /** The time from which the key is refused; null if it has no sunset. */
  readonly sunsetAt: number | null
}

/** Filters keys that are not revoked. Undefined fields match all. */
export interface LegacyKeyFilter {
  readonly accountId?: string | undefined
  readonly keyType?: LegacyKeyType | undefined
  readonly sourceId?: string | undefined
  readonly siteId?: string | undefined
  /** Matches keys by the use of OAuth within the period. */
  readonly ready?: boolean | undefined
  /** Matches keys by their own use within the period. */
  readonly unused?: boolean | undefined
  /** The period of `ready` and `unused`: after `since`, until `latest`. */
  readonly since: number
  readonly latest: number
}

/** The first and last use of OAuth since the last write, for a source or a site, or by an owner. */
export interface OAuthUse {
  readonly resourceId: string
  readonly firstAt: number
  readonly lastAt: number
}

/** Writes each change and its audit event atomically. Returns false if the change's guard does not hold. */
export interface SunsetStorage {
  /** Guard: the account has the source or the site, and no sunset for the same keys. */
  addSunset(sunset: StoredSunset, event: AuditEvent): Promise<boolean>
  changeSunset(id: string, to: Sunset, event: AuditEvent): Promise<boolean>
  deleteSunset(id: string, event: AuditEvent): Promise<boolean>
  findSunset(id: string): Promise<StoredSunset | null>
  findScopeSunset(scope: SunsetScope): Promise<StoredSunset | null>
  listSunsets(page: Page & { readonly accountId?: string | undefined }): Promise<StoredSunset[]>
  listLegacyKeys(page: Page & LegacyKeyFilter): Promise<LegacyKey[]>
  /** Never moves the first use forward, nor the last one back. Changes no permission. */
  addOAuthUses(uses: readonly OAuthUse[]): Promise<void>
}

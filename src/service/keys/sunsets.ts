import { ok } from '../../domain/failure.ts'
import { getLatestDeadline } from '../../domain/instant.ts'
import {
  type Brownout,
  isReady,
  type LegacyKeyType,
  parseSunset,
  proposeBrownouts,
  READY_WINDOW_MS,
  type Sunset,
} from '../../domain/sunset.ts'
import type { ManagementDeps } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import type { Page } from '../ports/lists.ts'
import type { LegacyKey, LegacyKeyFilter, StoredSunset, SunsetScope } from '../ports/sunsets.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

/** The keys that a sunset is for. Without a source or a site, those of the account. */
export interface SunsetTarget {
  readonly accountId: string
  readonly keyType: LegacyKeyType
  readonly sourceId?: string | undefined
  readonly siteId?: string | undefined
}

interface ScheduleInput {
  /** By default that of the sunset for the same keys, otherwise now. */
  readonly deprecatedAt?: number | undefined
  readonly sunsetAt: number
}

export interface SetSunsetInput extends SunsetTarget, ScheduleInput {
  readonly documentationUrl?: string | undefined
  readonly brownouts?: readonly Brownout[] | undefined
}

/** A legacy key, and its readiness for retirement. */
export interface LegacyKeyStatus extends LegacyKey {
  readonly ready: boolean
}

/** A preview of a sunset: the brownouts proposed before it, and the keys that are not ready for it. */
export interface SunsetPreview extends Omit<Sunset, 'documentationUrl'> {
  readonly keys: readonly LegacyKeyStatus[]
}

/** Previews, sets and cancels the sunsets of keys that OAuth replaces. */
export function createSunsets(deps: ManagementDeps) {
  const { storage, random, clock } = deps

  const find = async (id: string): Promise<ServiceResult<StoredSunset>> =>
    requireFound(await storage.findSunset(id), 'sunset', id)

  async function listKeys(
    filter: Page & Omit<LegacyKeyFilter, 'since' | 'latest'>,
  ): Promise<LegacyKeyStatus[]> {
    const now = clock()
    const period = { since: now - READY_WINDOW_MS, latest: getLatestDeadline(0, now) }
    const keys = await storage.listLegacyKeys({ ...filter, ...period })
    return keys.map((key) => ({ ...key, ready: isReady(key.lastOAuthUseAt, now) }))
  }

  /** Reads the target, with its sunset if there is one. */
  async function findTarget(
    input: SunsetTarget & ScheduleInput,
  ): Promise<ServiceResult<{ scope: SunsetScope; existing: StoredSunset | null }>> {
    const scope = await parseScope(deps, input)
    return scope.ok
      ? ok({ scope: scope.value, existing: await storage.findScopeSunset(scope.value) })
      : scope
  }

  return {
    find,
    list: (page: Page & { readonly accountId?: string | undefined }) => storage.listSunsets(page),

    /** Lists keys that are not revoked, with their uses and those of OAuth. */
    listKeys,

    /** Previews a sunset. Nothing is stored. */
    async plan(
      { deprecatedAt, sunsetAt, ...input }: SunsetTarget & ScheduleInput,
      page: Page,
    ): Promise<ServiceResult<SunsetPreview>> {
      const target = await findTarget({ ...input, sunsetAt })
      if (!target.ok) return target
      const now = clock()
      const dates = {
        deprecatedAt: deprecatedAt ?? target.value.existing?.deprecatedAt ?? now,
        sunsetAt,
      }
      const sunset = parseSchedule(
        { ...dates, documentationUrl: null, brownouts: proposeBrownouts(dates, now) },
        now,
      )
      if (!sunset.ok) return sunset
      const keys = await listKeys({ ...input, ...page, ready: false })
      return ok({ ...dates, brownouts: sunset.value.brownouts, keys })
    },

    /** Stores the sunset, in place of one for the same keys. It takes effect at the next request. */
    async set(input: SetSunsetInput): Promise<ServiceResult<StoredSunset>> {
      const target = await findTarget(input)
      if (!target.ok) return target
      const { scope, existing } = target.value
      const now = clock()
      const parsed = parseSchedule(
        {
          deprecatedAt: input.deprecatedAt ?? existing?.deprecatedAt ?? now,
          sunsetAt: input.sunsetAt,
          documentationUrl: input.documentationUrl ?? null,
          brownouts: input.brownouts ?? [],
        },
        now,
      )
      if (!parsed.ok) return parsed
      const sunset: StoredSunset = {
        id: existing?.id ?? random.uuid(),
        ...scope,
        ...parsed.value,
        createdAt: existing?.createdAt ?? now,
      }
      const event = createAuditEvent(deps, 'sunset.set', sunset.id, toFacts(sunset))
      const isSet =
        existing === null
          ? await storage.addSunset(sunset, event)
          : await storage.changeSunset(sunset.id, parsed.value, event)
      return isSet
        ? ok(sunset)
        : failConflict('another user changed the sunset at the same moment: try again')
    },

    /** Deletes the sunset, so that its keys work again at the next request. */
    async cancel(id: string): Promise<ServiceResult<void>> {
      const sunset = await find(id)
      if (!sunset.ok) return sunset
      const event = createAuditEvent(deps, 'sunset.cancelled', id, toFacts(sunset.value))
      return (await storage.deleteSunset(id, event))
        ? ok(undefined)
        : failNotFound(`there is no sunset ${id}`)
    },
  }
}

const toFacts = ({ accountId, keyType, sourceId, siteId, sunsetAt, brownouts }: StoredSunset) => ({
  accountId,
  keyType,
  ...(sourceId !== null && { sourceId }),
  ...(siteId !== null && { siteId }),
  sunsetAt,
  brownouts: brownouts.length,
})

function parseSchedule(sunset: Sunset, now: number): ServiceResult<Sunset> {
  const parsed = parseSunset(sunset, now)
  if (parsed.ok) return parsed
  const { detail, field, brownout } = parsed.failure
  const subject =
    brownout === null ? '' : `the brownout at ${new Date(brownout.startsAt).toISOString()} `
  return failInvalid(subject + detail, field)
}

/** The key types whose keys belong to a source or to a site. */
const SOURCE_KEY_TYPES: readonly LegacyKeyType[] = ['redox']
const SITE_KEY_TYPES: readonly LegacyKeyType[] = ['xenrad', 'opendental']

/** Checks that the account has the source or the site, and that keys of the type belong to one. */
async function parseScope(
  { storage }: ManagementDeps,
  { accountId, keyType, sourceId, siteId }: SunsetTarget,
): Promise<ServiceResult<SunsetScope>> {
  const account = requireFound(await storage.findAccount(accountId), 'account', accountId)
  if (!account.ok) return account
  const scope = { accountId, keyType, sourceId: sourceId ?? null, siteId: siteId ?? null }
  if (sourceId !== undefined && !SOURCE_KEY_TYPES.includes(keyType))
    return failInvalid(`${keyType} keys belong to no source: leave it out`, 'sourceId')
  if (siteId !== undefined && !SITE_KEY_TYPES.includes(keyType))
    return failInvalid(`${keyType} keys belong to no site: leave it out`, 'siteId')
  const source = sourceId === undefined ? null : await storage.findSource(sourceId)
  if (sourceId !== undefined && source?.accountId !== accountId)
    return failNotFound(`the account has no source ${sourceId}`)
  const site = siteId === undefined ? null : await storage.findSite(siteId)
  if (siteId !== undefined && site?.accountId !== accountId)
    return failNotFound(`the account has no site ${siteId}`)
  return ok(scope)
}

export type Sunsets = ReturnType<typeof createSunsets>

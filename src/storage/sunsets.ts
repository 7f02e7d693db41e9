import { type RawBuilder, sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import { LEGACY_KEY_TYPES, type Sunset } from '../domain/sunset.ts'
import type {
  LegacyKey,
  StoredSunset,
  SunsetScope,
  SunsetStorage,
} from '../service/ports/sunsets.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler, Step } from './engine.ts'
import { createSqlWriter, type TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type SunsetRow = Tables['sunsets']

const SCHEDULE_COLUMNS = [
  'deprecated_at',
  'sunset_at',
  'documentation_url',
  'brownouts',
] as const satisfies readonly (keyof SunsetRow)[]

type ScheduleRow = Pick<SunsetRow, (typeof SCHEDULE_COLUMNS)[number]>

/**
 * Selects the sunset for a row of `keys`, as one JSON text for `parseSelectedSunset`: that of its source or
 * site, otherwise that of its account; null if there is none.
 */
export function selectSunset({ sql: sqlEngine }: Pick<Engine, 'sql'>): RawBuilder<string | null> {
  const createObject = sql.raw(sqlEngine === 'sqlite' ? 'json_object' : 'json_build_object')
  const members = SCHEDULE_COLUMNS.map((name) => sql`${sql.lit(name)}, sunsets.${sql.ref(name)}`)
  // Without any sunset, which is tested once, the sort below is not set up.
  return sql`case when exists (select 1 from sunsets) then (
    select cast(${createObject}(${sql.join(members)}) as text) from sunsets
    where sunsets.account_id = keys.account_id and sunsets.key_type = keys.key_type
      and (sunsets.source_id is null or sunsets.source_id = keys.source_id)
      and (sunsets.site_id is null or sunsets.site_id = keys.site_id)
    order by case when coalesce(sunsets.source_id, sunsets.site_id) is null then 1 else 0 end limit 1) end`
}

export const parseSelectedSunset = (text: string | null): Sunset | null =>
  text === null ? null : toSunset(JSON.parse(text) as ScheduleRow)

const toSunset = (row: ScheduleRow): Sunset => ({
  deprecatedAt: row.deprecated_at,
  sunsetAt: row.sunset_at,
  documentationUrl: row.documentation_url,
  brownouts:
    row.brownouts === ''
      ? []
      : row.brownouts.split(' ').map((window) => {
          const [startsAt, endsAt] = window.split('-').map(Number)
          return { startsAt: startsAt ?? 0, endsAt: endsAt ?? 0 }
        }),
})

const toScheduleRow = (sunset: Sunset): ScheduleRow => ({
  deprecated_at: sunset.deprecatedAt,
  sunset_at: sunset.sunsetAt,
  documentation_url: sunset.documentationUrl,
  brownouts: sunset.brownouts.map(({ startsAt, endsAt }) => `${startsAt}-${endsAt}`).join(' '),
})

const toStoredSunset = (row: SunsetRow): StoredSunset => ({
  id: row.id,
  accountId: row.account_id,
  keyType: row.key_type,
  sourceId: row.source_id,
  siteId: row.site_id,
  ...toSunset(row),
  createdAt: row.created_at,
})

/** Stores sunsets, and what shows that their owners have moved to OAuth. */
export function createSunsetStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): SunsetStorage {
  const sqlStatement = createSqlWriter(compiler)
  const insert = sqlStatement<SunsetRow>((arg) => {
    const text = (name: keyof SunsetRow) => sql`cast(${arg(name)} as text)`
    const integer = (name: keyof SunsetRow) => sql`cast(${arg(name)} as bigint)`
    return sql`
      insert into sunsets (id, account_id, key_type, source_id, site_id, deprecated_at, sunset_at,
        documentation_url, brownouts, created_at, event_id)
      select ${text('id')}, accounts.id, ${text('key_type')}, ${text('source_id')},
        ${text('site_id')}, ${integer('deprecated_at')}, ${integer('sunset_at')},
        ${text('documentation_url')}, ${text('brownouts')}, ${integer('created_at')},
        ${text('event_id')}
      from accounts where accounts.id = ${arg('account_id')}
        and (${text('source_id')} is null or exists (select 1 from sources
          where sources.id = ${arg('source_id')} and sources.account_id = accounts.id))
        and (${text('site_id')} is null or exists (select 1 from sites
          where sites.id = ${arg('site_id')} and sites.account_id = accounts.id))
      on conflict do nothing`
  })
  const change = audit.createUpdate('sunsets', SCHEDULE_COLUMNS)
  const deleteRow = sqlStatement<{ id: string }>(
    (arg) => sql`delete from sunsets where id = ${arg('id')}`,
  )
  const readPage = rows.page('sunsets', 'account_id', toStoredSunset)
  const findByScope = sqlStatement<SunsetScope, SunsetRow>(
    (arg) => sql`
      select * from sunsets
      where account_id = ${arg('accountId')} and key_type = ${arg('keyType')}
        and coalesce(source_id, '') = coalesce(cast(${arg('sourceId')} as text), '')
        and coalesce(site_id, '') = coalesce(cast(${arg('siteId')} as text), '')`,
  )

  return {
    addSunset: (sunset, event) =>
      audit.applyChange(
        'sunsets',
        insert({
          ...toScheduleRow(sunset),
          id: sunset.id,
          account_id: sunset.accountId,
          key_type: sunset.keyType,
          source_id: sunset.sourceId,
          site_id: sunset.siteId,
          created_at: sunset.createdAt,
          event_id: event.id,
        }),
        event,
      ),
    changeSunset: (id, to, event) => change({ id, ...toScheduleRow(to) }, event),
    deleteSunset: (id, event) => audit.applyDeletion('sunsets', [deleteRow({ id })], event),
    findSunset: rows.findById('sunsets', toStoredSunset),
    async findScopeSunset({ accountId, keyType, sourceId, siteId }) {
      const [row] = await engine.read(findByScope({ accountId, keyType, sourceId, siteId }))
      return row === undefined ? null : toStoredSunset(row)
    },
    listSunsets: ({ accountId, ...page }) => readPage(accountId, page),
    listLegacyKeys: createLegacyKeyList(engine, compiler),
    addOAuthUses: createOAuthUseWrite(engine, compiler),
  }
}

interface LegacyKeyRow {
  readonly id: string
  readonly account_id: string
  readonly key_type: LegacyKey['keyType']
  readonly name: string
  readonly public_id: string
  readonly owner_id: string
  readonly email: string
  readonly source_id: string | null
  readonly source_name: string | null
  readonly site_id: string | null
  readonly site_name: string | null
  readonly user_agent: string | null
  readonly last_used_at: number | null
  readonly first_at: number | null
  readonly last_at: number | null
  readonly sunset: string | null
}

/** Each set of criteria makes its own statement, so that an index can serve it. */
function createLegacyKeyList(
  engine: Engine,
  compiler: StatementCompiler,
): SunsetStorage['listLegacyKeys'] {
  return async ({ after = '', limit, since, latest, ready, unused, ...filter }) => {
    const isWithin = (column: string) =>
      sql`coalesce(${sql.ref(column)} > ${since} and ${sql.ref(column)} <= ${latest}, false)`
    const conditions = [
      sql`keys.id > ${after}`,
      sql`keys.key_type in (${sql.join(LEGACY_KEY_TYPES)})`,
      sql`keys.status <> 'revoked'`,
      ...Object.entries({
        account_id: filter.accountId,
        key_type: filter.keyType,
        source_id: filter.sourceId,
        site_id: filter.siteId,
      }).flatMap(([column, value]) =>
        value === undefined ? [] : [sql`${sql.ref(`keys.${column}`)} = ${value}`],
      ),
      ...(ready === undefined
        ? []
        : [sql`${ready ? sql`` : sql`not`} ${isWithin('oauth_uses.last_at')}`]),
      ...(unused === undefined
        ? []
        : [sql`${unused ? sql`not` : sql``} ${isWithin('keys.last_used_at')}`]),
    ]
    const statement = sql<LegacyKeyRow>`
      select keys.id, keys.account_id, keys.key_type, keys.name, keys.public_id, keys.owner_id,
        users.email, keys.source_id, sources.name as source_name, keys.site_id,
        sites.name as site_name, keys.user_agent, keys.last_used_at, oauth_uses.first_at,
        oauth_uses.last_at, ${selectSunset(engine)} as sunset
      from keys
        join users on users.id = keys.owner_id
        left join sources on sources.id = keys.source_id
        left join sites on sites.id = keys.site_id
        left join oauth_uses on oauth_uses.resource_id
          = coalesce(keys.source_id, keys.site_id, keys.owner_id)
      where ${sql.join(conditions, sql` and `)}
      order by keys.id limit ${limit}`
    const { sql: text, parameters } = statement.compile(compiler.db)
    const found = await engine.scan({ sql: text, values: parameters } as Step<LegacyKeyRow>)
    return found.map(toLegacyKey)
  }
}

const toLegacyKey = (row: LegacyKeyRow): LegacyKey => ({
  id: row.id,
  accountId: row.account_id,
  keyType: row.key_type,
  name: row.name,
  publicId: row.public_id,
  ownerId: row.owner_id,
  ownerEmail: row.email,
  sourceId: row.source_id,
  sourceName: row.source_name,
  siteId: row.site_id,
  siteName: row.site_name,
  userAgent: row.user_agent,
  lastUsedAt: row.last_used_at,
  firstOAuthUseAt: row.first_at,
  lastOAuthUseAt: row.last_at,
  sunsetAt: parseSelectedSunset(row.sunset)?.sunsetAt ?? null,
})

function createOAuthUseWrite(
  engine: Engine,
  compiler: StatementCompiler,
): SunsetStorage['addOAuthUses'] {
  /** Inserts nothing for a resource that was deleted. A last use in the future is that of a fast clock. */
  const count = createSqlWriter(compiler)<{
    resourceId: string
    firstAt: number
    lastAt: number
    latest: number
  }>((arg) => {
    const id = sql`cast(${arg('resourceId')} as text)`
    return sql`
      insert into oauth_uses (resource_id, first_at, last_at)
      select ${id}, cast(${arg('firstAt')} as bigint), cast(${arg('lastAt')} as bigint)
      where exists (select 1 from sources where sources.id = ${id})
        or exists (select 1 from sites where sites.id = ${id})
        or exists (select 1 from users where users.id = ${id})
      on conflict (resource_id) do update set
        first_at = case when excluded.first_at < oauth_uses.first_at
          then excluded.first_at else oauth_uses.first_at end,
        last_at = case when oauth_uses.last_at > excluded.last_at and oauth_uses.last_at <= ${arg('latest')}
          then oauth_uses.last_at else excluded.last_at end`
  })
  return async (uses) => {
    if (uses.length === 0) return
    // All writers use one order, so that two of them do not deadlock.
    const sortedUses = [...uses].sort((a, b) => (a.resourceId < b.resourceId ? -1 : 1))
    await engine.atomic(
      sortedUses.map((use) => count({ ...use, latest: getLatestDeadline(0, use.lastAt) })),
    )
  }
}

import { type RawBuilder, sql } from 'kysely'
import type { OAuthClient, OAuthClientSettings } from '../domain/oauth-client.ts'
import type { AssertionStorage } from '../service/ports/authority.ts'
import type { Engine, StatementCompiler, Step } from './engine.ts'
import { type Arg, createSqlWriter, expandJsonList } from './statements.ts'
import type { Tables } from './tables.ts'

type ClientRow = Tables['oauth_clients']

/** The members of the text that `selectOAuthClient` selects. */
type SelectedClient = Omit<ClientRow, 'key_id'> & {
  /** Ids, separated by a space; null for none. */
  readonly source_ids: string | null
  readonly site_ids: string | null
}

const SETTING_COLUMNS = [
  'authentication_method',
  'jwks_url',
  'jwks',
  'scopes',
  'audience',
  'token_strategy',
  'signing_algorithm',
  'token_type_header',
  'token_lifetime_seconds',
  'repeated_assertions',
] as const satisfies readonly (keyof ClientRow)[]

type ClientSettingRow = Pick<ClientRow, (typeof SETTING_COLUMNS)[number]>

/**
 * Selects the settings of the client that a row of `keys` is, as one JSON text for `parseOAuthClient`, so
 * that other keys are read without them: null.
 */
export function selectOAuthClient({
  sql: sqlEngine,
}: Pick<Engine, 'sql'>): RawBuilder<string | null> {
  const createObject = sql.raw(sqlEngine === 'sqlite' ? 'json_object' : 'json_build_object')
  const columns = [...SETTING_COLUMNS, 'assertion_refused_at', 'assertion_refusal'] as const
  const members = columns.map((name) => sql`${sql.lit(name)}, client.${sql.ref(name)}`)
  const listIds = (table: 'key_sources' | 'key_sites', column: string) => sql`(
    select string_agg(${sql.ref(column)}, ' ' order by ${sql.ref(column)})
    from ${sql.table(table)} where key_id = keys.id)`
  return sql`case when keys.key_type = 'oauth' then (
    select cast(${createObject}(${sql.join(members)},
      'source_ids', ${listIds('key_sources', 'source_id')},
      'site_ids', ${listIds('key_sites', 'site_id')}) as text)
    from oauth_clients as client where client.key_id = keys.id) end`
}

export function parseOAuthClient(text: string): OAuthClient {
  const client = JSON.parse(text) as SelectedClient
  const { assertion_refused_at: at, assertion_refusal: why } = client
  return {
    authenticationMethod: client.authentication_method,
    jwksUrl: client.jwks_url,
    jwks: client.jwks,
    scopes: splitList(client.scopes),
    audience: client.audience,
    tokenStrategy: client.token_strategy,
    signingAlgorithm: client.signing_algorithm,
    tokenTypeHeader: client.token_type_header,
    tokenLifetimeSeconds: client.token_lifetime_seconds,
    repeatedAssertions: client.repeated_assertions,
    sourceIds: splitList(client.source_ids ?? ''),
    siteIds: splitList(client.site_ids ?? ''),
    lastRefusal: at === null || why === null ? null : { at, why },
  }
}

const splitList = (list: string): readonly string[] => (list === '' ? [] : list.split(' '))

/** The sources and sites of a client, as JSON lists, for the guard of a key's change. */
export interface ClientResources {
  readonly source_ids: string
  readonly source_count: number
  readonly site_ids: string
  readonly site_count: number
}

export function toClientResources(client: OAuthClientSettings | null): ClientResources {
  const { sourceIds = [], siteIds = [] } = client ?? {}
  return {
    source_ids: JSON.stringify(sourceIds),
    source_count: sourceIds.length,
    site_ids: JSON.stringify(siteIds),
    site_count: siteIds.length,
  }
}

/** Creates the parts of a key's addition and edit that are about its client. */
export function createClientChanges(engine: Engine, compiler: StatementCompiler) {
  const sqlStatement = createSqlWriter(compiler)
  /** The change of the key, whose event it has, comes before these steps. */
  type KeyChange = { key_id: string; event_id: string }
  const isChanged = (arg: Arg<KeyChange>) =>
    sql`keys.id = ${arg('key_id')} and keys.event_id = ${arg('event_id')}`

  const insert = sqlStatement<KeyChange & ClientSettingRow>(
    (arg) => sql`
      insert into oauth_clients (key_id, ${sql.join(SETTING_COLUMNS.map((name) => sql.ref(name)))})
      select keys.id, ${sql.join(SETTING_COLUMNS.map((name) => selectSetting(name, arg(name))))}
      from keys where ${isChanged(arg)}`,
  )
  const update = sqlStatement<KeyChange & ClientSettingRow>(
    (arg) => sql`
      update oauth_clients
      set ${sql.join(SETTING_COLUMNS.map((name) => sql`${sql.ref(name)} = ${arg(name)}`))}
      where key_id in (select keys.id from keys where ${isChanged(arg)})`,
  )
  const createResourceSteps = (
    table: 'key_sources' | 'key_sites',
    column: 'source_id' | 'site_id',
    resources: 'sources' | 'sites',
  ) => ({
    deleteAll: sqlStatement<KeyChange>(
      (arg) => sql`
        delete from ${sql.table(table)}
        where key_id in (select keys.id from keys where ${isChanged(arg)})`,
    ),
    insert: sqlStatement<KeyChange & { ids: string }>(
      (arg) => sql`
        insert into ${sql.table(table)} (key_id, ${sql.ref(column)})
        select keys.id, own.id from keys
        join ${sql.table(resources)} as own on own.id in ${expandJsonList(engine, arg('ids'))}
        where ${isChanged(arg)}`,
    ),
  })
  const sources = createResourceSteps('key_sources', 'source_id', 'sources')
  const sites = createResourceSteps('key_sites', 'site_id', 'sites')

  const insertResources = (change: KeyChange, client: OAuthClientSettings): Step[] => {
    const { source_ids, site_ids } = toClientResources(client)
    return [
      sources.insert({ ...change, ids: source_ids }),
      sites.insert({ ...change, ids: site_ids }),
    ]
  }

  return {
    /** Tests if the account has all sources and sites of the client. */
    hasResources(accountId: RawBuilder<unknown>, arg: Arg<ClientResources>): RawBuilder<boolean> {
      const hasAll = (table: 'sources' | 'sites', ids: unknown, count: unknown) => sql`(
        select count(*) from ${sql.table(table)} as own
        where own.account_id = ${accountId} and own.id in ${expandJsonList(engine, ids)}
      ) = cast(${count} as bigint)`
      return sql`(${hasAll('sources', arg('source_ids'), arg('source_count'))}
        and ${hasAll('sites', arg('site_ids'), arg('site_count'))})`
    },

    add(keyId: string, eventId: string, client: OAuthClientSettings): Step[] {
      const change = { key_id: keyId, event_id: eventId }
      return [insert({ ...change, ...toSettingRow(client) }), ...insertResources(change, client)]
    },

    edit(keyId: string, eventId: string, client: OAuthClientSettings): Step[] {
      const change = { key_id: keyId, event_id: eventId }
      return [
        update({ ...change, ...toSettingRow(client) }),
        sources.deleteAll(change),
        sites.deleteAll(change),
        ...insertResources(change, client),
      ]
    },
  }
}

/** PostgreSQL takes a parameter that is selected for text. */
const selectSetting = (name: string, value: unknown) =>
  sql`cast(${value} as ${sql.raw(name === 'token_lifetime_seconds' ? 'bigint' : 'text')})`

const toSettingRow = (client: OAuthClientSettings): ClientSettingRow => ({
  authentication_method: client.authenticationMethod,
  jwks_url: client.jwksUrl,
  jwks: client.jwks,
  scopes: client.scopes.join(' '),
  audience: client.audience,
  token_strategy: client.tokenStrategy,
  signing_algorithm: client.signingAlgorithm,
  token_type_header: client.tokenTypeHeader,
  token_lifetime_seconds: client.tokenLifetimeSeconds,
  repeated_assertions: client.repeatedAssertions,
})

/** Stores which assertions of clients were used, and the last one that was refused. */
export function createAssertionStorage(
  engine: Engine,
  compiler: StatementCompiler,
): AssertionStorage {
  const sqlStatement = createSqlWriter(compiler)
  type UsedAssertion = Parameters<AssertionStorage['useAssertion']>[0]
  // An id counts anew once the assertion that had it has ended.
  const use = sqlStatement<UsedAssertion>(
    (arg) => sql`
      insert into used_assertions (key_id, jti_hash, ends_at)
      values (${arg('keyId')}, ${arg('jtiHash')}, ${arg('endsAt')})
      on conflict (key_id, jti_hash) do update set ends_at = excluded.ends_at
      where used_assertions.ends_at <= ${arg('now')}`,
  )
  const purge = sqlStatement<{ now: number; limit: number }>(
    (arg) => sql`
      delete from used_assertions where (key_id, jti_hash) in (
        select key_id, jti_hash from used_assertions
        where ends_at <= ${arg('now')} order by ends_at limit ${arg('limit')})`,
  )
  const setLastRefusal = sqlStatement<{ keyId: string; at: number; why: string }>(
    (arg) => sql`
      update oauth_clients set assertion_refused_at = ${arg('at')}, assertion_refusal = ${arg('why')}
      where key_id = ${arg('keyId')}`,
  )

  return {
    async useAssertion(assertion) {
      const [changed] = await engine.atomic([use({ ...assertion })])
      return changed === 1
    },

    async purgeUsedAssertions(now, limit) {
      const [purged = 0] = await engine.atomic([purge({ now, limit })])
      return purged
    },

    async setLastRefusals(refusals) {
      if (refusals.length === 0) return
      // All writers use one order, so that two of them do not deadlock.
      const sortedRefusals = [...refusals].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
      await engine.atomic(sortedRefusals.map((refusal) => setLastRefusal({ ...refusal })))
    },
  }
}

import { type RawBuilder, sql } from 'kysely'
import type { OAuthClient } from '../domain/oauth-client.ts'
import type { Engine } from './engine.ts'
import type { Tables } from './tables.ts'

/** The settings of an OAuth client as one JSON text, so that other keys are read without them. */
type StoredClient = Omit<Tables['oauth_clients'], 'key_id'> & {
  /** Ids, separated by a space; null for none. */
  readonly source_ids: string | null
  readonly site_ids: string | null
}

const CLIENT_COLUMNS = [
  'authentication_method',
  'jwks_url',
  'jwks',
  'scopes',
  'audience',
  'token_strategy',
  'signing_algorithm',
  'token_type_header',
  'token_lifetime_seconds',
  'repeated_assertions_allowed',
  'assertion_refused_at',
  'assertion_refusal',
] as const satisfies readonly (keyof StoredClient)[]

/** Selects the settings of the client that the row of `keys` is, as `parseOAuthClient` reads them; else null. */
export function selectOAuthClient({ sql: dialect }: Pick<Engine, 'sql'>) {
  const createObject = sql.raw(dialect === 'sqlite' ? 'json_object' : 'json_build_object')
  const members = CLIENT_COLUMNS.map((name) => sql`${sql.lit(name)}, client.${sql.ref(name)}`)
  const listIds = (table: string, column: string): RawBuilder<unknown> => sql`(
    select string_agg(${sql.ref(column)}, ' ' order by ${sql.ref(column)})
    from ${sql.table(table)} where key_id = keys.id)`
  return sql<string | null>`case when keys.key_type = 'oauth' then (
    select cast(${createObject}(${sql.join(members)},
      'source_ids', ${listIds('key_sources', 'source_id')},
      'site_ids', ${listIds('key_sites', 'site_id')}) as text)
    from oauth_clients as client where client.key_id = keys.id) end`
}

export function parseOAuthClient(text: string): OAuthClient {
  const stored = JSON.parse(text) as StoredClient
  return {
    authenticationMethod: stored.authentication_method,
    jwksUrl: stored.jwks_url,
    jwks: stored.jwks,
    scopes: splitList(stored.scopes),
    audience: stored.audience,
    tokenStrategy: stored.token_strategy,
    signingAlgorithm: stored.signing_algorithm,
    tokenTypeHeader: stored.token_type_header,
    tokenLifetimeSeconds: stored.token_lifetime_seconds,
    repeatedAssertionsAllowed: stored.repeated_assertions_allowed === 1,
    sourceIds: splitList(stored.source_ids ?? ''),
    siteIds: splitList(stored.site_ids ?? ''),
  }
}

const splitList = (list: string): readonly string[] => (list === '' ? [] : list.split(' '))

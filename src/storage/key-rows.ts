import { type InferResult, sql } from 'kysely'
import { type IpNetwork, parseIpNetwork } from '../domain/ip-network.ts'
import type { VersionedKey } from '../service/ports/authority.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { parseOAuthClient, selectOAuthClient } from './oauth-clients.ts'
import { createCache, createTextPool } from './statements.ts'
import { parseSelectedSunset, selectSunset } from './sunsets.ts'

/** Selects the facts of keys that requests are judged by. */
export const selectKey = (db: StatementCompiler['db'], engine: Pick<Engine, 'sql'>) =>
  db
    .selectFrom('keys')
    .innerJoin('accounts', 'accounts.id', 'keys.account_id')
    .innerJoin('users', 'users.id', 'keys.owner_id')
    .leftJoin('developers', 'developers.id', 'keys.developer_id')
    .crossJoin('authority')
    .select([
      'keys.id',
      'keys.account_id',
      'keys.owner_id',
      'keys.key_type',
      'keys.public_id',
      'keys.name',
      'keys.source_id',
      'keys.site_id',
      'keys.developer_id',
      'keys.status',
      'keys.access',
      'keys.assigned_at',
      'keys.expires_at',
      'keys.secret_hash',
      'keys.previous_secret_hash',
      'keys.previous_secret_ends_at',
      'keys.secret_digest',
      'keys.previous_secret_digest',
      'keys.secret_rotated_at',
      'keys.token_salt',
      'keys.token_epoch',
      'users.username',
      'developers.developer_key',
      'accounts.name as account_name',
      'accounts.status as account_status',
      'accounts.region',
      'authority.version as authority_version',
      sql<string | null>`case when accounts.ip_allowlist_enforced = 1 then (
        select string_agg(network, ' ' order by id) from ip_allowlist_entries
        where account_id = accounts.id) end`.as('networks'),
      selectOAuthClient(engine).as('oauth_client'),
      selectSunset(engine).as('sunset'),
    ])

export type KeyRow = InferResult<ReturnType<typeof selectKey>>[number] & {
  readonly proven_hash?: string | null
}

/** The facts that many keys of an account have in common. */
type CommonFacts = Pick<
  VersionedKey,
  | 'accountId'
  | 'ownerId'
  | 'keyType'
  | 'developer'
  | 'username'
  | 'status'
  | 'access'
  | 'tokenEpoch'
  | 'account'
>

/** The facts that few of the keys have that are presented at every request. */
type RareFacts = Pick<
  VersionedKey,
  | 'provenHash'
  | 'sourceId'
  | 'expiresAt'
  | 'previousSecretHash'
  | 'previousSecretEndsAt'
  | 'secretDigest'
  | 'previousSecretDigest'
  | 'secretRotatedAt'
  | 'oauthClient'
  | 'sunset'
>

/**
 * A key in less than half the memory of an object with all of its facts: servers cache many of them. Most facts are
 * getters, which a copy by spread would lose.
 */
class CachedKey implements VersionedKey {
  readonly authorityVersion: number
  readonly id: string
  readonly publicId: string
  readonly name: string
  readonly siteId: string | null
  readonly assignedAt: number | null
  readonly secretHash: string | null
  readonly tokenSalt: string
  readonly #common: CommonFacts
  readonly #rare: RareFacts

  constructor(row: KeyRow, name: string, siteId: string | null, common: CommonFacts) {
    this.authorityVersion = row.authority_version
    this.id = row.id
    this.publicId = row.public_id
    this.name = name
    this.siteId = siteId
    this.assignedAt = row.assigned_at
    this.secretHash = row.secret_hash
    this.tokenSalt = row.token_salt
    this.#common = common
    this.#rare = parseRareFacts(row)
  }

  get accountId() {
    return this.#common.accountId
  }

  get ownerId() {
    return this.#common.ownerId
  }

  get keyType() {
    return this.#common.keyType
  }

  get developer() {
    return this.#common.developer
  }

  get username() {
    return this.#common.username
  }

  get status() {
    return this.#common.status
  }

  get access() {
    return this.#common.access
  }

  get tokenEpoch() {
    return this.#common.tokenEpoch
  }

  get account() {
    return this.#common.account
  }

  get provenHash() {
    return this.#rare.provenHash
  }

  get sourceId() {
    return this.#rare.sourceId
  }

  get expiresAt() {
    return this.#rare.expiresAt
  }

  get previousSecretHash() {
    return this.#rare.previousSecretHash
  }

  get previousSecretEndsAt() {
    return this.#rare.previousSecretEndsAt
  }

  get secretDigest() {
    return this.#rare.secretDigest
  }

  get previousSecretDigest() {
    return this.#rare.previousSecretDigest
  }

  get secretRotatedAt() {
    return this.#rare.secretRotatedAt
  }

  get oauthClient() {
    return this.#rare.oauthClient
  }

  get sunset() {
    return this.#rare.sunset
  }
}

const NO_RARE_FACTS: RareFacts = {
  provenHash: null,
  sourceId: null,
  expiresAt: null,
  previousSecretHash: null,
  previousSecretEndsAt: null,
  secretDigest: null,
  previousSecretDigest: null,
  secretRotatedAt: null,
  oauthClient: null,
  sunset: null,
}

function parseRareFacts(row: KeyRow): RareFacts {
  const facts: RareFacts = {
    provenHash: row.proven_hash ?? null,
    sourceId: row.source_id,
    expiresAt: row.expires_at,
    previousSecretHash: row.previous_secret_hash,
    previousSecretEndsAt: row.previous_secret_ends_at,
    secretDigest: row.secret_digest,
    previousSecretDigest: row.previous_secret_digest,
    secretRotatedAt: row.secret_rotated_at,
    oauthClient: row.oauth_client === null ? null : parseOAuthClient(row.oauth_client),
    sunset: parseSelectedSunset(row.sunset),
  }
  return Object.values(facts).every((fact) => fact === null) ? NO_RARE_FACTS : facts
}

/** The number of accounts, owners and developers, with what their keys have in common, that are remembered. */
const MAX_COMMON_FACTS = 1000

/** Creates the function that parses rows of keys, which share their equal facts. */
export function createKeyParser() {
  const share = createTextPool()
  const commonFacts = createCache<CommonFacts>(MAX_COMMON_FACTS)

  function shareCommonFacts(row: KeyRow, networks: string | null): CommonFacts {
    const columns = [row.account_id, row.account_name, row.account_status, row.region, networks]
    const ownerColumns = [row.owner_id, row.username, row.developer_id, row.developer_key]
    const keyColumns = [row.key_type, row.status, row.access, row.token_epoch]
    return commonFacts(JSON.stringify([...columns, ...ownerColumns, ...keyColumns]), () =>
      parseCommonFacts(row, networks),
    )
  }

  return (row: KeyRow, networks = row.networks): VersionedKey =>
    new CachedKey(
      row,
      share(row.name),
      row.site_id === null ? null : share(row.site_id),
      shareCommonFacts(row, networks),
    )
}

const parseCommonFacts = (row: KeyRow, networks: string | null): CommonFacts => ({
  accountId: row.account_id,
  ownerId: row.owner_id,
  keyType: row.key_type,
  developer:
    row.developer_id === null || row.developer_key === null
      ? null
      : { id: row.developer_id, developerKey: row.developer_key },
  username: row.username,
  status: row.status,
  access: row.access,
  tokenEpoch: row.token_epoch,
  account: {
    name: row.account_name,
    status: row.account_status,
    region: row.region,
    networks: networks === null ? NO_NETWORKS : parseNetworks(networks),
  },
})

const NO_NETWORKS: readonly IpNetwork[] = []

function parseNetworks(list: string): readonly IpNetwork[] {
  return list.split(' ').map((text) => {
    const network = parseIpNetwork(text)
    // Skipping it could leave an empty list, which enforces nothing.
    if (network === null) throw new Error(`the address rule ${text} is not a network`)
    return network
  })
}

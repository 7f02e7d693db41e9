import { type RawBuilder, sql } from 'kysely'
import { InvalidCursorError } from '../domain/id.ts'
import type {
  KeyCriteria,
  KeyHolderKind,
  KeyListItem,
  KeyOrder,
  KeySearch,
  ListStorage,
} from '../service/ports/lists.ts'
import type { Engine, StatementCompiler, Step } from './engine.ts'
import { type SummaryColumns, selectSummaryColumns, toKeySummary } from './keys.ts'
import { createSqlWriter, createTextSearch, expandJsonList, LAST_ID } from './statements.ts'
import type { Tables } from './tables.ts'

type KeySearchMethods = Pick<
  ListStorage,
  'searchKeys' | 'countKeys' | 'listDailyUsesByKey' | 'findSourceKey'
>

type FoundKeyRow = Tables['keys'] &
  SummaryColumns & {
    readonly account_name: string
    readonly email: string
    readonly username: string | null
    readonly deactivated_at: number | null
    readonly site_name: string | null
    readonly source_name: string | null
    readonly developer_name: string | null
    readonly sorted_by: string | number
    readonly counted: number | string
  }

/** Same expression as in the index: keys without an expiry are last. */
const EXPIRY_COLUMN = sql`coalesce(keys.expires_at, ${sql.lit(Number.MAX_SAFE_INTEGER)})`

/** The sort column before the ids, and its direction. */
const KEY_ORDER_COLUMNS: Record<KeyOrder, { by: RawBuilder<unknown>; descends: boolean }> = {
  newest: { by: sql`keys.id`, descends: true },
  oldest: { by: sql`keys.id`, descends: false },
  name: { by: sql`lower(keys.name)`, descends: false },
  lastUsed: { by: sql`coalesce(keys.last_used_at, -1)`, descends: true },
  leastUsed: { by: sql`coalesce(keys.last_used_at, -1)`, descends: false },
  expiry: { by: EXPIRY_COLUMN, descends: false },
}
/** The same order in a form that no index serves. ("C" lowers the letters, "default" orders them.) */
const UNINDEXED_ORDERS: Partial<Record<KeyOrder, RawBuilder<unknown>>> = {
  name: sql`(lower(keys.name collate "C") collate "default")`,
  expiry: sql`(${EXPIRY_COLUMN} + 0)`,
}

/**
 * Searches keys. Each set of criteria makes its own statement; the names of related rows are read for
 * one page only.
 */
export function createKeySearchStorage(
  engine: Engine,
  compiler: StatementCompiler,
): KeySearchMethods {
  const readSql = <Row>(text: RawBuilder<Row>) => {
    const { sql: compiledSql, parameters } = text.compile(compiler.db)
    return engine.scan({ sql: compiledSql, values: parameters } as Step<Row>)
  }
  const containsText = createTextSearch(engine)
  // SQLite might otherwise read every key in the page's order, and look up which are in the page.
  const pageFirst = sql.raw(engine.sql === 'sqlite' ? 'cross join' : 'join')
  // Each text is one line, so that no match spans two of them.
  const texts = sql`(keys.name || '\n' || keys.public_id || '\n' || keys.reference)`

  function createConditions(criteria: KeyCriteria): RawBuilder<unknown>[] {
    const conditions: RawBuilder<unknown>[] = []
    const equal = (column: string, value: string | undefined) => {
      if (value !== undefined) conditions.push(sql`${sql.ref(column)} = ${value}`)
    }
    equal('keys.account_id', criteria.accountId)
    equal('keys.key_type', criteria.keyType)
    equal('keys.status', criteria.status)
    equal('keys.site_id', criteria.siteId)
    equal('keys.owner_id', criteria.ownerId)
    equal('keys.developer_id', criteria.developerId)
    const { text, unusedSince, expires, ownerLeft, accountId } = criteria
    const ownAccount = accountId === undefined ? sql`` : sql`and account_id = ${accountId}`
    if (text !== undefined && text !== '') {
      conditions.push(sql`(${containsText(texts, text)} or keys.owner_id in (
        select users.id from users where ${containsText(sql`users.email`, text)} ${ownAccount}))`)
    }
    if (unusedSince !== undefined) {
      conditions.push(sql`coalesce(keys.last_used_at, keys.created_at) < ${unusedSince}`)
    }
    if (expires !== undefined) {
      conditions.push(sql`${EXPIRY_COLUMN} > ${expires.now} and ${EXPIRY_COLUMN} < ${expires.before}
        and keys.status <> 'revoked'`)
    }
    if (ownerLeft !== undefined) {
      conditions.push(sql`keys.owner_id ${ownerLeft ? sql`in` : sql`not in`} (
        select users.id from users where users.deactivated_at is not null ${ownAccount})`)
    }
    return conditions
  }

  /**
   * PostgreSQL estimates that a third of all rows contain a text, and would read along an index to find
   * them. Without an account, no index has the order.
   */
  const isScanned = ({ text, accountId }: KeyCriteria) =>
    engine.sql === 'postgres' && (Boolean(text) || accountId === undefined)

  /**
   * SQLite counts no rows before it chooses an index. If few keys match, it should read all keys of the
   * account in file order: in any other order it would fetch each separately.
   */
  function selectKeyTable(criteria: KeyCriteria, order?: KeyOrder): RawBuilder<unknown> {
    const { accountId, ownerId, developerId, expires, ...others } = criteria
    const isNarrow = (ownerId ?? developerId ?? expires) !== undefined
    const isAll = Object.values(others).every(
      (question) => question === undefined || question === '',
    )
    const isAlongIndex = isAll && (order === 'name' || order === 'expiry')
    return engine.sql === 'sqlite' && accountId !== undefined && !isNarrow && !isAlongIndex
      ? sql`keys indexed by keys_by_account`
      : sql`keys`
  }

  async function search({ order, after, limit, counted = 0, ...criteria }: KeySearch) {
    const { descends } = KEY_ORDER_COLUMNS[order]
    const isById = order === 'newest' || order === 'oldest'
    const by =
      (isScanned(criteria) ? UNINDEXED_ORDERS[order] : undefined) ?? KEY_ORDER_COLUMNS[order].by
    const conditions = createConditions(criteria)
    const [direction, comparison] = descends ? [sql`desc`, sql`<`] : [sql`asc`, sql`>`]
    const cursor = after === undefined ? null : parseKeyCursor(after, order)
    if (isById)
      conditions.push(sql`keys.id ${comparison} ${cursor?.id ?? (descends ? LAST_ID : '')}`)
    else if (cursor !== null)
      conditions.push(sql`(${by}, keys.id) ${comparison} (${cursor.value}, ${cursor.id})`)
    const orderBy = isById ? sql`id ${direction}` : sql`sorted_by ${direction}, id ${direction}`
    // One scan finds the page and counts, because a rare text costs a scan of the account's keys.
    const rows = await readSql(sql<FoundKeyRow>`
      with found as materialized (
        select keys.id, ${by} as sorted_by from ${selectKeyTable(criteria, order)} ${joinConditions(conditions)}
        order by ${orderBy} limit ${Math.max(limit + 1, counted)}
      )
      select keys.*, ${selectSummaryColumns(engine)}, page.sorted_by, (select count(*) from found) as counted,
        accounts.name as account_name, users.email,
        users.username, users.deactivated_at, sites.name as site_name, sources.name as source_name,
        developers.name as developer_name
      from (select * from found order by ${orderBy} limit ${limit + 1}) page
        ${pageFirst} keys on keys.id = page.id
        join accounts on accounts.id = keys.account_id
        join users on users.id = keys.owner_id
        left join sites on sites.id = keys.site_id
        left join sources on sources.id = keys.source_id
        left join developers on developers.id = keys.developer_id
      order by ${isById ? sql`` : sql`page.sorted_by ${direction},`} page.id ${direction}`)
    const last = rows[limit - 1]
    return {
      keys: rows.slice(0, limit).map(toKeyListItem),
      next: rows.length > limit && last !== undefined ? formatKeyCursor(last) : null,
      count: Number(rows[0]?.counted ?? 0),
    }
  }

  return {
    searchKeys: search,

    async countKeys(criteria, maxCount) {
      const [row] = await readSql(sql<{ n: number }>`
        select count(*) as n from (
          select 1 from ${selectKeyTable(criteria)} ${joinConditions(createConditions(criteria))} limit ${maxCount}
        ) counted`)
      return Number(row?.n ?? 0)
    },

    async findSourceKey(sourceId) {
      const [row] = await readSql(sql<Tables['keys'] & SummaryColumns>`
        select keys.*, ${selectSummaryColumns(engine)} from keys
        where status <> 'revoked' and (source_id = ${sourceId} or id in (
          select key_id from key_sources where source_id = ${sourceId}))
        order by case when source_id is null then 1 else 0 end, id limit 1`)
      return row === undefined ? null : toKeySummary(row)
    },

    async listDailyUsesByKey({ keyIds, fromDay, accountId }) {
      const ownKeys =
        accountId === undefined
          ? sql``
          : sql`and key_id in (select id from keys where account_id = ${accountId})`
      return readSql(sql<{ keyId: string; day: number; uses: number }>`
        select key_id as "keyId", day, uses from key_uses
        where key_id in ${expandJsonList(engine, JSON.stringify(keyIds))} ${ownKeys}
          and day >= ${fromDay}
        order by key_id, day`)
    },
  }
}

const joinConditions = (conditions: readonly RawBuilder<unknown>[]) =>
  conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`

const formatKeyCursor = ({ sorted_by, id }: FoundKeyRow) => JSON.stringify([sorted_by, id])

/** Parses a cursor. Throws if it is malformed, or from a list in another order. */
function parseKeyCursor(text: string, order: KeyOrder): { value: string | number; id: string } {
  try {
    const [value, id] = JSON.parse(text) as unknown[]
    const isText = order === 'newest' || order === 'oldest' || order === 'name'
    const isValue = isText ? typeof value === 'string' : Number.isSafeInteger(value)
    if (isValue && typeof id === 'string') return { value: value as string | number, id }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new InvalidCursorError()
}

const toKeyListItem = (row: FoundKeyRow): KeyListItem => ({
  ...toKeySummary(row),
  accountName: row.account_name,
  owner: { email: row.email, username: row.username, deactivatedAt: row.deactivated_at },
  siteName: row.site_name,
  sourceName: row.source_name,
  developerName: row.developer_name,
})

const HOLDER_COLUMNS = {
  owner: 'owner_id',
  site: 'site_id',
  developer: 'developer_id',
} as const satisfies Record<KeyHolderKind, string>

/** Counts the keys of each holder on a page. */
export function createKeyCountStorage(
  engine: Engine,
  compiler: StatementCompiler,
): Pick<ListStorage, 'countKeysByHolder'> {
  const sqlStatement = createSqlWriter(compiler)
  const count = (holder: KeyHolderKind) => {
    const column = sql.ref(HOLDER_COLUMNS[holder])
    return sqlStatement<{ ids: string; accountId: string | null }, { id: string; keys: number }>(
      (arg) => sql`
        select ${column} as id, count(*) as keys from keys
        where ${column} in ${expandJsonList(engine, arg('ids'))} and status <> 'revoked'
          and (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
        group by ${column}`,
    )
  }
  const counts = { owner: count('owner'), site: count('site'), developer: count('developer') }

  return {
    async countKeysByHolder({ holder, ids, accountId }) {
      const args = { ids: JSON.stringify(ids), accountId: accountId ?? null }
      const rows = await engine.scan(counts[holder](args))
      return rows.map(({ id, keys }) => ({ id, keys: Number(keys) }))
    },
  }
}

import { type RawBuilder, sql } from 'kysely'
import { DamagedCursor } from '../../domain/id.ts'
import type {
  KeyOrder,
  KeyQuestions,
  KeySearch,
  ListedKey,
  ListStorage,
} from '../../service/ports/lists.ts'
import { anyOf } from '../any-of.ts'
import type { Compiler, Engine, Step } from '../engine.ts'
import { toSummary } from '../keys.ts'
import { LAST_ID } from '../rows.ts'
import type { Tables } from '../tables.ts'
import { createHolds } from './holds.ts'

type Verbs = Pick<ListStorage, 'searchKeys' | 'countKeys' | 'listUsesOf' | 'findKeyOfSource'>

type Found = Tables['keys'] & {
  readonly account_name: string
  readonly email: string
  readonly username: string | null
  readonly left_at: number | null
  readonly site_name: string | null
  readonly source_name: string | null
  readonly developer_name: string | null
  readonly sorted_by: string | number
  readonly counted: number | string
}

/** As the index has it: what never expires is last. */
const EXPIRY = sql`coalesce(keys.expires_at, ${sql.lit(Number.MAX_SAFE_INTEGER)})`

/** By what keys are in order, before their ids; and from where to where. */
const ORDERS: Record<KeyOrder, { by: RawBuilder<unknown>; descends: boolean }> = {
  newest: { by: sql`keys.id`, descends: true },
  oldest: { by: sql`keys.id`, descends: false },
  name: { by: sql`lower(keys.name)`, descends: false },
  lastUsed: { by: sql`coalesce(keys.last_used_at, -1)`, descends: true },
  leastUsed: { by: sql`coalesce(keys.last_used_at, -1)`, descends: false },
  expiry: { by: EXPIRY, descends: false },
}
/** The same to whoever reads, and to no index. ("C" spells the letters low, "default" orders them.) */
const SCANNED: Partial<Record<KeyOrder, RawBuilder<unknown>>> = {
  name: sql`(lower(keys.name collate "C") collate "default")`,
  expiry: sql`(${EXPIRY} + 0)`,
}

/**
 * Keys as people look for them. Which questions are asked makes the statement; the names of what a key
 * belongs to are read for its page alone.
 */
export function createKeyLists(engine: Engine, compiler: Compiler): Verbs {
  const read = <Row>(text: RawBuilder<Row>) => {
    const { sql: words, parameters } = text.compile(compiler.db)
    return engine.read({ sql: words, values: parameters } as Step<Row>)
  }
  const holds = createHolds(engine)
  // (Left to itself, SQLite may read every key in the page's order, and look up which are in the page.)
  const pageFirst = sql.raw(engine.sql === 'sqlite' ? 'cross join' : 'join')
  // (Each is one line: no text that is looked for reaches from one into the next.)
  const texts = sql`(keys.name || '\n' || keys.public_id || '\n' || keys.reference)`

  function conditionsOf(asked: KeyQuestions): RawBuilder<unknown>[] {
    const conditions: RawBuilder<unknown>[] = []
    const equal = (column: string, value: string | undefined) => {
      if (value !== undefined) conditions.push(sql`${sql.ref(column)} = ${value}`)
    }
    equal('keys.account_id', asked.accountId)
    equal('keys.dialect', asked.dialect)
    equal('keys.status', asked.status)
    equal('keys.site_id', asked.siteId)
    equal('keys.owner_id', asked.ownerId)
    equal('keys.developer_id', asked.developerId)
    const { text, unusedSince, expires, ownerLeft, accountId } = asked
    const ownAccount = accountId === undefined ? sql`` : sql`and account_id = ${accountId}`
    if (text !== undefined && text !== '') {
      conditions.push(sql`(${holds(texts, text)} or keys.owner_id in (
        select users.id from users where ${holds(sql`users.email`, text)} ${ownAccount}))`)
    }
    if (unusedSince !== undefined) {
      conditions.push(sql`coalesce(keys.last_used_at, keys.created_at) < ${unusedSince}`)
    }
    if (expires !== undefined) {
      conditions.push(sql`${EXPIRY} > ${expires.now} and ${EXPIRY} < ${expires.before}
        and keys.status <> 'revoked'`)
    }
    if (ownerLeft !== undefined) {
      conditions.push(sql`keys.owner_id ${ownerLeft ? sql`in` : sql`not in`} (
        select users.id from users where users.left_at is not null ${ownAccount})`)
    }
    return conditions
  }

  /**
   * PostgreSQL takes a third of all rows to hold a text, and would read along an index to find them.
   * Of all accounts, no index has the order.
   */
  const isScanned = ({ text, accountId }: KeyQuestions) =>
    engine.sql === 'postgres' && (Boolean(text) || accountId === undefined)

  /**
   * SQLite counts no rows before it chooses an index. Where few keys answer, it is to read all of the
   * account as they lie in the file: in any other order each would be fetched by itself.
   */
  function keysFor(asked: KeyQuestions, order?: KeyOrder): RawBuilder<unknown> {
    const { accountId, ownerId, developerId, expires, ...others } = asked
    const isNarrow = (ownerId ?? developerId ?? expires) !== undefined
    const isAll = Object.values(others).every(
      (question) => question === undefined || question === '',
    )
    const isAlongIndex = isAll && (order === 'name' || order === 'expiry')
    return engine.sql === 'sqlite' && accountId !== undefined && !isNarrow && !isAlongIndex
      ? sql`keys indexed by keys_by_account`
      : sql`keys`
  }

  async function search({ order, after, limit, counted = 0, ...asked }: KeySearch) {
    const { descends } = ORDERS[order]
    const isById = order === 'newest' || order === 'oldest'
    const by = (isScanned(asked) ? SCANNED[order] : undefined) ?? ORDERS[order].by
    const conditions = conditionsOf(asked)
    const [way, past] = descends ? [sql`desc`, sql`<`] : [sql`asc`, sql`>`]
    const seen = after === undefined ? null : readCursor(after, order)
    if (isById) conditions.push(sql`keys.id ${past} ${seen?.id ?? (descends ? LAST_ID : '')}`)
    else if (seen !== null)
      conditions.push(sql`(${by}, keys.id) ${past} (${seen.value}, ${seen.id})`)
    const orderBy = isById ? sql`id ${way}` : sql`sorted_by ${way}, id ${way}`
    // (One reading finds the page and counts: a rare text costs all of the account's keys but once.)
    const rows = await read(sql<Found>`
      with found as materialized (
        select keys.id, ${by} as sorted_by from ${keysFor(asked, order)} ${whereOf(conditions)}
        order by ${orderBy} limit ${Math.max(limit + 1, counted)}
      )
      select keys.*, page.sorted_by, (select count(*) from found) as counted,
        accounts.name as account_name, users.email,
        users.username, users.left_at, sites.name as site_name, sources.name as source_name,
        developers.name as developer_name
      from (select * from found order by ${orderBy} limit ${limit + 1}) page
        ${pageFirst} keys on keys.id = page.id
        join accounts on accounts.id = keys.account_id
        join users on users.id = keys.owner_id
        left join sites on sites.id = keys.site_id
        left join sources on sources.id = keys.source_id
        left join developers on developers.id = keys.developer_id
      order by ${isById ? sql`` : sql`page.sorted_by ${way},`} page.id ${way}`)
    const last = rows[limit - 1]
    return {
      keys: rows.slice(0, limit).map(toListed),
      next: rows.length > limit && last !== undefined ? cursorOf(last) : null,
      count: Number(rows[0]?.counted ?? 0),
    }
  }

  return {
    searchKeys: search,

    async countKeys(asked, most) {
      const [row] = await read(sql<{ n: number }>`
        select count(*) as n from (
          select 1 from ${keysFor(asked)} ${whereOf(conditionsOf(asked))} limit ${most}
        ) counted`)
      return Number(row?.n ?? 0)
    },

    async findKeyOfSource(sourceId) {
      const [row] = await read(sql<Tables['keys']>`
        select * from keys where source_id = ${sourceId} and status <> 'revoked'`)
      return row === undefined ? null : toSummary(row)
    },

    listUsesOf: async (keyIds, fromDay) =>
      read(sql<{ keyId: string; day: number; uses: number }>`
        select key_id as "keyId", day, uses from key_uses
        where key_id in ${anyOf(engine, JSON.stringify(keyIds))} and day >= ${fromDay}
        order by key_id, day`),
  }
}

const whereOf = (conditions: readonly RawBuilder<unknown>[]) =>
  conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`

const cursorOf = ({ sorted_by, id }: Found) => JSON.stringify([sorted_by, id])

/** One that nobody was given, or for a list in another order, is refused. */
function readCursor(text: string, order: KeyOrder): { value: string | number; id: string } {
  try {
    const [value, id] = JSON.parse(text) as unknown[]
    const isText = order === 'newest' || order === 'oldest' || order === 'name'
    const isValue = isText ? typeof value === 'string' : Number.isSafeInteger(value)
    if (isValue && typeof id === 'string') return { value: value as string | number, id }
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof TypeError)) throw error
  }
  throw new DamagedCursor()
}

const toListed = (row: Found): ListedKey => ({
  ...toSummary(row),
  accountName: row.account_name,
  owner: { email: row.email, username: row.username, leftAt: row.left_at },
  siteName: row.site_name,
  sourceName: row.source_name,
  developerName: row.developer_name,
})

import { sql } from 'kysely'
import type { KeyType } from '../domain/key-type.ts'
import type {
  DashboardStorage,
  HourlyTraffic,
  KeyTypeCount,
  NamedRow,
  TrafficSpans,
  TrafficStorage,
} from '../service/ports/dashboard.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, expandJsonList } from './statements.ts'
import type { Tables } from './tables.ts'

type NamesRow = { readonly id: string } & {
  readonly [Column in `${NamedRow['kind']}_${'name' | 'account'}`]: string | null
}
const NAMED_KINDS = [
  'key',
  'user',
  'account',
  'source',
  'destination',
  'subscription',
  'site',
  'developer',
] as const satisfies readonly NamedRow['kind'][]

/** Reads the counts and names that the dashboard shows. */
export function createDashboardStorage(
  engine: Engine,
  compiler: StatementCompiler,
): DashboardStorage {
  const sqlStatement = createSqlWriter(compiler)
  const countByKeyType = sqlStatement<
    { since: number; now: number; accountId: string | null },
    Pick<Tables['keys'], 'key_type'> & Omit<KeyTypeCount, 'keyType'>
  >(
    (arg) => sql`
      select key_type,
        sum(case when status = 'enabled' and (expires_at is null or expires_at > ${arg('now')})
          then 1 else 0 end) as usable,
        sum(case when last_used_at >= ${arg('since')} then 1 else 0 end) as used
      from keys
      where cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')}
      group by key_type order by key_type`,
  )
  // D1 accepts no union of so many tables.
  const names = sqlStatement<{ ids: string }, NamesRow>(
    (arg) => sql`
      with asked (id) as ${expandJsonList(engine, arg('ids'))}
      select asked.id, keys.name as key_name, keys.account_id as key_account,
        coalesce(users.username, users.email) as user_name, users.account_id as user_account,
        accounts.name as account_name, accounts.id as account_account,
        sources.name as source_name, sources.account_id as source_account,
        destinations.name as destination_name, destinations.account_id as destination_account,
        senders.name || ' → ' || receivers.name as subscription_name,
        senders.account_id as subscription_account,
        sites.name as site_name, sites.account_id as site_account,
        developers.name as developer_name, developers.account_id as developer_account
      from asked
        left join keys on keys.id = asked.id
        left join users on users.id = asked.id
        left join accounts on accounts.id = asked.id
        left join sources on sources.id = asked.id
        left join destinations on destinations.id = asked.id
        left join subscriptions on subscriptions.id = asked.id
        left join sources senders on senders.id = subscriptions.source_id
        left join destinations receivers on receivers.id = subscriptions.destination_id
        left join sites on sites.id = asked.id
        left join developers on developers.id = asked.id`,
  )

  return {
    async countKeysByType({ accountId, ...query }) {
      const rows = await engine.scan(countByKeyType({ ...query, accountId: accountId ?? null }))
      return rows.map(({ key_type, usable, used }) => ({
        keyType: key_type,
        usable: Number(usable),
        used: Number(used),
      }))
    },

    async findRowNames({ ids, accountId }) {
      if (ids.length === 0) return []
      const rows = await engine.read(names({ ids: JSON.stringify([...new Set(ids)]) }))
      return rows.flatMap((row) =>
        NAMED_KINDS.flatMap((kind) => {
          const [name, owner] = [row[`${kind}_name`], row[`${kind}_account`]]
          return name !== null && owner !== null && owner === (accountId ?? owner)
            ? [{ id: row.id, kind, name, accountId: owner }]
            : []
        }),
      )
    },
  }
}

type TrafficRow = Tables['traffic']
type TrafficSumRow = Omit<TrafficRow, 'account_id' | 'hour'> & { readonly span: number }

/** Stores the outcomes of requests by hour. */
export function createTrafficStorage(engine: Engine, compiler: StatementCompiler): TrafficStorage {
  const sqlStatement = createSqlWriter(compiler)
  const add = sqlStatement<TrafficRow>(
    (arg) => sql`
      insert into traffic (account_id, hour, key_type, outcome, requests)
      values (${arg('account_id')}, ${arg('hour')}, ${arg('key_type')}, ${arg('outcome')},
        ${arg('requests')})
      on conflict (account_id, hour, key_type, outcome)
      do update set requests = traffic.requests + excluded.requests`,
  )
  const sum = sqlStatement<TrafficSpans, TrafficSumRow>(
    (arg) => sql`
      select (hour - cast(${arg('fromHour')} as bigint)) / cast(${arg('hours')} as bigint) as span,
        key_type, outcome, sum(requests) as requests
      from traffic where hour >= ${arg('fromHour')} group by span, key_type, outcome
      order by span, key_type, outcome`,
  )
  const sumOfAccount = sqlStatement<TrafficSpans & { accountId: string }, TrafficSumRow>(
    (arg) => sql`
      select (hour - cast(${arg('fromHour')} as bigint)) / cast(${arg('hours')} as bigint) as span,
        key_type, outcome, sum(requests) as requests
      from traffic where account_id = ${arg('accountId')} and hour >= ${arg('fromHour')}
      group by span, key_type, outcome order by span, key_type, outcome`,
  )
  const purge = sqlStatement<{ before: number }>(
    (arg) => sql`delete from traffic where hour < ${arg('before')}`,
  )

  return {
    async addTraffic(counts) {
      if (counts.length === 0) return
      // All writers use one order, so that two of them do not deadlock.
      const rows = counts
        .map(toTrafficRow)
        .sort((a, b) => (formatTrafficKey(a) < formatTrafficKey(b) ? -1 : 1))
      await engine.atomic(rows.map((row) => add(row)))
    },

    async sumTraffic({ accountId, ...spans }) {
      const step = accountId === undefined ? sum(spans) : sumOfAccount({ ...spans, accountId })
      return (await engine.scan(step)).map((row) => ({
        span: Number(row.span),
        keyType: row.key_type === NO_VALUE ? null : (row.key_type as KeyType),
        outcome: row.outcome as HourlyTraffic['outcome'],
        requests: Number(row.requests),
      }))
    },

    async purgeTraffic(before) {
      const [purged = 0] = await engine.atomic([purge({ before })])
      return purged
    },
  }
}

/** Stands for null, because a column of a primary key cannot be null. */
const NO_VALUE = ''

const toTrafficRow = ({ accountId, keyType, ...counts }: HourlyTraffic): TrafficRow => ({
  ...counts,
  account_id: accountId ?? NO_VALUE,
  key_type: keyType ?? NO_VALUE,
})

const formatTrafficKey = ({ account_id, hour, key_type, outcome }: TrafficRow) =>
  [account_id, hour, key_type, outcome].join('\0')

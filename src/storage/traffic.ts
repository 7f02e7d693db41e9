import { sql } from 'kysely'
import type { Dialect } from '../domain/dialect.ts'
import type { Spans, Traffic, TrafficStorage } from '../service/ports/traffic.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Tables } from './tables.ts'
import { writer } from './written.ts'

type Row = Tables['traffic']

/** What came of requests, hour by hour. */
export function createTraffic(engine: Engine, compiler: Compiler): TrafficStorage {
  const written = writer(compiler)
  const add = written<Row>(
    (arg) => sql`
      insert into traffic (account_id, hour, dialect, outcome, requests)
      values (${arg('account_id')}, ${arg('hour')}, ${arg('dialect')}, ${arg('outcome')},
        ${arg('requests')})
      on conflict (account_id, hour, dialect, outcome)
      do update set requests = traffic.requests + excluded.requests`,
  )
  const list = written<{ fromHour: number }, Row>(
    (arg) => sql`
      select * from traffic where hour >= ${arg('fromHour')}
      order by hour, account_id, dialect, outcome`,
  )
  const listOf = written<{ fromHour: number; accountId: string }, Row>(
    (arg) => sql`
      select * from traffic
      where account_id = ${arg('accountId')} and hour >= ${arg('fromHour')}
      order by hour, dialect, outcome`,
  )
  const sum = written<Spans, Row & { span: number }>(
    (arg) => sql`
      select (hour - cast(${arg('fromHour')} as bigint)) / cast(${arg('hours')} as bigint) as span,
        dialect, outcome, sum(requests) as requests
      from traffic where hour >= ${arg('fromHour')} group by span, dialect, outcome
      order by span, dialect, outcome`,
  )
  const sumOf = written<Spans & { accountId: string }, Row & { span: number }>(
    (arg) => sql`
      select (hour - cast(${arg('fromHour')} as bigint)) / cast(${arg('hours')} as bigint) as span,
        dialect, outcome, sum(requests) as requests
      from traffic where account_id = ${arg('accountId')} and hour >= ${arg('fromHour')}
      group by span, dialect, outcome order by span, dialect, outcome`,
  )
  const purge = written<{ before: number }>(
    (arg) => sql`delete from traffic where hour < ${arg('before')}`,
  )

  return {
    async addTraffic(counted) {
      if (counted.length === 0) return
      // In one order, whoever writes: two that lock the same rows crosswise would wait for each other.
      const rows = counted.map(toRow).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
      await engine.atomic(rows.map((row) => add(row)))
    },

    async listTraffic(fromHour, accountId) {
      const step = accountId === undefined ? list({ fromHour }) : listOf({ fromHour, accountId })
      return (await engine.read(step)).map(toTraffic)
    },

    async sumTraffic({ accountId, ...asked }) {
      const step = accountId === undefined ? sum(asked) : sumOf({ ...asked, accountId })
      return (await engine.read(step)).map((row) => {
        const { dialect, outcome, requests } = toTraffic(row)
        return { span: Number(row.span), dialect, outcome, requests: Number(requests) }
      })
    },

    async purgeTraffic(before) {
      const [purged = 0] = await engine.atomic([purge({ before })])
      return purged
    },
  }
}

/** A column of a primary key cannot be null. */
const NONE = ''

const toRow = ({ accountId, dialect, ...counted }: Traffic): Row => ({
  ...counted,
  account_id: accountId ?? NONE,
  dialect: dialect ?? NONE,
})

const toTraffic = (row: Row): Traffic => ({
  hour: row.hour,
  accountId: row.account_id === NONE ? null : row.account_id,
  dialect: row.dialect === NONE ? null : (row.dialect as Dialect),
  outcome: row.outcome as Traffic['outcome'],
  requests: row.requests,
})

const keyOf = ({ account_id, hour, dialect, outcome }: Row) =>
  [account_id, hour, dialect, outcome].join('\0')

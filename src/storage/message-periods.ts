import { sql } from 'kysely'
import type { MessageFilter, NewMessage } from '../service/ports/messages.ts'
import type { Engine, StatementCompiler, Step } from './engine.ts'
import { createCache, createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

/** Ids begin with the time, so that messages whose ids begin alike arrived within 17 minutes. */
const PERIOD_LENGTH = 7
/** Sorts after every id that begins with the text before it. */
const AFTER_HEX_DIGITS = 'g'
/** Stands in the place of an owner for all test messages. */
const TEST_OWNER = 'test'
/** Beyond this number, periods are written again. */
const MAX_KNOWN_PERIODS = 100_000

/** The number of periods that are read at once. */
const PERIOD_PAGE_SIZE = 50

/** A range of message ids, without its ends. */
interface MessageRange {
  readonly from: string
  readonly before: string
}
type PeriodRow = Pick<Tables['message_periods'], 'period'>

/**
 * Stores the periods in which an account, a source, a destination or a subscription had messages, so that
 * a list of rare ones reads no others. An index of all messages would make each of them more expensive.
 */
export function createMessagePeriods(engine: Engine, compiler: StatementCompiler) {
  const sqlStatement = createSqlWriter(compiler)
  const add = sqlStatement<Tables['message_periods']>(
    (arg) => sql`
      insert into message_periods (owner_id, period) values (${arg('owner_id')}, ${arg('period')})
      on conflict do nothing`,
  )
  const addOfAccount = sqlStatement<{ sourceId: string; period: string }>(
    (arg) => sql`
      insert into message_periods (owner_id, period)
      select account_id, cast(${arg('period')} as text) from sources where id = ${arg('sourceId')}
      on conflict do nothing`,
  )
  const lists = createCache<(args: Record<string, unknown>) => Step<PeriodRow>>()
  const createList = ([first = '', ...others]: readonly string[]) =>
    sqlStatement<Record<string, unknown>, PeriodRow>((arg) => {
      const isShared = (name: string) => sql`and exists (
        select 1 from message_periods where owner_id = ${arg(name)} and period = shared.period)`
      return sql`
        select period from message_periods shared
        where owner_id = ${arg(first)} and period < ${arg('before')}
          ${sql.join(others.map(isShared), sql` `)}
        order by period desc limit ${arg('limit')}`
    })

  /** The newest period of each source and subscription, and of test messages, that this process has added. */
  const knownPeriods = new Map<string, string>()

  return {
    /** Returns the steps that add the message's period, if this process has not added it before. */
    createSteps({ id, sourceId, test, deliveries }: NewMessage): Step[] {
      const period = id.slice(0, PERIOD_LENGTH)
      const isNew = (owner: string) => knownPeriods.get(owner) !== period
      const steps: Step[] = []
      if (isNew(sourceId)) {
        steps.push(add({ owner_id: sourceId, period }), addOfAccount({ sourceId, period }))
      }
      for (const { subscriptionId, destinationId } of deliveries) {
        if (!isNew(subscriptionId)) continue
        const pair = formatPair(sourceId, destinationId)
        for (const owner_id of [destinationId, subscriptionId, pair]) {
          steps.push(add({ owner_id, period }))
        }
      }
      if (test && isNew(TEST_OWNER)) steps.push(add({ owner_id: TEST_OWNER, period }))
      return steps
    },

    /** Call it when the steps, if there were any, have been written. */
    remember({ id, sourceId, test, deliveries }: NewMessage): void {
      const period = id.slice(0, PERIOD_LENGTH)
      if (knownPeriods.size > MAX_KNOWN_PERIODS) knownPeriods.clear()
      knownPeriods.set(sourceId, period)
      for (const { subscriptionId } of deliveries) knownPeriods.set(subscriptionId, period)
      if (test) knownPeriods.set(TEST_OWNER, period)
    },

    /** Yields the ranges that have all messages of the filter's owners, the newest first. */
    async *listRanges(filter: MessageFilter, before: string): AsyncGenerator<MessageRange> {
      const owners = getFilteredOwners(filter)
      const names = Object.keys(owners)
      if (names.length === 0) yield { from: '', before }
      if (names.length === 0) return
      const list = lists(String(names), () => createList(names))
      for (let end: string | undefined = before; end !== undefined; ) {
        const rows: PeriodRow[] = await engine.scan(
          list({ ...owners, before: end, limit: PERIOD_PAGE_SIZE }),
        )
        end = rows.at(-1)?.period
        for (const { period } of rows) {
          const periodEnd = `${period}${AFTER_HEX_DIGITS}`
          yield { from: period, before: periodEnd < before ? periodEnd : before }
        }
      }
    },
  }
}

/** Stands for the messages from a source to a destination, which may each have many others. */
const formatPair = (sourceId: string, destinationId: string) => `${sourceId} ${destinationId}`

/** Returns the owners that a filter names, those with the fewest messages first. */
function getFilteredOwners(filter: MessageFilter): Readonly<Record<string, string>> {
  const { subscriptionId, destinationId, sourceId, accountId } = filter
  const hasPair = sourceId !== undefined && destinationId !== undefined
  const owners = Object.entries({
    subscriptionId,
    ...(hasPair ? { pair: formatPair(sourceId, destinationId) } : { destinationId, sourceId }),
    test: filter.test === true ? TEST_OWNER : undefined,
    accountId,
  })
  return Object.fromEntries(
    owners.filter((owner): owner is [string, string] => owner[1] !== undefined),
  )
}

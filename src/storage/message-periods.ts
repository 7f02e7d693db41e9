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
/** Beyond this number, the periods of owners are written again. */
const MAX_KNOWN_OWNERS = 100_000

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

  const knownPeriods = new Map<string, string>()

  return {
    /** Returns the steps that add the message's period, if this process has not added it before. */
    createSteps(message: NewMessage): Step[] {
      const period = message.id.slice(0, PERIOD_LENGTH)
      const owners = listOwners(message).filter((id) => knownPeriods.get(id) !== period)
      const steps = owners.map((owner_id) => add({ owner_id, period }))
      const { sourceId } = message
      return owners.includes(sourceId) ? [...steps, addOfAccount({ sourceId, period })] : steps
    },

    /** Call it when the steps, if there were any, have been written. */
    remember(message: NewMessage): void {
      const period = message.id.slice(0, PERIOD_LENGTH)
      if (knownPeriods.size > MAX_KNOWN_OWNERS) knownPeriods.clear()
      for (const id of listOwners(message)) knownPeriods.set(id, period)
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

const listOwners = ({ sourceId, test, deliveries }: NewMessage): string[] => [
  sourceId,
  ...deliveries.flatMap(({ destinationId, subscriptionId }) => [
    destinationId,
    subscriptionId,
    formatPair(sourceId, destinationId),
  ]),
  ...(test ? [TEST_OWNER] : []),
]

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

import { type RawBuilder, sql } from 'kysely'
import type {
  ChainPosition,
  Checkpoint,
  SealedEvent,
  UnsealedEvent,
} from '../domain/audit-chain.ts'
import type {
  AuditEvent,
  AuditEventFacts,
  AuditStorage,
  EventFilter,
  RecordedEvent,
} from '../service/ports/audit.ts'
import type { Page } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import {
  createEventInsert,
  type EventRow,
  selectAccountIdFrom,
  selectSubjectAccountId,
  toEventRow,
} from './audited-changes.ts'
import type { Engine, Statement, StatementCompiler, Step } from './engine.ts'
import { type Arg, createCache, createSqlWriter, expandJsonList } from './statements.ts'
import type { Tables } from './tables.ts'

type EventMethods = Pick<ResourceStorage, 'listEvents'> &
  Pick<AuditStorage, 'addEvents' | 'listRequestEvents'>

type EventQuery = Required<EventFilter> & {
  before: string
  limit: number
  /** A JSON list of the names that older versions gave to the filter's actions. */
  oldActions: string
}
type FoundEventRow = EventRow & Pick<Tables['audit_events'], 'account_id'>

/** Actions whose subject is a key or `nobody`. Each request may add such an event. */
const KEY_ACTIONS: readonly string[] = ['token.issued', 'token.refreshed', 'key.refused']

const EVENT_COLUMNS = sql`id, at, actor, action, subject, facts, request_id, account_id`

/** The condition of each filter. */
const EVENT_CONDITIONS = {
  accountId: (arg: Arg<EventQuery>) => sql`account_id = ${arg('accountId')}`,
  subject: (arg: Arg<EventQuery>) => sql`subject = ${arg('subject')}`,
  actor: (arg: Arg<EventQuery>) => sql`actor = ${arg('actor')}`,
  action: (arg: Arg<EventQuery>, oldActions: RawBuilder<unknown>) =>
    sql`(action = ${arg('action')} or action in ${oldActions})`,
  actionPrefix: (arg: Arg<EventQuery>, oldActions: RawBuilder<unknown>) => sql`(
    substr(action, 1, length(cast(${arg('actionPrefix')} as text))) = ${arg('actionPrefix')}
    or action in ${oldActions})`,
  since: (arg: Arg<EventQuery>) => sql`at >= ${arg('since')}`,
  until: (arg: Arg<EventQuery>) => sql`at < ${arg('until')}`,
} satisfies Record<keyof EventFilter, unknown>
const EVENT_FILTER_NAMES = Object.keys(EVENT_CONDITIONS) as (keyof EventFilter)[]

/** Adds events that were buffered off the hot path, and lists events. */
export function createEventStorage(engine: Engine, compiler: StatementCompiler): EventMethods {
  const sqlStatement = createSqlWriter(compiler)
  const createAdd = (selectAccount: (subject: unknown) => RawBuilder<unknown>) =>
    createEventInsert(compiler, (arg) => ({
      account: selectAccount(arg('subject')),
      // (`where true`: without it SQLite reads the conflict as part of a join.)
      where: sql`where true on conflict (id) do nothing`,
    }))
  const addAny = createAdd(selectSubjectAccountId)
  /** PostgreSQL prepares to read every table that a statement names, which is half the cost of an insert. */
  const addOfKey = createAdd((subject) => selectAccountIdFrom('keys', subject))
  const add = (event: AuditEvent): Step =>
    (KEY_ACTIONS.includes(event.action) ? addOfKey : addAny)(toEventRow(event))

  const selectByRequest = sqlStatement<
    { requestId: string; accountId: string | null },
    FoundEventRow
  >(
    (arg) => sql`
      select ${EVENT_COLUMNS} from audit_events where request_id = ${arg('requestId')}
        and (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
      order by id`,
  )

  // Each set of filters has a statement of its own, so that each uses the index that it can. The order is
  // that of two indexes, by time: a page ends at its limit or its date, however many events are older.
  const lists = createCache<Statement<EventQuery, FoundEventRow>>()
  const createList = (filterNames: readonly (keyof EventFilter)[], hasCursor: boolean) =>
    sqlStatement<EventQuery, FoundEventRow>((arg) => {
      const oldActions = expandJsonList(engine, arg('oldActions'))
      const conditions = filterNames.map((filterName) =>
        EVENT_CONDITIONS[filterName](arg, oldActions),
      )
      // A cursor with the id of another account's event must tell nothing about that event.
      const visibleTo = filterNames.includes('accountId')
        ? sql`and seen.account_id = ${arg('accountId')}`
        : sql``
      if (hasCursor) {
        conditions.push(
          sql`(at, id) < (
            select seen.at, seen.id from audit_events seen where seen.id = ${arg('before')} ${visibleTo})`,
        )
      }
      const where = conditions.length > 0 ? sql`where ${sql.join(conditions, sql` and `)}` : sql``
      return sql`
        select ${EVENT_COLUMNS} from audit_events ${where} order by at desc, id desc limit ${arg('limit')}`
    })

  return {
    async addEvents(events) {
      if (events.length > 0) await engine.atomic(events.map(add), { isBackground: true })
    },

    async listRequestEvents({ requestId, accountId = null }) {
      return (await engine.read(selectByRequest({ requestId, accountId }))).map(toRecordedEvent)
    },

    async listEvents({ after, limit, ...filter }: Page & EventFilter) {
      const filterNames = EVENT_FILTER_NAMES.filter((name) => filter[name] !== undefined)
      const hasCursor = after !== undefined
      const list = lists(String([...filterNames, hasCursor]), () =>
        createList(filterNames, hasCursor),
      )
      const oldActions = JSON.stringify(listOldActions(filter))
      const values = { ...filter, oldActions, before: after ?? '', limit } as EventQuery
      return (await engine.scan(list(values))).map(toRecordedEvent)
    },
  }
}

const toRecordedEvent = ({
  request_id,
  account_id,
  facts,
  ...row
}: EventRow & Pick<Tables['audit_events'], 'account_id'>): RecordedEvent => ({
  ...row,
  ...renameEvent({ action: row.action, facts: JSON.parse(facts) }),
  requestId: request_id,
  accountId: account_id,
})

/*
 * The names in events that older versions wrote. Sealed events are never rewritten: they are read, and
 * found, under today's names.
 */

const RENAMED_ACTIONS: ReadonlyMap<string, string> = new Map([
  ['account.addresses_enforced', 'account.ip_allowlist_enforced'],
  ['account.addresses_open', 'account.ip_allowlist_enforcement_stopped'],
  ['account.departed_keys_set', 'account.offboarding_policy_set'],
  ['account.removed', 'account.deleted'],
  ['address.added', 'ip_allowlist_entry.added'],
  ['address.removed', 'ip_allowlist_entry.deleted'],
  ['destination.doubted', 'destination.marked_unverified'],
  ['destination.moved', 'destination.url_changed'],
  ['destination.removed', 'destination.deleted'],
  ['destination.vouched_for', 'destination.marked_verified'],
  ['developer.removed', 'developer.deleted'],
  ['site.removed', 'site.deleted'],
  ['source.removed', 'source.deleted'],
  ['subscription.removed', 'subscription.deleted'],
  ['user.left', 'user.deactivated'],
  ['user.removed', 'user.deleted'],
])

const RENAMED_FACTS: ReadonlyMap<string, string> = new Map([
  ['dialect', 'keyType'],
  ['departedKeys', 'offboardingPolicy'],
])

const RENAMED_REASONS: ReadonlyMap<unknown, string> = new Map([['guessing', 'failures_exceeded']])

/** Returns a stored event under today's names of its action and facts. */
const renameEvent = ({
  action,
  facts,
}: Pick<AuditEvent, 'action' | 'facts'>): Pick<AuditEvent, 'action' | 'facts'> => ({
  action: RENAMED_ACTIONS.get(action) ?? action,
  facts: renameFacts(facts),
})

const renameFacts = (facts: AuditEventFacts): AuditEventFacts =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      RENAMED_FACTS.get(name) ?? name,
      name === 'reason' ? (RENAMED_REASONS.get(value) ?? value) : value,
    ]),
  )

/** Lists the old names of the actions that a filter selects. */
const listOldActions = ({ action, actionPrefix }: EventFilter): string[] =>
  [...RENAMED_ACTIONS]
    .filter(
      ([, name]) =>
        name === action || (actionPrefix !== undefined && name.startsWith(actionPrefix)),
    )
    .map(([oldAction]) => oldAction)

type AuditChainMethods = Omit<AuditStorage, 'addEvents' | 'listRequestEvents'>
type ChainLink = ChainPosition & { readonly id: string }

/** Stores each event's place in the chain, and the checkpoints. */
export function createAuditChainStorage(
  engine: Engine,
  compiler: StatementCompiler,
): AuditChainMethods {
  const sqlStatement = createSqlWriter(compiler)
  const selectEnd = sqlStatement<object, ChainPosition>(
    () => sql`select sequence, seal from audit_chain`,
  )

  /** Guards a sealing: of many at once, only one finds the end unchanged. */
  const moveEnd = sqlStatement<{ from: number; fromSeal: string; to: number; toSeal: string }>(
    (arg) => sql`
      update audit_chain set sequence = ${arg('to')}, seal = ${arg('toSeal')}
      where sequence = ${arg('from')} and seal = ${arg('fromSeal')}`,
  )
  const seal = sqlStatement<ChainLink & { endSeal: string }>(
    (arg) => sql`
      update audit_events set sequence = ${arg('sequence')}, seal = ${arg('seal')}
      where id = ${arg('id')} and sequence is null
        and exists (select 1 from audit_chain where audit_chain.seal = ${arg('endSeal')})`,
  )

  const chainColumns = sql`id, at, actor, action, subject, request_id as "requestId", facts`
  const selectUnsealed = sqlStatement<{ limit: number }, UnsealedEvent>(
    (arg) => sql`
      select ${chainColumns} from audit_events
      where sequence is null order by id limit ${arg('limit')}`,
  )
  const selectSealed = sqlStatement<{ after: number; limit: number }, SealedEvent>(
    (arg) => sql`
      select ${chainColumns}, sequence, seal from audit_events
      where sequence is not null and sequence > ${arg('after')}
      order by sequence limit ${arg('limit')}`,
  )

  const insertCheckpoint = sqlStatement<Checkpoint>(
    (arg) => sql`
      insert into audit_checkpoints (sequence, first, seal, at, signature)
      values (${arg('sequence')}, ${arg('first')}, ${arg('seal')}, ${arg('at')}, ${arg('signature')})
      on conflict do nothing`,
  )
  const deleteRecentCheckpoints = sqlStatement<{ since: number; sequence: number; first: number }>(
    (arg) => sql`
      delete from audit_checkpoints where at >= ${arg('since')}
        and sequence < ${arg('sequence')} and sequence >= ${arg('first')}`,
  )
  const checkpointColumns = sql`sequence, first, seal, at, signature`
  const selectCheckpoints = sqlStatement<
    { sequence: number; first: number; limit: number },
    Checkpoint
  >(
    (arg) => sql`
      select ${checkpointColumns} from audit_checkpoints
      where (sequence, first) > (${arg('sequence')}, ${arg('first')})
      order by sequence, first limit ${arg('limit')}`,
  )
  const selectHighest = (order: RawBuilder<unknown>) =>
    sqlStatement<object, Checkpoint>(
      () => sql`select ${checkpointColumns} from audit_checkpoints order by ${order} limit 1`,
    )
  const selectLastCheckpoint = selectHighest(sql`sequence desc, first desc`)
  const selectStartCheckpoint = selectHighest(sql`first desc, sequence desc`)

  // A purge deletes only if its checkpoint is stored.
  const hasCheckpoint = (arg: Arg<Checkpoint>) => sql`exists (
    select 1 from audit_checkpoints as own where own.signature = ${arg('signature')})`
  const purge = sqlStatement<Checkpoint>(
    (arg) => sql`
      delete from audit_events where sequence < ${arg('first')} and ${hasCheckpoint(arg)}`,
  )
  const purgeCheckpoints = sqlStatement<Checkpoint>(
    (arg) => sql`
      delete from audit_checkpoints
      where (sequence + 1 < ${arg('first')}
        or (sequence = ${arg('sequence')} and first < ${arg('first')}))
      and ${hasCheckpoint(arg)}`,
  )

  return {
    async findChainEnd() {
      const [row] = await engine.read(selectEnd({}))
      if (row === undefined) throw new Error('audit_chain has no row')
      return row
    },

    listUnsealedEvents: async (limit) => engine.read(selectUnsealed({ limit })),

    async sealEvents(from, links) {
      const to = links.at(-1)
      if (to === undefined) return true
      const steps = [
        moveEnd({ from: from.sequence, fromSeal: from.seal, to: to.sequence, toSeal: to.seal }),
        ...links.map((link) => seal({ ...link, endSeal: to.seal })),
      ]
      const [moved] = await engine.atomic(steps, { isBackground: true })
      return moved === 1
    },

    listSealedEvents: async (after, limit) => engine.scan(selectSealed({ after, limit })),

    async addCheckpoint(checkpoint, since) {
      const { sequence, first } = checkpoint
      await engine.atomic(
        [insertCheckpoint(checkpoint), deleteRecentCheckpoints({ since, sequence, first })],
        { isBackground: true },
      )
    },

    listCheckpoints: async ({ sequence, first }, limit) =>
      engine.read(selectCheckpoints({ sequence, first, limit })),

    async findLastCheckpoint() {
      const [row] = await engine.read(selectLastCheckpoint({}))
      return row ?? null
    },

    async findStartCheckpoint() {
      const [row] = await engine.read(selectStartCheckpoint({}))
      return row ?? null
    },

    async purgeEvents(checkpoint) {
      const [, purged = 0] = await engine.atomic([
        insertCheckpoint(checkpoint),
        purge(checkpoint),
        purgeCheckpoints(checkpoint),
      ])
      return purged
    },
  }
}

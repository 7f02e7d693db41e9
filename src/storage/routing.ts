import type { DestinationSummary, Source } from '../service/ports/routing.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import type { TableStatements } from './statements.ts'
import { ALL_DATA_MODELS, type Tables } from './tables.ts'

type RoutingMethods = Pick<
  ResourceStorage,
  | 'addSource'
  | 'listSources'
  | 'findSource'
  | 'addDestination'
  | 'setDestinationUrl'
  | 'setDestinationVerified'
  | 'verifyDestination'
  | 'setVerificationToken'
  | 'findSealedVerificationToken'
  | 'listDestinations'
  | 'findDestination'
  | 'addSubscription'
  | 'setSubscriptionStatus'
  | 'findSubscriptionTarget'
>

/** The columns of its queue start with the defaults of schema.sql. */
type NewSubscriptionRow = Omit<
  Tables['subscriptions'],
  'due_at' | 'attempts' | 'leased_by' | 'leased_until'
>

/** Stores sources, destinations, and the subscriptions between them. */
export function createRoutingStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): RoutingMethods {
  const readSourcePage = rows.page('sources', 'account_id', toSource)
  const addSource = rows.insertUnlessTaken('sources')

  const readDestinationPage = rows.page('destinations', 'account_id', toDestination)
  const addDestination = rows.insertUnlessTaken('destinations')
  const setVerified = compiler.withArguments<
    Pick<Tables['destinations'], 'id' | 'verified_at' | 'event_id'>
  >()((db, arg) =>
    db
      .updateTable('destinations')
      .set({ verified_at: arg('verified_at'), event_id: arg('event_id') })
      .where('id', '=', arg('id')),
  )
  const setUrl = compiler.withArguments<{ id: string; url: string; event_id: string }>()(
    (db, arg) =>
      db
        .updateTable('destinations')
        .set({ url: arg('url'), verified_at: null, event_id: arg('event_id') })
        .where('id', '=', arg('id')),
  )
  // In SQL, a token that is null on both sides would equal nothing.
  const verify = compiler.withArguments<{
    id: string
    url: string
    token: string
    verified_at: number
    event_id: string
  }>()((db, arg) =>
    db
      .updateTable('destinations')
      .set({ verified_at: arg('verified_at'), event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where('url', '=', arg('url'))
      .where((eb) => eb(eb.fn.coalesce('verification_token', eb.val('')), '=', arg('token'))),
  )
  const setToken = compiler.withArguments<
    Pick<Tables['destinations'], 'id' | 'verification_token' | 'verification_method' | 'event_id'>
  >()((db, arg) =>
    db
      .updateTable('destinations')
      .set({
        verification_token: arg('verification_token'),
        verification_method: arg('verification_method'),
        verified_at: null,
        event_id: arg('event_id'),
      })
      .where('id', '=', arg('id')),
  )

  const selectReceiver = compiler.withArguments<{ id: string }>()((db, arg) =>
    db
      .selectFrom('subscriptions')
      .innerJoin('destinations', 'destinations.id', 'subscriptions.destination_id')
      .select(['destinations.id', 'destinations.name', 'destinations.verified_at as verifiedAt'])
      .where('subscriptions.id', '=', arg('id')),
  )
  // Inserts from the rows that it joins: nothing if one of them is missing.
  const addSubscription = compiler.withArguments<NewSubscriptionRow>()((db, arg) =>
    db
      .insertInto('subscriptions')
      .columns([
        'id',
        'source_id',
        'destination_id',
        'data_model',
        'status',
        'created_at',
        'event_id',
      ])
      .expression((eb) => {
        const text = <T>(value: T) => eb.cast<T>(eb.val(value), 'text')
        return eb
          .selectFrom('sources')
          .innerJoin('destinations', (join) =>
            join.on('destinations.id', '=', arg('destination_id')),
          )
          .select([
            text(arg('id')).as('id'),
            'sources.id as source_id',
            'destinations.id as destination_id',
            text(arg('data_model')).as('data_model'),
            text(arg('status')).as('status'),
            eb.cast<number>(eb.val(arg('created_at')), 'bigint').as('created_at'),
            text(arg('event_id')).as('event_id'),
          ])
          .where('sources.id', '=', arg('source_id'))
      })
      .onConflict((conflict) => conflict.doNothing()),
  )
  const setStatus = compiler.withArguments<
    Pick<Tables['subscriptions'], 'id' | 'status' | 'event_id'>
  >()((db, arg) =>
    db
      .updateTable('subscriptions')
      .set({ status: arg('status'), event_id: arg('event_id'), due_at: 0, attempts: 0 })
      .where('id', '=', arg('id')),
  )

  return {
    addSource: ({ accountId, createdAt, ...source }, event) =>
      audit.applyChange(
        'sources',
        addSource({ ...source, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    listSources: ({ accountId, ...page }) => readSourcePage(accountId, page),
    findSource: rows.findById('sources', toSource),

    addDestination: (destination, event) =>
      audit.applyChange(
        'destinations',
        addDestination({
          id: destination.id,
          account_id: destination.accountId,
          name: destination.name,
          url: destination.url,
          development: destination.development ? 1 : 0,
          verified_at: destination.verifiedAt,
          created_at: destination.createdAt,
          event_id: event.id,
          verification_token: destination.sealedToken,
          verification_method: destination.method,
        }),
        event,
      ),

    setDestinationUrl: (id, url, event) =>
      audit.applyChange('destinations', setUrl({ id, url, event_id: event.id }), event),

    setDestinationVerified: (id, at, event) =>
      audit.applyChange(
        'destinations',
        setVerified({ id, verified_at: at, event_id: event.id }),
        event,
      ),

    verifyDestination: (id, { url, sealedToken }, at, event) =>
      audit.applyChange(
        'destinations',
        verify({ id, url, token: sealedToken ?? '', verified_at: at, event_id: event.id }),
        event,
      ),

    setVerificationToken: (id, sealedToken, method, event) =>
      audit.applyChange(
        'destinations',
        setToken({
          id,
          verification_token: sealedToken,
          verification_method: method,
          event_id: event.id,
        }),
        event,
      ),

    findSealedVerificationToken: rows.findById('destinations', (row) => row.verification_token),
    listDestinations: ({ accountId, ...page }) => readDestinationPage(accountId, page),
    findDestination: rows.findById('destinations', toDestination),

    addSubscription: (subscription, event) =>
      audit.applyChange(
        'subscriptions',
        addSubscription({
          id: subscription.id,
          source_id: subscription.sourceId,
          destination_id: subscription.destinationId,
          data_model: subscription.dataModel ?? ALL_DATA_MODELS,
          status: subscription.status,
          created_at: subscription.createdAt,
          event_id: event.id,
        }),
        event,
      ),

    setSubscriptionStatus: (id, status, event) =>
      audit.applyChange('subscriptions', setStatus({ id, status, event_id: event.id }), event),

    async findSubscriptionTarget(subscriptionId) {
      const [row] = await engine.read(selectReceiver({ id: subscriptionId }))
      return row ?? null
    },
  }
}

const toSource = (row: Tables['sources']): Source => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  createdAt: row.created_at,
})

const toDestination = (row: Tables['destinations']): DestinationSummary => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  url: row.url,
  development: row.development === 1,
  verifiedAt: row.verified_at,
  method: row.verification_method,
  hasToken: row.verification_token !== null,
  createdAt: row.created_at,
})

import { sql } from 'kysely'
import type { DestinationSummary } from '../service/ports/routing.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import type { Arg, TableStatements } from './statements.ts'
import { ALL_DATA_MODELS, type Tables } from './tables.ts'

type RoutingMethods = Pick<
  ResourceStorage,
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

/** Stores destinations, and the subscriptions to them. */
export function createRoutingStorage(
  engine: Engine,
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): RoutingMethods {
  const readDestinationPage = rows.page('destinations', 'account_id', toDestination)
  const addDestination = rows.insertUnlessTaken('destinations')
  const setVerified = audit.createUpdate('destinations', ['verified_at'])
  const setUrl = audit.createUpdate('destinations', ['url', 'verified_at'])
  // In SQL, a token that is null on both sides would equal nothing.
  const verify = audit.createUpdate(
    'destinations',
    ['verified_at'],
    (arg: Arg<{ url: string; token: string }>) => sql`
      url = ${arg('url')} and coalesce(verification_token, '') = ${arg('token')}`,
  )
  const setToken = audit.createUpdate('destinations', [
    'verification_token',
    'verification_method',
    'verified_at',
  ])

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
  const setStatus = audit.createUpdate('subscriptions', ['status', 'due_at', 'attempts'])

  return {
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

    setDestinationUrl: (id, url, event) => setUrl({ id, url, verified_at: null }, event),

    setDestinationVerified: (id, at, event) => setVerified({ id, verified_at: at }, event),

    verifyDestination: (id, { url, sealedToken }, at, event) =>
      verify({ id, url, token: sealedToken ?? '', verified_at: at }, event),

    setVerificationToken: (id, sealedToken, method, event) =>
      setToken(
        {
          id,
          verification_token: sealedToken,
          verification_method: method,
          verified_at: null,
        },
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
      setStatus({ id, status, due_at: 0, attempts: 0 }, event),

    async findSubscriptionTarget(subscriptionId) {
      const [row] = await engine.read(selectReceiver({ id: subscriptionId }))
      return row ?? null
    },
  }
}

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

import { sql } from 'kysely'
import type {
  DestinationSummary,
  OperatorStorage,
  Source,
  SubscriptionSummary,
} from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Verbs = Pick<
  OperatorStorage,
  | 'addSource'
  | 'listSources'
  | 'findSource'
  | 'addDestination'
  | 'setDestinationUrl'
  | 'setDestinationVerified'
  | 'verifyDestination'
  | 'setDestinationToken'
  | 'findSealedToken'
  | 'listDestinations'
  | 'findDestination'
  | 'addSubscription'
  | 'setSubscriptionStatus'
  | 'listSubscriptions'
  | 'findSubscription'
  | 'findReceiver'
>

/** As a feed, it begins with what schema.sql gives it. */
type NewSubscription = Omit<
  Tables['subscriptions'],
  'due_at' | 'attempts' | 'leased_by' | 'leased_until'
>

/** How a subscription to every data model is written: a column of a unique index cannot be null. */
const EVERY_MODEL = '*'

/** Sources, destinations, and the subscriptions that join them. */
export function createRoutes(engine: Engine, compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const sourceOf = rows.byId('sources')
  const sourcePage = rows.page('sources', 'account_id')
  const addSource = rows.insertUnlessTaken('sources')

  const destinationOf = rows.byId('destinations')
  const destinationPage = rows.page('destinations', 'account_id')
  const addDestination = rows.insertUnlessTaken('destinations')
  const setVerified = compiler.taking<
    Pick<Tables['destinations'], 'id' | 'verified_at' | 'event_id'>
  >()((db, arg) =>
    db
      .updateTable('destinations')
      .set({ verified_at: arg('verified_at'), event_id: arg('event_id') })
      .where('id', '=', arg('id')),
  )
  const setUrl = compiler.taking<{ id: string; url: string; event_id: string }>()((db, arg) =>
    db
      .updateTable('destinations')
      .set({ url: arg('url'), verified_at: null, event_id: arg('event_id') })
      .where('id', '=', arg('id')),
  )
  // (A token that is null on both sides is equal to nothing in SQL.)
  const verify = compiler.taking<{
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
      .where((of) => of(of.fn.coalesce('verification_token', of.val('')), '=', arg('token'))),
  )
  const setToken = compiler.taking<
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

  const subscriptionOf = rows.byId('subscriptions')
  const subscriptionPage = rows.page('subscriptions', 'source_id')
  const subscriptionsOf = compiler.taking<{
    account: string
    source: string | null
    after: string
    limit: number
  }>()((db, arg) =>
    db
      .selectFrom('subscriptions')
      .innerJoin('sources', 'sources.id', 'subscriptions.source_id')
      .selectAll('subscriptions')
      .where('sources.account_id', '=', arg('account'))
      .where(
        sql<boolean>`(cast(${arg('source')} as text) is null or sources.id = ${arg('source')})`,
      )
      .where('subscriptions.id', '>', arg('after'))
      .orderBy('subscriptions.id')
      .limit(arg('limit')),
  )
  const receiverOf = compiler.taking<{ id: string }>()((db, arg) =>
    db
      .selectFrom('subscriptions')
      .innerJoin('destinations', 'destinations.id', 'subscriptions.destination_id')
      .select(['destinations.id', 'destinations.name', 'destinations.verified_at as verifiedAt'])
      .where('subscriptions.id', '=', arg('id')),
  )
  // From the rows that it joins, so that where one is missing nothing is inserted.
  const addSubscription = compiler.taking<NewSubscription>()((db, arg) =>
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
  const setStatus = compiler.taking<Pick<Tables['subscriptions'], 'id' | 'status' | 'event_id'>>()(
    (db, arg) =>
      db
        .updateTable('subscriptions')
        .set({ status: arg('status'), event_id: arg('event_id'), due_at: 0, attempts: 0 })
        .where('id', '=', arg('id')),
  )

  return {
    addSource: ({ accountId, createdAt, ...source }, event) =>
      audit.change(
        'sources',
        addSource({ ...source, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    async listSources({ accountId, ...page }) {
      return (await sourcePage(accountId, page)).map(toSource)
    },

    async findSource(id) {
      const row = await sourceOf(id)
      return row === undefined ? null : toSource(row)
    },

    addDestination: (destination, event) =>
      audit.change(
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
      audit.change('destinations', setUrl({ id, url, event_id: event.id }), event),

    setDestinationVerified: (id, at, event) =>
      audit.change('destinations', setVerified({ id, verified_at: at, event_id: event.id }), event),

    verifyDestination: (id, { url, sealedToken }, at, event) =>
      audit.change(
        'destinations',
        verify({ id, url, token: sealedToken ?? '', verified_at: at, event_id: event.id }),
        event,
      ),

    setDestinationToken: (id, sealedToken, method, event) =>
      audit.change(
        'destinations',
        setToken({
          id,
          verification_token: sealedToken,
          verification_method: method,
          event_id: event.id,
        }),
        event,
      ),

    async findSealedToken(id) {
      return (await destinationOf(id))?.verification_token ?? null
    },

    async listDestinations({ accountId, ...page }) {
      return (await destinationPage(accountId, page)).map(toDestination)
    },

    async findDestination(id) {
      const row = await destinationOf(id)
      return row === undefined ? null : toDestination(row)
    },

    addSubscription: (subscription, event) =>
      audit.change(
        'subscriptions',
        addSubscription({
          id: subscription.id,
          source_id: subscription.sourceId,
          destination_id: subscription.destinationId,
          data_model: subscription.dataModel ?? EVERY_MODEL,
          status: subscription.status,
          created_at: subscription.createdAt,
          event_id: event.id,
        }),
        event,
      ),

    setSubscriptionStatus: (id, status, event) =>
      audit.change('subscriptions', setStatus({ id, status, event_id: event.id }), event),

    async listSubscriptions({ sourceId, accountId, ...page }) {
      const { after = '', limit } = page
      const found =
        accountId === undefined
          ? subscriptionPage(sourceId, page)
          : engine.read(
              subscriptionsOf({ account: accountId, source: sourceId ?? null, after, limit }),
            )
      return (await found).map(toSubscription)
    },

    async findSubscription(id) {
      const row = await subscriptionOf(id)
      return row === undefined ? null : toSubscription(row)
    },

    async findReceiver(subscriptionId) {
      const [row] = await engine.read(receiverOf({ id: subscriptionId }))
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

const toSubscription = (row: Tables['subscriptions']): SubscriptionSummary => ({
  id: row.id,
  sourceId: row.source_id,
  destinationId: row.destination_id,
  dataModel: row.data_model === EVERY_MODEL ? null : row.data_model,
  status: row.status,
  createdAt: row.created_at,
})

import type { Key } from '../domain/key.ts'
import type { Routes, Subscription } from '../domain/route.ts'
import type { AuthorityStorage } from '../service/ports.ts'
import type { Compiler, Engine, RowOf } from './engine.ts'

/** The hot reads: what every request is judged by. */
export function createAuthority(engine: Engine, compiler: Compiler): AuthorityStorage {
  const readVersion = compiler.fixed((db) => db.selectFrom('authority').select('version'))

  const readKey = compiler.taking<{ publicId: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .innerJoin('accounts', 'accounts.id', 'keys.account_id')
      .select([
        'keys.id',
        'keys.account_id',
        'keys.public_id',
        'keys.source_id',
        'keys.status',
        'keys.expires_at',
        'keys.secret_hash',
        'keys.previous_secret_hash',
        'keys.previous_secret_ends_at',
        'keys.token_salt',
        'keys.token_epoch',
        'accounts.status as account_status',
        'accounts.region',
      ])
      .where('keys.public_id', '=', arg('publicId')),
  )

  const readSource = compiler.taking<{ keyId: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .innerJoin('sources', 'sources.id', 'keys.source_id')
      .select((eb) => [
        'sources.id',
        'sources.name',
        eb
          .case()
          .when(
            eb.exists(
              eb
                .selectFrom('keys as siblings')
                .select('siblings.id')
                .whereRef('siblings.account_id', '=', 'keys.account_id')
                .whereRef('siblings.id', '<>', 'keys.id')
                .where('siblings.status', '<>', 'revoked'),
            ),
          )
          .then(eb.lit(1))
          .else(eb.lit(0))
          .end()
          .as('has_siblings'),
      ])
      .where('keys.id', '=', arg('keyId')),
  )

  const readSubscriptions = compiler.taking<{ sourceId: string }>()((db, arg) =>
    db
      .selectFrom('subscriptions')
      .innerJoin('destinations', 'destinations.id', 'subscriptions.destination_id')
      .select([
        'subscriptions.id',
        'subscriptions.data_model',
        'subscriptions.destination_id',
        'destinations.name',
        'destinations.url',
        'destinations.verified_at',
      ])
      .where('subscriptions.source_id', '=', arg('sourceId'))
      .where('subscriptions.status', '=', 'active')
      .orderBy('subscriptions.id'),
  )

  type KeyRow = RowOf<typeof readKey>
  type SubscriptionRow = RowOf<typeof readSubscriptions>

  return {
    async authorityVersion() {
      const [row] = await engine.read(readVersion)
      if (row === undefined) throw new Error('the database has lost its authority row')
      return row.version
    },

    async findKey(publicId) {
      const [row] = await engine.read(readKey({ publicId }))
      return row === undefined ? null : toKey(row)
    },

    async findRoutes(keyId) {
      const [source] = await engine.read(readSource({ keyId }))
      if (source === undefined) return null
      const rows = await engine.read(readSubscriptions({ sourceId: source.id }))
      return {
        sourceId: source.id,
        sourceName: source.name,
        needsSource: source.has_siblings === 1,
        subscriptions: rows.map(toSubscription),
      } satisfies Routes
    },
  }

  function toKey(row: KeyRow): Key {
    return {
      id: row.id,
      accountId: row.account_id,
      publicId: row.public_id,
      sourceId: row.source_id,
      status: row.status,
      expiresAt: row.expires_at,
      secretHash: row.secret_hash,
      previousSecretHash: row.previous_secret_hash,
      previousSecretEndsAt: row.previous_secret_ends_at,
      tokenSalt: row.token_salt,
      tokenEpoch: row.token_epoch,
      account: { status: row.account_status, region: row.region },
    }
  }

  function toSubscription(row: SubscriptionRow): Subscription {
    return {
      id: row.id,
      dataModel: row.data_model === '*' ? null : row.data_model,
      destination: {
        id: row.destination_id,
        name: row.name,
        url: row.url,
        verifiedAt: row.verified_at,
      },
    }
  }
}

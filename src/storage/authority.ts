import { type InferResult, type RawBuilder, sql } from 'kysely'
import type { KeyType } from '../domain/key-type.ts'
import type { KeyRouting, Subscription } from '../domain/routing.ts'
import type { Authority, AuthorityStorage, KeyClaim } from '../service/ports/authority.ts'
import type { MaybePromise } from '../service/ports/runtime.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createKeyParser, type KeyRow, selectKey } from './key-rows.ts'
import { createArrayStatement, createCache } from './statements.ts'
import { parseDataModel } from './tables.ts'

/** Creates the hot reads, which every request is judged by. */
export function createAuthorityStorage(
  engine: Engine,
  compiler: StatementCompiler,
): AuthorityStorage {
  const readVersion = compiler.withoutArguments((db) =>
    db.selectFrom('authority').select(['version', 'token_revocations']),
  )

  const readKey = compiler.withArguments<{ publicId: string }>()((db, arg) =>
    selectKey(db, engine).where('keys.public_id', '=', arg('publicId')),
  )
  const toKey = createKeyParser()
  const claimReads = createCache<ReturnType<typeof createClaimRead>>()

  // Reads another key for an unknown id, so that the time does not tell if the id exists. The types are no
  // condition: PostgreSQL would read all keys of a type that it thinks has few.
  const createClaimRead = (keyTypes: readonly KeyType[]) =>
    compiler.withArguments<Omit<KeyClaim, 'keyTypes'>>()((db, arg) => {
      const types = keyTypes.map((keyType) => sql.lit(keyType))
      const selectNext = (condition: RawBuilder<unknown>) => {
        const nexts = types.map(
          (type) => sql`select * from (
            select public_id, token_salt from keys where key_type = ${type} ${condition}
            order by token_salt limit 1) as next_of_type`,
        )
        return sql`(select public_id from (${sql.join(nexts, sql` union all `)}) as nexts
          order by token_salt limit 1)`
      }
      return selectKey(db, engine)
        .leftJoin('secret_proofs', (join) =>
          join
            .onRef('secret_proofs.key_id', '=', 'keys.id')
            .on('secret_proofs.network', '=', arg('network')),
        )
        .select('secret_proofs.secret_hash as proven_hash')
        .where(
          'keys.public_id',
          '=',
          sql<string>`coalesce(
          (select case when key_type in (${sql.join(types)}) then public_id end from keys
            where public_id = ${arg('publicId')}),
          ${selectNext(sql`and token_salt >= ${arg('decoySalt')}`)},
          ${selectNext(sql``)})`,
        )
    })

  // The same for an unknown row id. A caller may have chosen it: nothing is proven before this read.
  const readTokenKey = compiler.withArguments<{ keyId: string; decoy: string }>()((db, arg) =>
    db
      .selectFrom('authority')
      .leftJoin('keys', (join) =>
        join.on(
          'keys.id',
          '=',
          sql<string>`coalesce(
          (select id from keys where id = ${arg('keyId')}),
          (select id from keys where public_id >= ${arg('decoy')} order by public_id limit 1),
          (select min(id) from keys))`,
        ),
      )
      .select([
        'authority.version',
        'authority.token_revocations',
        'keys.id',
        'keys.public_id',
        'keys.token_salt',
      ]),
  )

  // One statement, so that a change of a key at the same time cannot hide it. Each select has its index: the
  // database uses the first one only for this literal.
  const selectIdsBySecret = (digest: unknown) =>
    sql`select id from keys where secret_hash = ${digest} and key_type <> 'redox'
      union all select id from keys where previous_secret_hash = ${digest}`

  // The offset keeps PostgreSQL from a plan that reads the whole table, which it would choose if it guessed
  // that there are many digests.
  const readBySecrets = createArrayStatement<{ digest: string }, KeyRow>(
    compiler,
    { digest: 'text' },
    (given) =>
      sql`${selectKey(compiler.db, engine).where(
        sql<boolean>`keys.id = any(array(select found.id from ${given} cross join lateral
          (${selectIdsBySecret(sql.ref('given.digest'))} offset 0) as found))`,
      )}`,
  )

  const secretReads = createCache<ReturnType<typeof createSecretRead>>()
  const createSecretRead = (count: number) =>
    compiler.withArguments<Record<string, string>>()((db, arg) => {
      const selects = Array.from({ length: count }, (_, n) => selectIdsBySecret(arg(String(n))))
      const union = (some: typeof selects) => sql`(${sql.join(some, sql` union all `)})`
      // D1 accepts a union of five selects.
      const groups = Array.from({ length: Math.ceil(count / 2) }, (_, n) =>
        selects.slice(2 * n, 2 * n + 2),
      )
      const isFound = groups.map((group) => sql`keys.id in ${union(group)}`)
      return selectKey(db, engine).where(sql<boolean>`(${sql.join(isFound, sql` or `)})`)
    })

  const readSource = compiler.withArguments<{ keyId: string }>()((db, arg) =>
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
                .where('siblings.source_id', 'is not', null)
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

  const readClientSources = compiler.withArguments<{ keyId: string }>()((db, arg) =>
    db
      .selectFrom('key_sources')
      .innerJoin('sources', 'sources.id', 'key_sources.source_id')
      .select((eb) => ['sources.id', 'sources.name', eb.lit(0).as('has_siblings')])
      .where('key_sources.key_id', '=', arg('keyId'))
      .orderBy('sources.id'),
  )

  const readClientSubscriptions = compiler.withArguments<{ keyId: string }>()((db, arg) =>
    selectActiveSubscriptions(db)
      .innerJoin('key_sources', 'key_sources.source_id', 'subscriptions.source_id')
      .where('key_sources.key_id', '=', arg('keyId')),
  )

  const readSubscriptions = compiler.withArguments<{ sourceId: string }>()((db, arg) =>
    selectActiveSubscriptions(db).where('subscriptions.source_id', '=', arg('sourceId')),
  )

  let shared: { readonly rows: unknown; readonly authority: Promise<Authority> } | undefined

  /** Requests whose read the engine shares get one promise, too. */
  function readAuthority(): Promise<Authority> {
    const rows = engine.read(readVersion)
    if (shared?.rows !== rows) shared = { rows, authority: parseAuthority(rows) }
    return shared.authority
  }

  return {
    readAuthority,

    readAuthorityVersion: async () => (await readAuthority()).version,

    async findKey(publicId) {
      const [row] = await engine.read(readKey({ publicId }))
      return row === undefined ? null : toKey(row)
    },

    async findClaimedKey({ keyTypes, ...claim }) {
      const read = claimReads(keyTypes.join(), () => createClaimRead(keyTypes))
      const [row] = await engine.read(read(claim))
      if (row === undefined) return { key: null, decoy: null }
      const isFound = row.public_id === claim.publicId
      // Converts the other key too, to take the same time, but does not parse its networks: they must
      // not make this read fail.
      const key = toKey(row, isFound ? row.networks : null)
      return isFound ? { key, decoy: null } : { key: null, decoy: key }
    },

    async readTokenAuthority(keyId, decoy) {
      const [row] = await engine.read(readTokenKey({ keyId, decoy }))
      if (row === undefined) throw new Error('the database has lost its authority row')
      const { version, token_revocations: tokenRevocations } = row
      const { id, public_id: publicId, token_salt: tokenSalt } = row
      const isFound = id === keyId && publicId !== null && tokenSalt !== null
      return { version, tokenRevocations, key: isFound ? { publicId, tokenSalt } : null }
    },

    async findKeysBySecret(digests) {
      const [first, ...others] = digests.map((digest) => ({ digest }))
      if (first === undefined) return []
      if (engine.sql === 'postgres') {
        const isFound = ({ secret_hash: current, previous_secret_hash: previous }: KeyRow) =>
          digests.some((digest) => digest === current || digest === previous)
        const rows = await engine.read(readBySecrets(first, ...others))
        return rows.filter(isFound).map((row) => toKey(row))
      }
      const read = secretReads(String(digests.length), () => createSecretRead(digests.length))
      const rows = await engine.read(read(Object.fromEntries(digests.entries())))
      return rows.map((row) => toKey(row))
    },

    async listKeyRoutings({ id: keyId, sourceId }) {
      const sources = await engine.read(
        sourceId === null ? readClientSources({ keyId }) : readSource({ keyId }),
      )
      if (sources.length === 0) return []
      const rows = await engine.read(
        sourceId === null ? readClientSubscriptions({ keyId }) : readSubscriptions({ sourceId }),
      )
      return sources.map(
        (source): KeyRouting => ({
          sourceId: source.id,
          sourceName: source.name,
          needsSource: sources.length > 1 || source.has_siblings === 1,
          subscriptions: rows.filter((row) => row.source_id === source.id).map(toSubscription),
        }),
      )
    },
  }
}

async function parseAuthority(
  rows: MaybePromise<readonly { version: number; token_revocations: number }[]>,
): Promise<Authority> {
  const [row] = await rows
  if (row === undefined) throw new Error('the database has lost its authority row')
  return { version: row.version, tokenRevocations: row.token_revocations }
}

type Db = StatementCompiler['db']

const selectActiveSubscriptions = (db: Db) =>
  db
    .selectFrom('subscriptions')
    .innerJoin('destinations', 'destinations.id', 'subscriptions.destination_id')
    .select([
      'subscriptions.id',
      'subscriptions.source_id',
      'subscriptions.data_model',
      'subscriptions.destination_id',
      'destinations.name',
      'destinations.url',
      'destinations.development',
      'destinations.verified_at',
      'destinations.verification_token',
    ])
    .where('subscriptions.status', '=', 'active')
    .orderBy('subscriptions.id')

type SubscriptionRow = InferResult<ReturnType<typeof selectActiveSubscriptions>>[number]

function toSubscription(row: SubscriptionRow): Subscription {
  return {
    id: row.id,
    dataModel: parseDataModel(row.data_model),
    destination: {
      id: row.destination_id,
      name: row.name,
      url: row.url,
      development: row.development === 1,
      verifiedAt: row.verified_at,
      sealedToken: row.verification_token,
    },
  }
}

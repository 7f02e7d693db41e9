import { sql } from 'kysely'
import { KEY_HOLDERS } from '../domain/key.ts'
import type { OperatorStorage } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler } from './engine.ts'
import type { Tables } from './tables.ts'

type Row = Tables['keys']
type Verbs = Pick<OperatorStorage, 'addKey' | 'replaceSecret'>

/** How a key comes by its secret. */
export function createKeyMaking(compiler: Compiler, audit: Audit): Verbs {
  /** The row, if those whom it refers to are of the owner's account. */
  type NewRow = Omit<Row, Unset>
  type Unset =
    | 'status'
    | 'disabled_by'
    | 'previous_secret_hash'
    | 'previous_secret_digest'
    | 'previous_secret_ends_at'
    | 'token_epoch'
    | 'assigned_at'
    | 'disabled_at'
    | 'revoked_at'
    | 'secret_replaced_at'
    | 'last_used_at'
  const add = compiler.taking<NewRow & { max_developer_keys: number | null }>()((db, arg) => {
    const own = (table: 'sources' | 'sites' | 'developers', id: string | null) =>
      sql<boolean>`(cast(${id} as text) is null or exists (
        select 1 from ${sql.table(table)} as own where own.id = ${id} and own.account_id = users.account_id))`
    const max = sql`cast(${arg('max_developer_keys')} as bigint)`
    const hasRoom = sql<boolean>`(${max} is null or ${max} > (
      select count(*) from keys as made
      where made.developer_id = ${arg('developer_id')} and made.dialect = ${arg('dialect')}))`
    return db
      .insertInto('keys')
      .columns([
        'id',
        'account_id',
        'owner_id',
        'dialect',
        'source_id',
        'site_id',
        'developer_id',
        'public_id',
        'name',
        'description',
        'reference',
        'status',
        'access',
        'secret_hash',
        'secret_digest',
        'sealed_secret',
        'token_salt',
        'token_epoch',
        'created_at',
        'expires_at',
        'event_id',
      ])
      .expression((eb) => {
        const text = <T extends string | null>(value: T) => eb.cast<T>(eb.val(value), 'text')
        const bigint = <T>(value: T) => eb.cast<T>(eb.val(value), 'bigint')
        return eb
          .selectFrom('users')
          .select([
            text(arg('id')).as('id'),
            'users.account_id',
            'users.id as owner_id',
            text(arg('dialect')).as('dialect'),
            text(arg('source_id')).as('source_id'),
            text(arg('site_id')).as('site_id'),
            text(arg('developer_id')).as('developer_id'),
            text(arg('public_id')).as('public_id'),
            text(arg('name')).as('name'),
            text(arg('description')).as('description'),
            text(arg('reference')).as('reference'),
            eb.val('enabled' as const).as('status'),
            text(arg('access')).as('access'),
            text(arg('secret_hash')).as('secret_hash'),
            text(arg('secret_digest')).as('secret_digest'),
            text(arg('sealed_secret')).as('sealed_secret'),
            text(arg('token_salt')).as('token_salt'),
            bigint(0).as('token_epoch'),
            bigint(arg('created_at')).as('created_at'),
            bigint(arg('expires_at')).as('expires_at'),
            text(arg('event_id')).as('event_id'),
          ])
          .where('users.id', '=', arg('owner_id'))
          .where('users.account_id', '=', arg('account_id'))
          .where('users.role', 'in', KEY_HOLDERS)
          .where('users.left_at', 'is', null)
          .where(own('sources', arg('source_id')))
          .where(own('sites', arg('site_id')))
          .where(own('developers', arg('developer_id')))
          .where(hasRoom)
      })
      .onConflict((conflict) => conflict.doNothing())
  })

  /** Whether another key has it. `on conflict` would tell an insert; an update has none. */
  const isTaken = (id: string, hash: string) => sql<boolean>`exists (
    select 1 from keys as other
    where other.secret_hash = ${hash} and other.id <> ${id} and other.dialect <> 'redox')`

  const isSeen = (seen: string | null) =>
    sql<boolean>`(cast(${seen} as text) is null or event_id = ${seen})`

  const replaceAtOnce = compiler.taking<{
    id: string
    hash: string
    digest: string | null
    sealed: string | null
    token_salt: string
    at: number
    event_id: string
    seen: string | null
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        secret_hash: arg('hash'),
        secret_digest: arg('digest'),
        sealed_secret: arg('sealed'),
        previous_secret_hash: null,
        previous_secret_digest: null,
        previous_secret_ends_at: null,
        token_salt: arg('token_salt'),
        token_epoch: eb('token_epoch', '+', 1),
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash'))))
      .where(isSeen(arg('seen'))),
  )

  const replaceWithOverlap = compiler.taking<{
    id: string
    hash: string
    digest: string | null
    sealed: string | null
    ends_at: number
    at: number
    event_id: string
    seen: string | null
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        previous_secret_hash: eb.ref('secret_hash'),
        previous_secret_digest: eb.ref('secret_digest'),
        previous_secret_ends_at: arg('ends_at'),
        secret_hash: arg('hash'),
        secret_digest: arg('digest'),
        sealed_secret: arg('sealed'),
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash'))))
      .where(isSeen(arg('seen'))),
  )

  return {
    addKey: (key, event, maxDeveloperKeys) =>
      audit.change(
        'keys',
        add({
          id: key.id,
          account_id: key.accountId,
          owner_id: key.ownerId,
          dialect: key.dialect,
          source_id: key.sourceId,
          site_id: key.siteId,
          developer_id: key.developerId,
          public_id: key.publicId,
          name: key.name,
          description: key.description,
          reference: key.reference,
          access: key.access,
          secret_hash: key.secretHash,
          secret_digest: key.secretDigest,
          sealed_secret: key.sealedSecret,
          token_salt: key.tokenSalt,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          event_id: event.id,
          max_developer_keys: maxDeveloperKeys ?? null,
        }),
        event,
      ),

    replaceSecret(
      id,
      { hash, digest = null, sealed, overlapEndsAt, tokenSalt, seen = null },
      event,
    ) {
      const facts = { id, hash, digest, sealed, seen, at: event.at, event_id: event.id }
      const step =
        overlapEndsAt === null
          ? replaceAtOnce({ ...facts, token_salt: tokenSalt })
          : replaceWithOverlap({ ...facts, ends_at: overlapEndsAt })
      return audit.change('keys', step, event)
    },
  }
}

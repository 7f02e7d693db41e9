import { sql } from 'kysely'
import { KEY_HOLDERS, type Party } from '../domain/key.ts'
import type { KeyFilter, KeySummary, OperatorStorage, Page } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Row = Tables['keys']
type Verbs = Pick<
  OperatorStorage,
  | 'addKey'
  | 'enableKey'
  | 'disableKey'
  | 'revokeKey'
  | 'editKey'
  | 'amendKey'
  | 'assignKey'
  | 'removeKey'
  | 'replaceSecret'
  | 'listKeys'
  | 'listSealedKeys'
  | 'findKeySummary'
  | 'findSealedSecret'
>

/** The life of a key. */
export function createKeys(engine: Engine, compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const pageOf = rows.pageOf('keys')

  /** Whether another key has it. `on conflict` would tell an insert; an update has none. */
  const isTaken = (id: string, hash: string) => sql<boolean>`exists (
    select 1 from keys as other
    where other.secret_hash = ${hash} and other.id <> ${id} and other.dialect <> 'redox')`

  /** The row, if those whom it refers to are of the owner's account. */
  type NewRow = Omit<Row, Unset>
  type Unset =
    | 'status'
    | 'disabled_by'
    | 'previous_secret_hash'
    | 'previous_secret_ends_at'
    | 'token_epoch'
    | 'assigned_at'
    | 'disabled_at'
    | 'revoked_at'
    | 'secret_replaced_at'
    | 'last_used_at'
  const add = compiler.taking<NewRow>()((db, arg) => {
    const own = (table: 'sources' | 'sites' | 'developers', id: string | null) =>
      sql<boolean>`(cast(${id} as text) is null or exists (
        select 1 from ${sql.table(table)} as own where own.id = ${id} and own.account_id = users.account_id))`
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
      })
      .onConflict((conflict) => conflict.doNothing())
  })

  const enable = compiler.taking<{ id: string; by: Party; event_id: string }>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ status: 'enabled', disabled_by: null, disabled_at: null, event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where('status', '=', 'disabled')
      .where('disabled_by', '=', arg('by')),
  )

  const disable = compiler.taking<{ id: string; by: Party; at: number; event_id: string }>()(
    (db, arg) =>
      db
        .updateTable('keys')
        .set({
          status: 'disabled',
          disabled_by: arg('by'),
          disabled_at: arg('at'),
          event_id: arg('event_id'),
        })
        .where('id', '=', arg('id'))
        .where('status', '=', 'enabled'),
  )

  const revoke = compiler.taking<{ id: string; at: number; event_id: string }>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ status: 'revoked', revoked_at: arg('at'), event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked'),
  )

  type Edit = Pick<
    Row,
    'name' | 'description' | 'reference' | 'owner_id' | 'access' | 'expires_at' | 'event_id' | 'id'
  >
  const edit = compiler.taking<Edit & { seen: string }>()((db, arg) =>
    db
      .updateTable('keys')
      .set({
        name: arg('name'),
        description: arg('description'),
        reference: arg('reference'),
        owner_id: arg('owner_id'),
        access: arg('access'),
        expires_at: arg('expires_at'),
        event_id: arg('event_id'),
      })
      .where('id', '=', arg('id'))
      .where('event_id', '=', arg('seen'))
      .where('status', '<>', 'revoked')
      .where((eb) =>
        eb.or([
          eb('owner_id', '=', arg('owner_id')),
          eb.exists(
            eb
              .selectFrom('users')
              .select('users.id')
              .where('users.id', '=', arg('owner_id'))
              .whereRef('users.account_id', '=', 'keys.account_id')
              .where('users.role', 'in', KEY_HOLDERS)
              .where('users.left_at', 'is', null),
          ),
        ]),
      ),
  )

  type Amendment = Pick<
    Row,
    'id' | 'status' | 'disabled_by' | 'disabled_at' | 'reference' | 'event_id'
  >
  const amend = compiler.taking<Amendment & { seen: string }>()((db, arg) =>
    db
      .updateTable('keys')
      .set({
        status: arg('status'),
        disabled_by: arg('disabled_by'),
        disabled_at: arg('disabled_at'),
        reference: arg('reference'),
        event_id: arg('event_id'),
      })
      .where('id', '=', arg('id'))
      .where('event_id', '=', arg('seen'))
      .where('status', '<>', 'revoked'),
  )

  type Assignment = Pick<Row, 'id' | 'site_id' | 'assigned_at' | 'event_id'>
  const assign = compiler.taking<Assignment>()((db, arg) =>
    db
      .updateTable('keys')
      .set({
        site_id: arg('site_id'),
        assigned_at: arg('assigned_at'),
        event_id: arg('event_id'),
      })
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked'),
  )

  const remove = compiler.taking<{ id: string }>()((db, arg) =>
    db.deleteFrom('keys').where('id', '=', arg('id')),
  )
  const removeUses = compiler.taking<{ id: string }>()((db, arg) =>
    db.deleteFrom('key_uses').where('key_id', '=', arg('id')),
  )

  const replaceAtOnce = compiler.taking<{
    id: string
    hash: string
    sealed: string | null
    token_salt: string
    at: number
    event_id: string
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        secret_hash: arg('hash'),
        sealed_secret: arg('sealed'),
        previous_secret_hash: null,
        previous_secret_ends_at: null,
        token_salt: arg('token_salt'),
        token_epoch: eb('token_epoch', '+', 1),
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash')))),
  )

  const replaceWithOverlap = compiler.taking<{
    id: string
    hash: string
    sealed: string | null
    ends_at: number
    at: number
    event_id: string
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        previous_secret_hash: eb.ref('secret_hash'),
        previous_secret_ends_at: arg('ends_at'),
        secret_hash: arg('hash'),
        sealed_secret: arg('sealed'),
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked')
      .where((eb) => eb.not(isTaken(arg('id'), arg('hash')))),
  )

  const find = compiler.taking<{ id: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', arg('id')), eb('public_id', '=', arg('id'))]))
      // Another system may have issued a public id that is the row id of a key here.
      .orderBy((eb) => eb.case().when('id', '=', arg('id')).then(0).else(1).end())
      .limit(1),
  )

  const findSealed = compiler.taking<{ id: string }>()((db, arg) =>
    db.selectFrom('keys').select('sealed_secret').where('id', '=', arg('id')),
  )

  const listed = ({ accountId, ownerId, developerId, dialect, status }: KeyFilter, page: Page) =>
    pageOf(
      [
        ['account_id', accountId],
        ['owner_id', ownerId],
        ['developer_id', developerId],
        ['dialect', dialect],
        ['status', status],
      ],
      page,
    )

  return {
    addKey: (key, event) =>
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
          sealed_secret: key.sealedSecret,
          token_salt: key.tokenSalt,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          event_id: event.id,
        }),
        event,
      ),

    enableKey: (id, by, event) =>
      audit.change('keys', enable({ id, by, event_id: event.id }), event),

    disableKey: (id, by, event) =>
      audit.change('keys', disable({ id, by, at: event.at, event_id: event.id }), event),

    revokeKey: (id, event) =>
      audit.change('keys', revoke({ id, at: event.at, event_id: event.id }), event),

    editKey: (id, { ownerId, expiresAt, ...texts }, seen, event) =>
      audit.change(
        'keys',
        edit({
          ...texts,
          id,
          owner_id: ownerId,
          expires_at: expiresAt,
          seen,
          event_id: event.id,
        }),
        event,
      ),

    amendKey: (id, { disabled, reference }, seen, event) =>
      audit.change(
        'keys',
        amend({
          id,
          status: disabled === null ? 'enabled' : 'disabled',
          disabled_by: disabled?.by ?? null,
          disabled_at: disabled?.at ?? null,
          reference,
          seen,
          event_id: event.id,
        }),
        event,
      ),

    assignKey: (id, to, event) =>
      audit.change(
        'keys',
        assign({
          id,
          site_id: to?.siteId ?? null,
          assigned_at: to?.at ?? null,
          event_id: event.id,
        }),
        event,
      ),

    removeKey: (id, event) => audit.removal('keys', [remove({ id }), removeUses({ id })], event),

    replaceSecret(id, { hash, sealed, overlapEndsAt, tokenSalt }, event) {
      const facts = { id, hash, sealed, at: event.at, event_id: event.id }
      const step =
        overlapEndsAt === null
          ? replaceAtOnce({ ...facts, token_salt: tokenSalt })
          : replaceWithOverlap({ ...facts, ends_at: overlapEndsAt })
      return audit.change('keys', step, event)
    },

    async listKeys({ after, limit, ...filter }) {
      return (await listed(filter, { after, limit })).map(toSummary)
    },

    async listSealedKeys({ after, limit, ...filter }) {
      const found = await listed(filter, { after, limit })
      return found.map((row) => ({ key: toSummary(row), sealedSecret: row.sealed_secret }))
    },

    async findKeySummary(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSummary(row)
    },

    async findSealedSecret(id) {
      const [row] = await engine.read(findSealed({ id }))
      return row?.sealed_secret ?? null
    },
  }
}

/** Hashes, salt and sealed secret stay here. */
const toSummary = (row: Row): KeySummary => ({
  id: row.id,
  accountId: row.account_id,
  ownerId: row.owner_id,
  dialect: row.dialect,
  sourceId: row.source_id,
  siteId: row.site_id,
  developerId: row.developer_id,
  name: row.name,
  description: row.description,
  reference: row.reference,
  publicId: row.public_id,
  status: row.status,
  disabledBy: row.disabled_by,
  access: row.access,
  createdAt: row.created_at,
  assignedAt: row.assigned_at,
  expiresAt: row.expires_at,
  disabledAt: row.disabled_at,
  revokedAt: row.revoked_at,
  secretReplacedAt: row.secret_replaced_at,
  previousSecretEndsAt: row.previous_secret_ends_at,
  lastUsedAt: row.last_used_at,
  eventId: row.event_id,
})

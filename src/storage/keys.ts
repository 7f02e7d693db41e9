import { KEY_HOLDERS } from '../domain/key.ts'
import type { KeySummary, OperatorStorage } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Row = Tables['keys']
type Verbs = Pick<
  OperatorStorage,
  'addKey' | 'setKeyStatus' | 'replaceSecret' | 'listKeys' | 'findKeySummary'
>

/** The life of a key. */
export function createKeys(engine: Engine, compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const keyPage = rows.page('keys', 'account_id')
  type NewRow = Pick<
    Row,
    | 'id'
    | 'account_id'
    | 'owner_id'
    | 'source_id'
    | 'public_id'
    | 'name'
    | 'secret_hash'
    | 'token_salt'
    | 'created_at'
    | 'expires_at'
    | 'event_id'
  >
  const add = compiler.taking<NewRow>()((db, arg) =>
    db
      .insertInto('keys')
      .columns([
        'id',
        'account_id',
        'owner_id',
        'source_id',
        'public_id',
        'name',
        'status',
        'secret_hash',
        'token_salt',
        'token_epoch',
        'created_at',
        'expires_at',
        'event_id',
      ])
      .expression((eb) => {
        const text = (value: string) => eb.cast<string>(eb.val(value), 'text')
        const bigint = <T>(value: T) => eb.cast<T>(eb.val(value), 'bigint')
        return eb
          .selectFrom('users')
          .innerJoin('sources', 'sources.account_id', 'users.account_id')
          .select([
            text(arg('id')).as('id'),
            'users.account_id',
            'users.id as owner_id',
            'sources.id as source_id',
            text(arg('public_id')).as('public_id'),
            text(arg('name')).as('name'),
            eb.val('enabled' as const).as('status'),
            text(arg('secret_hash')).as('secret_hash'),
            text(arg('token_salt')).as('token_salt'),
            bigint(0).as('token_epoch'),
            bigint(arg('created_at')).as('created_at'),
            bigint(arg('expires_at')).as('expires_at'),
            text(arg('event_id')).as('event_id'),
          ])
          .where('users.id', '=', arg('owner_id'))
          .where('users.account_id', '=', arg('account_id'))
          .where('users.role', 'in', KEY_HOLDERS)
          .where('sources.id', '=', arg('source_id'))
      })
      .onConflict((conflict) => conflict.doNothing()),
  )

  const setStatus = compiler.taking<{
    id: string
    status: Row['status']
    disabled_at: number | null
    revoked_at: number | null
    event_id: string
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set({
        status: arg('status'),
        disabled_at: arg('disabled_at'),
        revoked_at: arg('revoked_at'),
        event_id: arg('event_id'),
      })
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked'),
  )

  const replaceAtOnce = compiler.taking<{
    id: string
    hash: string
    token_salt: string
    at: number
    event_id: string
  }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        secret_hash: arg('hash'),
        previous_secret_hash: null,
        previous_secret_ends_at: null,
        token_salt: arg('token_salt'),
        token_epoch: eb('token_epoch', '+', 1),
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked'),
  )

  const replaceWithOverlap = compiler.taking<{
    id: string
    hash: string
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
        secret_replaced_at: arg('at'),
        event_id: arg('event_id'),
      }))
      .where('id', '=', arg('id'))
      .where('status', '<>', 'revoked'),
  )

  const find = compiler.taking<{ id: string }>()((db, arg) =>
    db
      .selectFrom('keys')
      .selectAll()
      .where((eb) => eb.or([eb('id', '=', arg('id')), eb('public_id', '=', arg('id'))])),
  )

  return {
    addKey: (key, event) =>
      audit.change(
        'keys',
        add({
          id: key.id,
          account_id: key.accountId,
          owner_id: key.ownerId,
          source_id: key.sourceId,
          public_id: key.publicId,
          name: key.name,
          secret_hash: key.secretHash,
          token_salt: key.tokenSalt,
          created_at: key.createdAt,
          expires_at: key.expiresAt,
          event_id: event.id,
        }),
        event,
      ),

    setKeyStatus: (id, status, event) =>
      audit.change(
        'keys',
        setStatus({
          id,
          status,
          disabled_at: status === 'disabled' ? event.at : null,
          revoked_at: status === 'revoked' ? event.at : null,
          event_id: event.id,
        }),
        event,
      ),

    replaceSecret(id, { hash, overlapEndsAt, tokenSalt }, event) {
      const facts = { id, hash, at: event.at, event_id: event.id }
      const step =
        overlapEndsAt === null
          ? replaceAtOnce({ ...facts, token_salt: tokenSalt })
          : replaceWithOverlap({ ...facts, ends_at: overlapEndsAt })
      return audit.change('keys', step, event)
    },

    async listKeys({ accountId, ...page }) {
      return (await keyPage(accountId, page)).map(toSummary)
    },

    async findKeySummary(id) {
      const [row] = await engine.read(find({ id }))
      return row === undefined ? null : toSummary(row)
    },
  }
}

/** The hashes and the salt stay here. */
const toSummary = (row: Row): KeySummary => ({
  id: row.id,
  accountId: row.account_id,
  ownerId: row.owner_id,
  sourceId: row.source_id,
  name: row.name,
  publicId: row.public_id,
  status: row.status,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  disabledAt: row.disabled_at,
  revokedAt: row.revoked_at,
  secretReplacedAt: row.secret_replaced_at,
  previousSecretEndsAt: row.previous_secret_ends_at,
})

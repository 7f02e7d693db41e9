import { KEY_HOLDERS, type Party } from '../domain/key.ts'
import type { OperatorStorage } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler } from './engine.ts'
import type { Tables } from './tables.ts'

type Row = Tables['keys']
type Verbs = Pick<
  OperatorStorage,
  'enableKey' | 'disableKey' | 'revokeKey' | 'editKey' | 'amendKey' | 'assignKey' | 'removeKey'
>

/** What changes of a key from its first day to its end. */
export function createKeyLife(compiler: Compiler, audit: Audit): Verbs {
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

  return {
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
  }
}

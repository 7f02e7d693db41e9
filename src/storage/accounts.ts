import type { Role } from '../domain/key.ts'
import type { Account, OperatorStorage, User } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler } from './engine.ts'
import { anotherAccountOperates, anotherUserOperates } from './last-operator.ts'
import { isStill } from './people/is-still.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Verbs = Pick<
  OperatorStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'setDepartedKeys'
  | 'setAddressesEnforced'
  | 'listAccounts'
  | 'findAccount'
  | 'addUser'
  | 'setUserRole'
  | 'setUserLeft'
  | 'listUsers'
  | 'findUser'
>

/** Organizations and their people. */
export function createAccounts(compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const accountOf = rows.byId('accounts')
  const accountPage = rows.page('accounts', 'id')
  const addAccount = rows.insertUnlessTaken('accounts')
  const set = <Name extends 'departed_keys' | 'addresses_enforced'>(column: Name) => {
    type Args = { id: string; value: Tables['accounts'][Name]; event_id: string }
    return compiler.taking<Args>()((db, arg) =>
      db
        .updateTable('accounts')
        .set((eb) => ({ [column]: eb.val(arg('value')), event_id: arg('event_id') }))
        .where('id', '=', arg('id')),
    )
  }
  type Status = Pick<Tables['accounts'], 'id' | 'status' | 'event_id'>
  const setStatus = compiler.taking<Status>()((db, arg) =>
    db
      .updateTable('accounts')
      .set({ status: arg('status'), event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where((eb) => eb.or([eb(eb.val(arg('status')), '=', 'open'), anotherAccountOperates])),
  )
  const setDeparted = set('departed_keys')
  const setEnforced = set('addresses_enforced')

  const userOf = rows.byId('users')
  const userPage = rows.page('users', 'account_id')
  const addUser = rows.insertUnlessTaken('users')
  type NewRole = Pick<Tables['users'], 'id' | 'role' | 'event_id'> & { was: Role | null }
  const setRole = compiler.taking<NewRole>()((db, arg) =>
    db
      .updateTable('users')
      .set({ role: arg('role'), event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where(isStill(arg('was')))
      .where((eb) => eb.or([eb(eb.val(arg('role')), '=', 'operator'), anotherUserOperates])),
  )
  /** Follows `setRole`: who made the link may have been let do so for the role before alone. */
  const endInvitations = compiler.taking<{ id: string; event_id: string }>()((db, arg) =>
    db
      .deleteFrom('invitations')
      .where('user_id', '=', arg('id'))
      .where((eb) =>
        eb.exists(
          eb
            .selectFrom('users')
            .select('users.id')
            .where('users.id', '=', arg('id'))
            .where('users.event_id', '=', arg('event_id')),
        ),
      ),
  )

  type Leaving = { id: string; at: number; event_id: string; was: Role | null }
  const leave = compiler.taking<Leaving>()((db, arg) =>
    db
      .updateTable('users')
      .set({ left_at: arg('at'), event_id: arg('event_id') })
      .where('id', '=', arg('id'))
      .where(isStill(arg('was')))
      .where('left_at', 'is', null)
      .where(anotherUserOperates),
  )
  /** Follows `leave`: only if it took place, and the account wants it. */
  const disableDeparted = compiler.taking<{ id: string; at: number; event_id: string }>()(
    (db, arg) =>
      db
        .updateTable('keys')
        .set({
          status: 'disabled',
          disabled_by: 'operator',
          disabled_at: arg('at'),
          event_id: arg('event_id'),
        })
        .where('owner_id', '=', arg('id'))
        .where('status', '=', 'enabled')
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('users')
              .innerJoin('accounts', 'accounts.id', 'users.account_id')
              .select('users.id')
              .where('users.id', '=', arg('id'))
              .where('users.event_id', '=', arg('event_id'))
              .where('accounts.departed_keys', '=', 'disable'),
          ),
        ),
  )

  return {
    addAccount: (account, event) =>
      audit.change(
        'accounts',
        addAccount({
          id: account.id,
          name: account.name,
          region: account.region,
          status: account.status,
          created_at: account.createdAt,
          event_id: event.id,
          departed_keys: account.departedKeys,
          addresses_enforced: account.addressesEnforced ? 1 : 0,
        }),
        event,
      ),

    setAccountStatus: (id, status, event) =>
      audit.change('accounts', setStatus({ id, status, event_id: event.id }), event),

    setDepartedKeys: (id, value, event) =>
      audit.change('accounts', setDeparted({ id, value, event_id: event.id }), event),

    setAddressesEnforced: (id, enforced, event) =>
      audit.change(
        'accounts',
        setEnforced({ id, value: enforced ? 1 : 0, event_id: event.id }),
        event,
      ),

    async listAccounts(page) {
      return (await accountPage(undefined, page)).map(toAccount)
    },

    async findAccount(id) {
      const row = await accountOf(id)
      return row === undefined ? null : toAccount(row)
    },

    addUser: ({ accountId, createdAt, leftAt, ...user }, event) =>
      audit.change(
        'users',
        addUser({
          ...user,
          account_id: accountId,
          created_at: createdAt,
          left_at: leftAt,
          event_id: event.id,
          password_hash: null,
          sealed_totp: null,
          totp_step: null,
        }),
        event,
      ),

    setUserRole(id, role, event, was) {
      const step = { id, role, event_id: event.id }
      return audit.change('users', setRole({ ...step, was: was ?? null }), event, [
        endInvitations(step),
      ])
    },

    setUserLeft(id, at, event, was) {
      const step = { id, at, event_id: event.id }
      return audit.change('users', leave({ ...step, was: was ?? null }), event, [
        disableDeparted(step),
      ])
    },

    async listUsers({ accountId, ...page }) {
      return (await userPage(accountId, page)).map(toUser)
    },

    async findUser(id) {
      const row = await userOf(id)
      return row === undefined ? null : toUser(row)
    },
  }
}

const toAccount = (row: Tables['accounts']): Account => ({
  id: row.id,
  name: row.name,
  region: row.region,
  status: row.status,
  createdAt: row.created_at,
  departedKeys: row.departed_keys,
  addressesEnforced: row.addresses_enforced === 1,
})

/** (What signs somebody in stays in storage.) */
export const toUser = (
  row: Omit<Tables['users'], 'event_id' | 'password_hash' | 'sealed_totp' | 'totp_step'>,
): User => ({
  id: row.id,
  accountId: row.account_id,
  email: row.email,
  role: row.role,
  createdAt: row.created_at,
  username: row.username,
  leftAt: row.left_at,
})

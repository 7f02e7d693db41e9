import type { Account, OperatorStorage, User } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Verbs = Pick<
  OperatorStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'listAccounts'
  | 'findAccount'
  | 'addUser'
  | 'setUserRole'
  | 'listUsers'
  | 'findUser'
>

/** Organizations and their people. */
export function createAccounts(compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const accountOf = rows.byId('accounts')
  const accountPage = rows.page('accounts', 'id')
  const addAccount = rows.insertUnlessTaken('accounts')
  const setStatus = compiler.taking<Pick<Tables['accounts'], 'id' | 'status' | 'event_id'>>()(
    (db, arg) =>
      db
        .updateTable('accounts')
        .set({ status: arg('status'), event_id: arg('event_id') })
        .where('id', '=', arg('id')),
  )

  const userOf = rows.byId('users')
  const userPage = rows.page('users', 'account_id')
  const addUser = rows.insertUnlessTaken('users')
  const setRole = compiler.taking<Pick<Tables['users'], 'id' | 'role' | 'event_id'>>()((db, arg) =>
    db
      .updateTable('users')
      .set({ role: arg('role'), event_id: arg('event_id') })
      .where('id', '=', arg('id')),
  )

  return {
    addAccount: ({ createdAt, ...account }, event) =>
      audit.change(
        'accounts',
        addAccount({ ...account, created_at: createdAt, event_id: event.id }),
        event,
      ),

    setAccountStatus: (id, status, event) =>
      audit.change('accounts', setStatus({ id, status, event_id: event.id }), event),

    async listAccounts(page) {
      return (await accountPage(undefined, page)).map(toAccount)
    },

    async findAccount(id) {
      const row = await accountOf(id)
      return row === undefined ? null : toAccount(row)
    },

    addUser: ({ accountId, createdAt, ...user }, event) =>
      audit.change(
        'users',
        addUser({ ...user, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    setUserRole: (id, role, event) =>
      audit.change('users', setRole({ id, role, event_id: event.id }), event),

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
})

const toUser = (row: Tables['users']): User => ({
  id: row.id,
  accountId: row.account_id,
  email: row.email,
  role: row.role,
  createdAt: row.created_at,
})

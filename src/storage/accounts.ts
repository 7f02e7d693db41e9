import type { Account, OperatorStorage, User } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
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
export function createAccounts(engine: Engine, compiler: Compiler, audit: Audit): Verbs {
  const addAccount = compiler.taking<Tables['accounts']>()((db, arg) =>
    db
      .insertInto('accounts')
      .values({
        id: arg('id'),
        name: arg('name'),
        region: arg('region'),
        status: arg('status'),
        created_at: arg('created_at'),
        event_id: arg('event_id'),
      })
      .onConflict((conflict) => conflict.doNothing()),
  )

  const setStatus = compiler.taking<Pick<Tables['accounts'], 'id' | 'status' | 'event_id'>>()(
    (db, arg) =>
      db
        .updateTable('accounts')
        .set({ status: arg('status'), event_id: arg('event_id') })
        .where('id', '=', arg('id')),
  )

  const listAccounts = compiler.taking<{ after: string; limit: number }>()((db, arg) =>
    db
      .selectFrom('accounts')
      .selectAll()
      .where('id', '>', arg('after'))
      .orderBy('id')
      .limit(arg('limit')),
  )

  const findAccount = compiler.taking<{ id: string }>()((db, arg) =>
    db.selectFrom('accounts').selectAll().where('id', '=', arg('id')),
  )

  const addUser = compiler.taking<Tables['users']>()((db, arg) =>
    db
      .insertInto('users')
      .values({
        id: arg('id'),
        account_id: arg('account_id'),
        email: arg('email'),
        role: arg('role'),
        created_at: arg('created_at'),
        event_id: arg('event_id'),
      })
      .onConflict((conflict) => conflict.doNothing()),
  )

  const setRole = compiler.taking<Pick<Tables['users'], 'id' | 'role' | 'event_id'>>()((db, arg) =>
    db
      .updateTable('users')
      .set({ role: arg('role'), event_id: arg('event_id') })
      .where('id', '=', arg('id')),
  )

  const listUsers = compiler.taking<{ accountId: string | null; after: string; limit: number }>()(
    (db, arg) =>
      db
        .selectFrom('users')
        .selectAll()
        .where((eb) =>
          eb.or([
            eb(eb.cast<string>(eb.val(arg('accountId')), 'text'), 'is', null),
            eb('account_id', '=', arg('accountId')),
          ]),
        )
        .where('id', '>', arg('after'))
        .orderBy('id')
        .limit(arg('limit')),
  )

  const findUser = compiler.taking<{ id: string }>()((db, arg) =>
    db.selectFrom('users').selectAll().where('id', '=', arg('id')),
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

    async listAccounts({ after = '', limit }) {
      return (await engine.read(listAccounts({ after, limit }))).map(toAccount)
    },

    async findAccount(id) {
      const [row] = await engine.read(findAccount({ id }))
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

    async listUsers({ accountId = null, after = '', limit }) {
      return (await engine.read(listUsers({ accountId, after, limit }))).map(toUser)
    },

    async findUser(id) {
      const [row] = await engine.read(findUser({ id }))
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

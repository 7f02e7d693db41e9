import { sql } from 'kysely'
import type { Role } from '../domain/role.ts'
import type { EditStorage, User } from '../service/ports/accounts.ts'
import type { ListStorage } from '../service/ports/lists.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { isAnotherUserOperator } from './operators.ts'
import { type Arg, createSqlWriter, createTextSearch, type TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type UserMethods = Pick<
  ResourceStorage,
  'addUser' | 'setUserRole' | 'deactivateUser' | 'listUsers' | 'findUser'
> &
  Pick<EditStorage, 'setUserEmail'>

export function createUserStorage(
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): UserMethods {
  const readUserPage = rows.page('users', 'account_id', toUser)
  const addUser = rows.insertUnlessTaken('users')
  const setRole = audit.createUpdate(
    'users',
    ['role'],
    (arg: Arg<{ role: Role; was: Role | null }>) => sql`${isRoleUnchanged(arg('was'))}
      and (cast(${arg('role')} as text) = 'operator' or ${isAnotherUserOperator})`,
  )
  /** Follows `setRole`: the links were made for the previous role. */
  const deleteInvitations = compiler.withArguments<{ id: string; event_id: string }>()((db, arg) =>
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

  const setEmail = audit.createUpdate(
    'users',
    ['email'],
    (arg: Arg<{ id: string; email: string; was: Role | null }>) => sql`
      ${isRoleUnchanged(arg('was'))} and not exists (
        select 1 from users other where other.account_id = users.account_id
          and other.email = ${arg('email')} and other.id <> ${arg('id')})`,
  )

  const deactivate = audit.createUpdate(
    'users',
    ['deactivated_at'],
    (arg: Arg<{ was: Role | null }>) => sql`
      ${isRoleUnchanged(arg('was'))} and deactivated_at is null and ${isAnotherUserOperator}`,
  )
  /** Follows `deactivate`: disables keys if the user left and the account's policy says so. */
  const disableKeysOfUser = compiler.withArguments<{ id: string; at: number; event_id: string }>()(
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
              .where('accounts.offboarding_policy', '=', 'disable'),
          ),
        ),
  )

  return {
    addUser: ({ accountId, createdAt, deactivatedAt, ...user }, event) =>
      audit.applyChange(
        'users',
        addUser({
          ...user,
          account_id: accountId,
          created_at: createdAt,
          deactivated_at: deactivatedAt,
          event_id: event.id,
          password_hash: null,
          sealed_totp: null,
          totp_step: null,
        }),
        event,
      ),

    setUserRole: (id, role, event, was) =>
      setRole({ id, role, was: was ?? null }, event, [
        deleteInvitations({ id, event_id: event.id }),
      ]),

    deactivateUser: (id, at, event, was) =>
      deactivate({ id, deactivated_at: at, was: was ?? null }, event, [
        disableKeysOfUser({ id, at, event_id: event.id }),
      ]),

    setUserEmail: (id, email, event, was) => setEmail({ id, email, was: was ?? null }, event),

    listUsers: ({ accountId, ...page }) => readUserPage(accountId, page),
    findUser: rows.findById('users', toUser),
  }
}

/** Leaves out the columns of sign-in. */
export const toUser = (
  row: Omit<Tables['users'], 'event_id' | 'password_hash' | 'sealed_totp' | 'totp_step'>,
): User => ({
  id: row.id,
  accountId: row.account_id,
  email: row.email,
  role: row.role,
  createdAt: row.created_at,
  username: row.username,
  deactivatedAt: row.deactivated_at,
})

/** Searches users by a part of their email or username. */
export function createUserSearchStorage(
  engine: Engine,
  compiler: StatementCompiler,
): Pick<ListStorage, 'searchUsers'> {
  const containsText = createTextSearch(engine)
  const search = createSqlWriter(compiler)<
    { accountId: string | null; text: string; limit: number },
    Tables['users']
  >(
    (arg) => sql`
      select * from users
      where (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
        and deactivated_at is null and (
          ${containsText(sql`email`, arg('text'))} or ${containsText(sql`coalesce(username, '')`, arg('text'))}
        )
      order by email, id limit ${arg('limit')}`,
  )
  return {
    async searchUsers({ accountId, ...query }) {
      return (await engine.scan(search({ ...query, accountId: accountId ?? null }))).map(toUser)
    },
  }
}

/**
 * Guards a change of `users` that was permitted because of the user's role: true while the role is the
 * same. Null accepts any role.
 */
export const isRoleUnchanged = (role: unknown) =>
  sql<boolean>`users.role = coalesce(cast(${role} as text), users.role)`

/**
 * Comes first in a list that depends on more than the user's own row. PostgreSQL locks the row until the
 * commit, so that later statements read what earlier changes have left.
 */
export const createUserLock = (compiler: StatementCompiler) =>
  createSqlWriter(compiler)<{ userId: string }>(
    (arg) => sql`update users set role = role where id = ${arg('userId')}`,
  )

import { type RawBuilder, sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { Role } from '../domain/role.ts'
import type { Account, EditStorage, User } from '../service/ports/accounts.ts'
import type { ListStorage } from '../service/ports/lists.ts'
import type { SignInStorage } from '../service/ports/sign-in.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { type Arg, createSqlWriter, createTextSearch, type TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type AccountMethods = Pick<
  ResourceStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'setOffboardingPolicy'
  | 'setAllowlistEnforced'
  | 'listAccounts'
  | 'findAccount'
  | 'addUser'
  | 'setUserRole'
  | 'deactivateUser'
  | 'listUsers'
  | 'findUser'
> &
  Pick<EditStorage, 'setUserEmail'>

/** Accounts and their users. */
export function createAccountStorage(
  compiler: StatementCompiler,
  rows: TableStatements,
  audit: AuditedChanges,
): AccountMethods {
  const readAccountPage = rows.page('accounts', 'id', toAccount)
  const addAccount = rows.insertUnlessTaken('accounts')
  const setStatus = audit.createUpdate(
    'accounts',
    ['status'],
    (arg: Arg<{ status: string }>) =>
      sql`(cast(${arg('status')} as text) = 'open' or ${hasAnotherAccountOperator})`,
  )
  const setOffboardingPolicy = audit.createUpdate('accounts', ['offboarding_policy'])
  const setAllowlistEnforced = audit.createUpdate('accounts', ['ip_allowlist_enforced'])

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
    addAccount: (account, event) =>
      audit.applyChange(
        'accounts',
        addAccount({
          id: account.id,
          name: account.name,
          region: account.region,
          status: account.status,
          created_at: account.createdAt,
          event_id: event.id,
          offboarding_policy: account.offboardingPolicy,
          ip_allowlist_enforced: account.ipAllowlistEnforced ? 1 : 0,
        }),
        event,
      ),

    setAccountStatus: (id, status, event) => setStatus({ id, status }, event),
    setOffboardingPolicy: (id, policy, event) =>
      setOffboardingPolicy({ id, offboarding_policy: policy }, event),
    setAllowlistEnforced: (id, isEnforced, event) =>
      setAllowlistEnforced({ id, ip_allowlist_enforced: isEnforced ? 1 : 0 }, event),

    listAccounts: ({ accountId, ...page }) => readAccountPage(accountId, page),
    findAccount: rows.findById('accounts', toAccount),

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

const toAccount = (row: Tables['accounts']): Account => ({
  id: row.id,
  name: row.name,
  region: row.region,
  status: row.status,
  createdAt: row.created_at,
  offboardingPolicy: row.offboarding_policy,
  ipAllowlistEnforced: row.ip_allowlist_enforced === 1,
})

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
 * Creates the first operator, once. Locks the authority's row first; the account's insert has the guard,
 * and the other statements depend on it.
 */
export function createFirstOperatorStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): Pick<SignInStorage, 'addFirstOperator'> {
  const sqlStatement = createSqlWriter(compiler)

  interface FirstOperatorArgs {
    readonly accountId: string
    readonly name: string
    readonly region: string
    readonly status: Tables['accounts']['status']
    readonly offboardingPolicy: Tables['accounts']['offboarding_policy']
    readonly enforced: number
    readonly userId: string
    readonly email: string
    readonly username: string | null
    readonly hash: string
    readonly invitationId: string
    readonly createdAt: number
    readonly at: number
    readonly latest: number
    readonly eventId: string
  }
  const addAccount = sqlStatement<FirstOperatorArgs>(
    (arg) => sql`
      insert into accounts
        (id, name, region, status, created_at, event_id, offboarding_policy, ip_allowlist_enforced)
      select cast(${arg('accountId')} as text), cast(${arg('name')} as text),
        cast(${arg('region')} as text), cast(${arg('status')} as text),
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('offboardingPolicy')} as text), cast(${arg('enforced')} as bigint)
      where exists (
          select 1 from invitations where invitations.id = ${arg('invitationId')}
            and user_id is null and expires_at > ${arg('at')} and created_at <= ${arg('latest')}
        )
        and not exists (select 1 from users where ${isActiveOperator})
        and not exists (select 1 from users where username = ${arg('username')})`,
  )
  const isAccountCreated = (arg: (name: 'accountId' | 'eventId') => unknown) => sql`
    from accounts where accounts.id = ${arg('accountId')} and accounts.event_id = ${arg('eventId')}`
  const addUser = sqlStatement<FirstOperatorArgs>(
    (arg) => sql`
      insert into users
        (id, account_id, email, role, created_at, event_id, username, password_hash)
      select cast(${arg('userId')} as text), accounts.id, cast(${arg('email')} as text), 'operator',
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('username')} as text), cast(${arg('hash')} as text)
      ${isAccountCreated(arg)}`,
  )
  /** Deletes every first-operator link. */
  const deleteInvitations = sqlStatement<FirstOperatorArgs>(
    (arg) =>
      sql`delete from invitations where user_id is null and exists (select 1 ${isAccountCreated(arg)})`,
  )

  return {
    async addFirstOperator({ account, user, passwordHash, invitationId }, event) {
      const args = {
        accountId: account.id,
        name: account.name,
        region: account.region,
        status: account.status,
        offboardingPolicy: account.offboardingPolicy,
        enforced: account.ipAllowlistEnforced ? 1 : 0,
        userId: user.id,
        email: user.email,
        username: user.username,
        hash: passwordHash,
        invitationId,
        createdAt: account.createdAt,
        at: event.at,
        latest: getLatestDeadline(0, event.at),
        eventId: event.id,
      }
      const [, , addedUsers] = await engine.atomic([
        audit.bumpAuthority,
        addAccount(args),
        addUser(args),
        audit.insertEventIfChanged('users', event),
        deleteInvitations(args),
      ])
      return addedUsers === 1
    },
  }
}

/** Tests if a row of `users` can sign in as operator. */
export const isActiveOperator = sql`
  users.role = 'operator' and users.password_hash is not null and users.deactivated_at is null`

/** Tests if a user (`person`) for which the condition holds can sign in as operator. */
const hasOperatorWhere = (condition: RawBuilder<unknown>) => sql`exists (
  select 1 from users person inner join accounts home on home.id = person.account_id
  where person.role = 'operator' and person.password_hash is not null and person.deactivated_at is null
    and home.status = 'open' and ${condition})`

/*
 * The last operator who can sign in cannot be demoted or locked out: nobody could create another in a
 * browser. Changes of permissions run one after another, so of two operators who demote each other at
 * once, one succeeds.
 */

/** Guards a change of `users` that may end its user's operator role. */
const isAnotherUserOperator = sql<boolean>`(
  not ${hasOperatorWhere(sql`person.id = users.id`)} or ${hasOperatorWhere(sql`person.id <> users.id`)})`

/** Guards a change of `accounts` that may lock its users out. */
const hasAnotherAccountOperator = sql<boolean>`(
  not ${hasOperatorWhere(sql`home.id = accounts.id`)} or ${hasOperatorWhere(sql`home.id <> accounts.id`)})`

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

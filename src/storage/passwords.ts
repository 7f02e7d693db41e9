import { sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { Role } from '../domain/key.ts'
import type { Invitation, SignInStorage } from '../service/ports/sign-in.ts'
import { createUserLock, isRoleUnchanged, toUser } from './accounts.ts'
import { type AuditedChanges, createEventInsert, selectAccountId, toEventRow } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { type Arg, createSqlWriter, expandJsonList } from './statements.ts'
import type { Tables } from './tables.ts'

type PasswordMethods = Pick<
  SignInStorage,
  | 'hasActiveOperator'
  | 'findCredentialsByUsername'
  | 'findCredentialsByUserId'
  | 'setUsername'
  | 'addInvitation'
  | 'findInvitation'
  | 'setPassword'
>

/** Stores usernames, passwords and invitations. */
export function createPasswordStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): PasswordMethods {
  const sqlStatement = createSqlWriter(compiler)
  const lockUserRow = createUserLock(compiler)

  const selectOperator = sqlStatement<Record<string, never>, { found: number }>(
    () => sql`select 1 as found from users where ${isActiveOperator} limit 1`,
  )
  const selectByUsername = sqlStatement<{ username: string }, Tables['users']>(
    (arg) => sql`select * from users where username = ${arg('username')}`,
  )
  const selectById = sqlStatement<{ id: string }, Tables['users']>(
    (arg) => sql`select * from users where id = ${arg('id')}`,
  )
  // Some key types authenticate with the username, so its change bumps the authority.
  const setUsername = audit.createUpdate(
    'users',
    ['username'],
    (arg: Arg<{ id: string; username: string; role: Role | null }>) => sql`
      ${isRoleUnchanged(arg('role'))} and not exists (
        select 1 from users other
        where other.username = ${arg('username')} and other.id <> ${arg('id')})`,
  )

  type NewInvitation = Tables['invitations']
  const deleteInvitations = sqlStatement<{ userId: string }>(
    (arg) => sql`
      delete from invitations where user_id = ${arg('userId')} and exists (
        select 1 from users where id = ${arg('userId')} and deactivated_at is null
      )`,
  )
  /** The user's role may have been raised since the permission was checked. */
  const insertInvitation = sqlStatement<NewInvitation & { role: Role | null }>(
    (arg) => sql`
      insert into invitations (id, digest, user_id, created_at, expires_at, event_id)
      select cast(${arg('id')} as text), cast(${arg('digest')} as text),
        cast(${arg('user_id')} as text), cast(${arg('created_at')} as bigint),
        cast(${arg('expires_at')} as bigint), cast(${arg('event_id')} as text)
      where cast(${arg('user_id')} as text) is null or exists (
        select 1 from users where id = ${arg('user_id')} and deactivated_at is null
          and ${isRoleUnchanged(arg('role'))}
      )`,
  )
  const insertEventIfInvited = createEventInsert<{ invitationId: string }>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from invitations left join users on users.id = invitations.user_id
      where invitations.id = ${arg('invitationId')} and invitations.event_id = ${arg('id')}`,
  }))
  const selectInvitation = sqlStatement<
    { digests: string; now: number; latest: number },
    NewInvitation
  >(
    (arg) => sql`
      select * from invitations
      where digest in ${expandJsonList(engine, arg('digests'))} and expires_at > ${arg('now')}
        and created_at <= ${arg('latest')}`,
  )

  interface NewPassword {
    readonly userId: string
    readonly hash: string
    readonly invitationId: string | null
    readonly but: string
    readonly was: string | null
    readonly at: number
    readonly latest: number
    readonly eventId: string
  }
  const updatePassword = sqlStatement<NewPassword>(
    (arg) => sql`
      update users set password_hash = ${arg('hash')}, event_id = ${arg('eventId')}
      where id = ${arg('userId')} and deactivated_at is null
        and (cast(${arg('was')} as text) is null or password_hash = ${arg('was')}) and (
        cast(${arg('invitationId')} as text) is null or exists (
          select 1 from invitations
          where invitations.id = ${arg('invitationId')} and user_id = ${arg('userId')}
            and expires_at > ${arg('at')} and created_at <= ${arg('latest')}
        )
      )`,
  )
  const insertEventIfSet = createEventInsert<{ userId: string }>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and users.event_id = ${arg('id')}`,
  }))
  const deleteIfSet = (table: 'sessions' | 'invitations') =>
    sqlStatement<NewPassword>(
      (arg) => sql`
        delete from ${sql.table(table)}
        where user_id = ${arg('userId')} and id <> ${arg('but')} and exists (
          select 1 from users
          where users.id = ${arg('userId')} and users.event_id = ${arg('eventId')}
        )`,
    )
  const [endSessions, endInvitations] = [deleteIfSet('sessions'), deleteIfSet('invitations')]

  return {
    async hasActiveOperator() {
      return (await engine.read(selectOperator({}))).length > 0
    },

    async findCredentialsByUsername(username) {
      const [row] = await engine.read(selectByUsername({ username }))
      return row === undefined ? null : toCredentials(row)
    },

    async findCredentialsByUserId(id) {
      const [row] = await engine.read(selectById({ id }))
      return row === undefined ? null : toCredentials(row)
    },

    setUsername: (id, username, event, role) =>
      setUsername({ id, username, role: role ?? null }, event),

    async addInvitation({ id, digest, userId, createdAt, expiresAt }, event, role) {
      const row = {
        id,
        digest,
        user_id: userId,
        created_at: createdAt,
        expires_at: expiresAt,
        event_id: event.id,
        role: role ?? null,
      }
      const changed = await engine.atomic([
        ...(userId === null ? [] : [lockUserRow({ userId }), deleteInvitations({ userId })]),
        insertInvitation(row),
        insertEventIfInvited({ ...toEventRow(event), invitationId: id }),
      ])
      return changed.at(-1) === 1
    },

    async findInvitation(digests, now) {
      const [row] = await engine.read(
        selectInvitation({
          digests: JSON.stringify(digests),
          now,
          latest: getLatestDeadline(0, now),
        }),
      )
      return row === undefined ? null : toInvitation(row)
    },

    async setPassword(userId, { hash, invitationId, but, was = null }, event) {
      const { id: eventId, at } = event
      const latest = getLatestDeadline(0, at)
      const args = { userId, hash, invitationId, was, at, latest, eventId, but: but ?? '' }
      const [, changed] = await engine.atomic([
        lockUserRow({ userId }),
        updatePassword(args),
        insertEventIfSet({ ...toEventRow(event), userId }),
        endSessions(args),
        endInvitations(args),
      ])
      return changed === 1
    },
  }
}

/** Tests if a row of `users` can sign in as operator. */
export const isActiveOperator = sql`
  users.role = 'operator' and users.password_hash is not null and users.deactivated_at is null`

const toCredentials = (row: Tables['users']) => ({
  user: toUser(row),
  passwordHash: row.password_hash,
  sealedTotp: row.sealed_totp,
})

const toInvitation = (row: Tables['invitations']): Invitation => ({
  id: row.id,
  userId: row.user_id,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
})

type FirstOperatorMethods = Pick<SignInStorage, 'addFirstOperator'>

/**
 * Creates the first operator, once. Locks the authority's row first; the account's insert has the guard,
 * and the other statements depend on it.
 */
export function createFirstOperatorStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): FirstOperatorMethods {
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

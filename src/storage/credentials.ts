import { sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { Role } from '../domain/role.ts'
import type { Invitation, SignInStorage } from '../service/ports/sign-in.ts'
import {
  type AuditedChanges,
  createEventInsert,
  selectAccountId,
  toEventRow,
} from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { isActiveOperator } from './operators.ts'
import {
  type Arg,
  createSqlWriter,
  expandJsonList,
  isPast,
  type TableStatements,
} from './statements.ts'
import type { Tables } from './tables.ts'
import { createUserLock, isRoleUnchanged, toUser } from './users.ts'

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
  rows: TableStatements,
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

    findCredentialsByUserId: rows.findById('users', toCredentials),

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

type SecondFactorMethods = Pick<
  SignInStorage,
  'setSecondFactor' | 'claimTotpStep' | 'claimRecoveryCode' | 'countRecoveryCodes'
>

/**
 * A code is accepted one step before or after now, by servers whose clocks may differ by two steps. A
 * stored step further in the future came from a wrong clock, and must not refuse codes for years.
 */
const MAX_STEPS_AHEAD = 4

/** Stores the second factor and its recovery codes. */
export function createSecondFactorStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): SecondFactorMethods {
  const sqlStatement = createSqlWriter(compiler)
  const lockUserRow = createUserLock(compiler)

  interface TotpChange {
    readonly userId: string
    readonly eventId: string
  }
  const enableTotp = sqlStatement<TotpChange & { sealed: string }>(
    (arg) => sql`
      update users set sealed_totp = ${arg('sealed')}, totp_step = null,
        event_id = ${arg('eventId')}
      where id = ${arg('userId')} and deactivated_at is null`,
  )
  const disableTotp = sqlStatement<TotpChange & { role: Role | null }>(
    (arg) => sql`
      update users set sealed_totp = null, totp_step = null, event_id = ${arg('eventId')}
      where id = ${arg('userId')} and sealed_totp is not null and ${isRoleUnchanged(arg('role'))}`,
  )
  const isChanged = (arg: (name: keyof TotpChange) => unknown) => sql`exists (
    select 1 from users where users.id = ${arg('userId')} and users.event_id = ${arg('eventId')})`
  const deleteCodes = sqlStatement<TotpChange>(
    (arg) => sql`
      delete from recovery_codes where user_id = ${arg('userId')} and ${isChanged(arg)}`,
  )
  const addCode = sqlStatement<TotpChange & { digest: string }>(
    (arg) => sql`
      insert into recovery_codes (user_id, digest)
      select cast(${arg('userId')} as text), cast(${arg('digest')} as text)
      where ${isChanged(arg)}`,
  )

  const updateTotpStep = sqlStatement<{
    userId: string
    step: number
    before: number
    latest: number
  }>(
    (arg) => sql`
      update users set totp_step = ${arg('step')}
      where id = ${arg('userId')} and sealed_totp is not null
        and (totp_step is null or ${isPast('totp_step', arg('before'), arg('latest'))})`,
  )

  interface UsedCode {
    readonly userId: string
    readonly digests: string
  }
  const isUsedCode = (arg: (name: keyof UsedCode) => unknown) => sql`
    recovery_codes.user_id = ${arg('userId')}
    and recovery_codes.digest in ${expandJsonList(engine, arg('digests'))}`
  const insertEventIfCodeExists = createEventInsert<UsedCode>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and exists (
        select 1 from recovery_codes where ${isUsedCode(arg)}
      )`,
  }))
  const deleteCode = sqlStatement<UsedCode>(
    (arg) => sql`delete from recovery_codes where ${isUsedCode(arg)}`,
  )
  const count = sqlStatement<{ userId: string }, { n: number }>(
    (arg) => sql`select count(*) as n from recovery_codes where user_id = ${arg('userId')}`,
  )

  return {
    async setSecondFactor(userId, totp, event, role) {
      const change = { userId, eventId: event.id }
      const [changed] = await engine.atomic([
        totp === null
          ? disableTotp({ ...change, role: role ?? null })
          : enableTotp({ ...change, sealed: totp.sealed }),
        deleteCodes(change),
        ...(totp?.recoveryDigests ?? []).map((digest) => addCode({ ...change, digest })),
        audit.insertEventIfChanged('users', event),
      ])
      return changed === 1
    },

    async claimTotpStep(userId, step) {
      const [changed] = await engine.atomic([
        updateTotpStep({ userId, step, before: step - 1, latest: step + MAX_STEPS_AHEAD }),
      ])
      return changed === 1
    },

    async claimRecoveryCode(userId, digests, event) {
      const usedCode = { userId, digests: JSON.stringify(digests) }
      const [, added] = await engine.atomic([
        lockUserRow({ userId }),
        insertEventIfCodeExists({ ...toEventRow(event), ...usedCode }),
        deleteCode(usedCode),
      ])
      return added === 1
    },

    async countRecoveryCodes(userId) {
      const [row] = await engine.read(count({ userId }))
      return Number(row?.n ?? 0)
    },
  }
}

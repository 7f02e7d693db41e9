import { sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { ListStorage, SignInStatus } from '../service/ports/lists.ts'
import type { FailureCount, Session, SignInStorage } from '../service/ports/sign-in.ts'
import { createEventInsert, selectAccountId, toEventRow } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, expandJsonList, isPast } from './statements.ts'
import type { Tables } from './tables.ts'
import { createUserLock, toUser } from './users.ts'

type SessionMethods = Pick<
  SignInStorage,
  | 'addSession'
  | 'findSession'
  | 'touchSession'
  | 'deleteSession'
  | 'deleteSessions'
  | 'listSessions'
  | 'purgeExpiredSignIns'
>

type SessionRow = Tables['sessions']
type FoundSessionRow = SessionRow & {
  readonly account_id: string
  readonly email: string
  readonly role: Tables['users']['role']
  readonly user_created_at: number
  readonly username: string | null
  readonly account_name: string
}

/** Stores sessions. No key depends on them, so the authority's version stays. */
export function createSessionStorage(engine: Engine, compiler: StatementCompiler): SessionMethods {
  const sqlStatement = createSqlWriter(compiler)
  const lockUserRow = createUserLock(compiler)

  const add = sqlStatement<SessionRow & { password_hash: string | null }>(
    (arg) => sql`
      insert into sessions
        (id, digest, user_id, kind, name, created_at, seen_at, expires_at, event_id)
      select cast(${arg('id')} as text), cast(${arg('digest')} as text), users.id,
        cast(${arg('kind')} as text), cast(${arg('name')} as text),
        cast(${arg('created_at')} as bigint), cast(${arg('seen_at')} as bigint),
        cast(${arg('expires_at')} as bigint), cast(${arg('event_id')} as text)
      from users where users.id = ${arg('user_id')} and users.deactivated_at is null
        and (cast(${arg('password_hash')} as text) is null
          or users.password_hash = ${arg('password_hash')})`,
  )
  const insertEventIfAdded = createEventInsert<{ sessionId: string }>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from sessions join users on users.id = sessions.user_id
      where sessions.id = ${arg('sessionId')} and sessions.event_id = ${arg('id')}`,
  }))

  const find = sqlStatement<{ digests: string; now: number; latest: number }, FoundSessionRow>(
    (arg) => sql`
      select sessions.*, users.account_id, users.email, users.role,
        users.created_at as user_created_at, users.username, accounts.name as account_name
      from sessions
        join users on users.id = sessions.user_id
        join accounts on accounts.id = users.account_id
      where sessions.digest in ${expandJsonList(engine, arg('digests'))}
        and sessions.expires_at > ${arg('now')} and sessions.created_at <= ${arg('latest')}
        and users.deactivated_at is null and accounts.status = 'open'`,
  )
  const touch = sqlStatement<{ id: string; seenAt: number; latest: number }>(
    (arg) => sql`
      update sessions set seen_at = ${arg('seenAt')}
      where id = ${arg('id')} and ${isPast('seen_at', arg('seenAt'), arg('latest'))}`,
  )

  // Ending a session locks it first, so that of two at once one finds it.
  const lockSession = sqlStatement<{ id: string }>(
    (arg) => sql`update sessions set seen_at = seen_at where id = ${arg('id')}`,
  )
  const insertEventIfPresent = createEventInsert<{ sessionId: string }>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from sessions join users on users.id = sessions.user_id
      where sessions.id = ${arg('sessionId')}`,
  }))
  const remove = sqlStatement<{ id: string }>(
    (arg) => sql`delete from sessions where id = ${arg('id')}`,
  )

  const insertEventIfAny = createEventInsert<{ userId: string; but: string }>(compiler, (arg) => ({
    account: selectAccountId('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and exists (
        select 1 from sessions where user_id = ${arg('userId')} and sessions.id <> ${arg('but')}
      )`,
  }))
  const removeAll = sqlStatement<{ userId: string; but: string }>(
    (arg) => sql`
      delete from sessions where user_id = ${arg('userId')} and id <> ${arg('but')}`,
  )

  const list = sqlStatement<{ userId: string; now: number; latest: number }, SessionRow>(
    (arg) => sql`
      select * from sessions where user_id = ${arg('userId')} and expires_at > ${arg('now')}
        and created_at <= ${arg('latest')}
      order by created_at desc, id desc`,
  )
  const purge = (table: 'sessions' | 'invitations') =>
    sqlStatement<{ now: number }>(
      (arg) => sql`delete from ${sql.table(table)} where expires_at <= ${arg('now')}`,
    )
  const [purgeSessions, purgeInvitations] = [purge('sessions'), purge('invitations')]
  const purgeFailures = sqlStatement<{ before: number }>(
    (arg) => sql`delete from sign_in_failures where last_at < ${arg('before')}`,
  )

  return {
    async addSession({ userId, createdAt, seenAt, expiresAt, ...session }, event, passwordHash) {
      const [, added] = await engine.atomic([
        lockUserRow({ userId }),
        add({
          ...session,
          user_id: userId,
          created_at: createdAt,
          seen_at: seenAt,
          expires_at: expiresAt,
          event_id: event.id,
          password_hash: passwordHash ?? null,
        }),
        insertEventIfAdded({ ...toEventRow(event), sessionId: session.id }),
      ])
      return added === 1
    },

    async findSession(digests, now) {
      const [row] = await engine.read(
        find({ digests: JSON.stringify(digests), now, latest: getLatestDeadline(0, now) }),
      )
      if (row === undefined) return null
      const user = toUser({
        id: row.user_id,
        account_id: row.account_id,
        email: row.email,
        role: row.role,
        created_at: row.user_created_at,
        username: row.username,
        deactivated_at: null,
      })
      const account = { id: row.account_id, name: row.account_name, status: 'open' as const }
      return { session: toSession(row), user, account }
    },

    async touchSession(id, seenAt) {
      await engine.atomic([touch({ id, seenAt, latest: getLatestDeadline(0, seenAt) })])
    },

    async deleteSession(id, event) {
      const [, added] = await engine.atomic([
        lockSession({ id }),
        insertEventIfPresent({ ...toEventRow(event), sessionId: id }),
        remove({ id }),
      ])
      return added === 1
    },

    async deleteSessions(userId, but, event) {
      const args = { userId, but: but ?? '' }
      const [, , removed = 0] = await engine.atomic([
        lockUserRow({ userId }),
        insertEventIfAny({ ...toEventRow(event), ...args }),
        removeAll(args),
      ])
      return removed
    },

    async listSessions(userId, now) {
      return (await engine.read(list({ userId, now, latest: getLatestDeadline(0, now) }))).map(
        toSession,
      )
    },

    async purgeExpiredSignIns(now, failuresBefore) {
      const changed = await engine.atomic([
        purgeSessions({ now }),
        purgeInvitations({ now }),
        purgeFailures({ before: failuresBefore }),
      ])
      return changed.reduce((total, n) => total + n, 0)
    },
  }
}

const toSession = (row: SessionRow): Session => ({
  id: row.id,
  userId: row.user_id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
  seenAt: row.seen_at,
  expiresAt: row.expires_at,
})

interface SignInStatusRow {
  readonly userId: string
  readonly hasPassword: number
  readonly hasSecondFactor: number
  readonly invitedUntil: number | null
  readonly sessions: number
  readonly seenAt: number | null
  readonly startedAt: number | null
}

/** Lists how users sign in. Ended sessions have no row, so their start comes from the audit. */
export function createSignInListStorage(
  engine: Engine,
  compiler: StatementCompiler,
): Pick<ListStorage, 'listSignInStatus'> {
  const list = createSqlWriter(compiler)<
    { userIds: string; accountId: string | null; now: number; latest: number },
    SignInStatusRow
  >(
    (arg) => sql`
      select users.id as "userId",
        case when users.password_hash is null then 0 else 1 end as "hasPassword",
        case when users.sealed_totp is null then 0 else 1 end as "hasSecondFactor",
        (select max(expires_at) from invitations
          where user_id = users.id and expires_at > ${arg('now')} and created_at <= ${arg('latest')}) as "invitedUntil",
        (select count(*) from sessions
          where user_id = users.id and expires_at > ${arg('now')} and created_at <= ${arg('latest')}) as sessions,
        (select max(seen_at) from sessions where user_id = users.id) as "seenAt",
        (select at from audit_events where subject = users.id and action = 'session.started'
          order by id desc limit 1) as "startedAt"
      from users where users.id in ${expandJsonList(engine, arg('userIds'))}
        and (cast(${arg('accountId')} as text) is null or users.account_id = ${arg('accountId')})`,
  )
  return {
    async listSignInStatus({ userIds, now, accountId = null }) {
      const latest = getLatestDeadline(0, now)
      const rows = await engine.read(
        list({ userIds: JSON.stringify(userIds), accountId, now, latest }),
      )
      return rows.map(toSignInStatus)
    },
  }
}

const toSignInStatus = ({ seenAt, startedAt, ...row }: SignInStatusRow): SignInStatus => ({
  userId: row.userId,
  hasPassword: row.hasPassword === 1,
  hasSecondFactor: row.hasSecondFactor === 1,
  invitedUntil: row.invitedUntil,
  sessions: Number(row.sessions),
  seenAt: seenAt === null && startedAt === null ? null : Math.max(seenAt ?? 0, startedAt ?? 0),
})

type SignInFailureMethods = Pick<
  SignInStorage,
  'listFailureCounts' | 'addFailure' | 'deleteFailures'
>

/** Counts failed sign-ins in the database, so that all processes count together. */
export function createSignInFailureStorage(
  engine: Engine,
  compiler: StatementCompiler,
): SignInFailureMethods {
  const sqlStatement = createSqlWriter(compiler)
  const list = sqlStatement<{ ids: string }, FailureCount>(
    (arg) => sql`
      select id, failures as "count", last_at as "lastAt" from sign_in_failures
      where id in ${expandJsonList(engine, arg('ids'))}`,
  )
  const add = sqlStatement<{ id: string; at: number; forgottenBefore: number; latest: number }>(
    (arg) => sql`
      insert into sign_in_failures (id, failures, last_at)
      values (${arg('id')}, 1, ${arg('at')})
      on conflict (id) do update set
        failures = case
          when sign_in_failures.last_at < ${arg('forgottenBefore')}
            or sign_in_failures.last_at > ${arg('latest')} then 1
          else sign_in_failures.failures + 1 end,
        last_at = case
          when sign_in_failures.last_at > excluded.last_at
            and sign_in_failures.last_at <= ${arg('latest')} then sign_in_failures.last_at
          else excluded.last_at end`,
  )
  const deleteFailure = sqlStatement<{ id: string }>(
    (arg) => sql`delete from sign_in_failures where id = ${arg('id')}`,
  )
  // All writers use one order, so that two of them do not deadlock.
  const sortIds = (ids: readonly string[]) => [...new Set(ids)].sort()

  return {
    listFailureCounts: async (ids) => engine.read(list({ ids: JSON.stringify(ids) })),

    async addFailure(ids, at, forgottenBefore) {
      const times = { at, forgottenBefore, latest: getLatestDeadline(0, at) }
      await engine.atomic(sortIds(ids).map((id) => add({ id, ...times })))
    },

    async deleteFailures(ids) {
      await engine.atomic(sortIds(ids).map((id) => deleteFailure({ id })))
    },
  }
}

import { sql } from 'kysely'
import { latestPending } from '../../domain/instant.ts'
import type { PeopleStorage, Session } from '../../service/ports/people.ts'
import { toUser } from '../accounts.ts'
import { anyOf } from '../any-of.ts'
import type { Compiler, Engine } from '../engine.ts'
import { accountOf, addEventWhere, toRow } from '../event-rows.ts'
import { isPast } from '../past.ts'
import type { Tables } from '../tables.ts'
import { writer } from '../written.ts'
import { lockUser } from './lock.ts'

type Verbs = Pick<
  PeopleStorage,
  | 'addSession'
  | 'findSession'
  | 'touchSession'
  | 'removeSession'
  | 'removeSessions'
  | 'listSessions'
  | 'purgeSessions'
>

type Row = Tables['sessions']
type Found = Row & {
  readonly account_id: string
  readonly email: string
  readonly role: Tables['users']['role']
  readonly user_created_at: number
  readonly username: string | null
  readonly account_name: string
}

/** Who is signed in. No key depends on it: the authority's version stays. */
export function createSessions(engine: Engine, compiler: Compiler): Verbs {
  const written = writer(compiler)
  const lock = lockUser(compiler)

  const add = written<Row & { password_hash: string | null }>(
    (arg) => sql`
      insert into sessions
        (id, digest, user_id, kind, name, created_at, seen_at, expires_at, event_id)
      select cast(${arg('id')} as text), cast(${arg('digest')} as text), users.id,
        cast(${arg('kind')} as text), cast(${arg('name')} as text),
        cast(${arg('created_at')} as bigint), cast(${arg('seen_at')} as bigint),
        cast(${arg('expires_at')} as bigint), cast(${arg('event_id')} as text)
      from users where users.id = ${arg('user_id')} and users.left_at is null
        and (cast(${arg('password_hash')} as text) is null
          or users.password_hash = ${arg('password_hash')})`,
  )
  const addIfBegun = addEventWhere<{ sessionId: string }>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from sessions join users on users.id = sessions.user_id
      where sessions.id = ${arg('sessionId')} and sessions.event_id = ${arg('id')}`,
  }))

  const find = written<{ digests: string; now: number; latest: number }, Found>(
    (arg) => sql`
      select sessions.*, users.account_id, users.email, users.role,
        users.created_at as user_created_at, users.username, accounts.name as account_name
      from sessions
        join users on users.id = sessions.user_id
        join accounts on accounts.id = users.account_id
      where sessions.digest in ${anyOf(engine, arg('digests'))}
        and sessions.expires_at > ${arg('now')} and sessions.created_at <= ${arg('latest')}
        and users.left_at is null and accounts.status = 'open'`,
  )
  const touch = written<{ id: string; seenAt: number; latest: number }>(
    (arg) => sql`
      update sessions set seen_at = ${arg('seenAt')}
      where id = ${arg('id')} and ${isPast('seen_at', arg('seenAt'), arg('latest'))}`,
  )

  // Whoever ends a session locks it first, so that of two at once one finds it.
  const hold = written<{ id: string }>(
    (arg) => sql`update sessions set seen_at = seen_at where id = ${arg('id')}`,
  )
  const addIfThere = addEventWhere<{ sessionId: string }>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from sessions join users on users.id = sessions.user_id
      where sessions.id = ${arg('sessionId')}`,
  }))
  const remove = written<{ id: string }>((arg) => sql`delete from sessions where id = ${arg('id')}`)

  const addIfAny = addEventWhere<{ userId: string; but: string }>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and exists (
        select 1 from sessions where user_id = ${arg('userId')} and sessions.id <> ${arg('but')}
      )`,
  }))
  const removeAll = written<{ userId: string; but: string }>(
    (arg) => sql`
      delete from sessions where user_id = ${arg('userId')} and id <> ${arg('but')}`,
  )

  const list = written<{ userId: string; now: number; latest: number }, Row>(
    (arg) => sql`
      select * from sessions where user_id = ${arg('userId')} and expires_at > ${arg('now')}
        and created_at <= ${arg('latest')}
      order by created_at desc, id desc`,
  )
  const purge = (table: 'sessions' | 'invitations') =>
    written<{ now: number }>(
      (arg) => sql`delete from ${sql.table(table)} where expires_at <= ${arg('now')}`,
    )
  const [purgeSessions, purgeInvitations] = [purge('sessions'), purge('invitations')]
  const purgeFailures = written<{ before: number }>(
    (arg) => sql`delete from sign_in_failures where last_at < ${arg('before')}`,
  )

  return {
    async addSession({ userId, createdAt, seenAt, expiresAt, ...session }, event, passwordHash) {
      const [, added] = await engine.atomic([
        lock({ userId }),
        add({
          ...session,
          user_id: userId,
          created_at: createdAt,
          seen_at: seenAt,
          expires_at: expiresAt,
          event_id: event.id,
          password_hash: passwordHash ?? null,
        }),
        addIfBegun({ ...toRow(event), sessionId: session.id }),
      ])
      return added === 1
    },

    async findSession(digests, now) {
      const [row] = await engine.read(
        find({ digests: JSON.stringify(digests), now, latest: latestPending(0, now) }),
      )
      if (row === undefined) return null
      const user = toUser({
        id: row.user_id,
        account_id: row.account_id,
        email: row.email,
        role: row.role,
        created_at: row.user_created_at,
        username: row.username,
        left_at: null,
      })
      const account = { id: row.account_id, name: row.account_name, status: 'open' as const }
      return { session: toSession(row), user, account }
    },

    async touchSession(id, seenAt) {
      await engine.atomic([touch({ id, seenAt, latest: latestPending(0, seenAt) })])
    },

    async removeSession(id, event) {
      const [, added] = await engine.atomic([
        hold({ id }),
        addIfThere({ ...toRow(event), sessionId: id }),
        remove({ id }),
      ])
      return added === 1
    },

    async removeSessions(userId, but, event) {
      const of = { userId, but: but ?? '' }
      const [, , removed = 0] = await engine.atomic([
        lock({ userId }),
        addIfAny({ ...toRow(event), ...of }),
        removeAll(of),
      ])
      return removed
    },

    async listSessions(userId, now) {
      return (await engine.read(list({ userId, now, latest: latestPending(0, now) }))).map(
        toSession,
      )
    },

    async purgeSessions(now, failuresBefore) {
      const changed = await engine.atomic([
        purgeSessions({ now }),
        purgeInvitations({ now }),
        purgeFailures({ before: failuresBefore }),
      ])
      return changed.reduce((all, n) => all + n, 0)
    },
  }
}

const toSession = (row: Row): Session => ({
  id: row.id,
  userId: row.user_id,
  kind: row.kind,
  name: row.name,
  createdAt: row.created_at,
  seenAt: row.seen_at,
  expiresAt: row.expires_at,
})

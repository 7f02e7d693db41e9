import { sql } from 'kysely'
import { latestPending } from '../../domain/instant.ts'
import type { Role } from '../../domain/key.ts'
import type { Invitation, PeopleStorage } from '../../service/ports/people.ts'
import { toUser } from '../accounts.ts'
import { anyOf } from '../any-of.ts'
import type { Audit } from '../audit.ts'
import type { Compiler, Engine } from '../engine.ts'
import { accountOf, addEventWhere, toRow } from '../event-rows.ts'
import type { Tables } from '../tables.ts'
import { writer } from '../written.ts'
import { isStill } from './is-still.ts'
import { lockUser } from './lock.ts'

type Verbs = Pick<
  PeopleStorage,
  | 'hasOperator'
  | 'findCredentials'
  | 'findCredentialsOf'
  | 'setUsername'
  | 'addInvitation'
  | 'findInvitation'
  | 'setPassword'
>

/** Usernames, passwords, and the links by which people come to one. */
export function createPasswords(engine: Engine, compiler: Compiler, audit: Audit): Verbs {
  const written = writer(compiler)
  const lock = lockUser(compiler)

  const operator = written<Record<string, never>, { found: number }>(
    () => sql`select 1 as found from users where ${isOperator} limit 1`,
  )
  const byUsername = written<{ username: string }, Tables['users']>(
    (arg) => sql`select * from users where username = ${arg('username')}`,
  )
  const byId = written<{ id: string }, Tables['users']>(
    (arg) => sql`select * from users where id = ${arg('id')}`,
  )
  const setName = written<{ id: string; username: string; eventId: string; role: Role | null }>(
    (arg) => sql`
      update users set username = ${arg('username')}, event_id = ${arg('eventId')}
      where id = ${arg('id')} and ${isStill(arg('role'))} and not exists (
        select 1 from users other
        where other.username = ${arg('username')} and other.id <> ${arg('id')}
      )`,
  )

  type NewInvitation = Tables['invitations']
  const forget = written<{ userId: string }>(
    (arg) => sql`
      delete from invitations where user_id = ${arg('userId')} and exists (
        select 1 from users where id = ${arg('userId')} and left_at is null
      )`,
  )
  /** Between the asking whether he may be invited and this, he may have been raised. */
  const invite = written<NewInvitation & { role: Role | null }>(
    (arg) => sql`
      insert into invitations (id, digest, user_id, created_at, expires_at, event_id)
      select cast(${arg('id')} as text), cast(${arg('digest')} as text),
        cast(${arg('user_id')} as text), cast(${arg('created_at')} as bigint),
        cast(${arg('expires_at')} as bigint), cast(${arg('event_id')} as text)
      where cast(${arg('user_id')} as text) is null or exists (
        select 1 from users where id = ${arg('user_id')} and left_at is null
          and ${isStill(arg('role'))}
      )`,
  )
  const addIfInvited = addEventWhere<{ invitationId: string }>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from invitations left join users on users.id = invitations.user_id
      where invitations.id = ${arg('invitationId')} and invitations.event_id = ${arg('id')}`,
  }))
  const findInvited = written<{ digests: string; now: number; latest: number }, NewInvitation>(
    (arg) => sql`
      select * from invitations
      where digest in ${anyOf(engine, arg('digests'))} and expires_at > ${arg('now')}
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
  const set = written<NewPassword>(
    (arg) => sql`
      update users set password_hash = ${arg('hash')}, event_id = ${arg('eventId')}
      where id = ${arg('userId')} and left_at is null
        and (cast(${arg('was')} as text) is null or password_hash = ${arg('was')}) and (
        cast(${arg('invitationId')} as text) is null or exists (
          select 1 from invitations
          where invitations.id = ${arg('invitationId')} and user_id = ${arg('userId')}
            and expires_at > ${arg('at')} and created_at <= ${arg('latest')}
        )
      )`,
  )
  const addIfSet = addEventWhere<{ userId: string }>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and users.event_id = ${arg('id')}`,
  }))
  const ifSet = (table: 'sessions' | 'invitations') =>
    written<NewPassword>(
      (arg) => sql`
        delete from ${sql.table(table)}
        where user_id = ${arg('userId')} and id <> ${arg('but')} and exists (
          select 1 from users
          where users.id = ${arg('userId')} and users.event_id = ${arg('eventId')}
        )`,
    )
  const [endSessions, endInvitations] = [ifSet('sessions'), ifSet('invitations')]

  return {
    async hasOperator() {
      return (await engine.read(operator({}))).length > 0
    },

    async findCredentials(username) {
      const [row] = await engine.read(byUsername({ username }))
      return row === undefined ? null : toCredentials(row)
    },

    async findCredentialsOf(id) {
      const [row] = await engine.read(byId({ id }))
      return row === undefined ? null : toCredentials(row)
    },

    // What keys of some dialects are presented with: a change of who may do what.
    setUsername: (id, username, event, role) =>
      audit.change(
        'users',
        setName({ id, username, eventId: event.id, role: role ?? null }),
        event,
      ),

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
        ...(userId === null ? [] : [lock({ userId }), forget({ userId })]),
        invite(row),
        addIfInvited({ ...toRow(event), invitationId: id }),
      ])
      return changed.at(-1) === 1
    },

    async findInvitation(digests, now) {
      const [row] = await engine.read(
        findInvited({ digests: JSON.stringify(digests), now, latest: latestPending(0, now) }),
      )
      return row === undefined ? null : toInvitation(row)
    },

    async setPassword(userId, { hash, invitationId, but, was = null }, event) {
      const { id: eventId, at } = event
      const latest = latestPending(0, at)
      const wish = { userId, hash, invitationId, was, at, latest, eventId, but: but ?? '' }
      const [, changed] = await engine.atomic([
        lock({ userId }),
        set(wish),
        addIfSet({ ...toRow(event), userId }),
        endSessions(wish),
        endInvitations(wish),
      ])
      return changed === 1
    },
  }
}

/** Whether a row of `users` is of somebody who can sign in as operator. */
export const isOperator = sql`
  users.role = 'operator' and users.password_hash is not null and users.left_at is null`

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

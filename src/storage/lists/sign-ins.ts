import { sql } from 'kysely'
import { latestPending } from '../../domain/instant.ts'
import type { ListStorage, SignInStanding } from '../../service/ports/lists.ts'
import { anyOf } from '../any-of.ts'
import type { Compiler, Engine } from '../engine.ts'
import { writer } from '../written.ts'

interface Row {
  readonly userId: string
  readonly hasPassword: number
  readonly hasSecondFactor: number
  readonly invitedUntil: number | null
  readonly sessions: number
  readonly seenAt: number | null
  readonly startedAt: number | null
}

/** How people sign in. A session that is over has no row: when it began is in the audit. */
export function createSignInLists(
  engine: Engine,
  compiler: Compiler,
): Pick<ListStorage, 'listSignIns'> {
  const list = writer(compiler)<{ userIds: string; now: number; latest: number }, Row>(
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
      from users where users.id in ${anyOf(engine, arg('userIds'))}`,
  )
  return {
    async listSignIns(userIds, now) {
      return (
        await engine.read(
          list({ userIds: JSON.stringify(userIds), now, latest: latestPending(0, now) }),
        )
      ).map(toStanding)
    },
  }
}

const toStanding = ({ seenAt, startedAt, ...row }: Row): SignInStanding => ({
  userId: row.userId,
  hasPassword: row.hasPassword === 1,
  hasSecondFactor: row.hasSecondFactor === 1,
  invitedUntil: row.invitedUntil,
  sessions: Number(row.sessions),
  seenAt: seenAt === null && startedAt === null ? null : Math.max(seenAt ?? 0, startedAt ?? 0),
})

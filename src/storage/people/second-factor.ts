import { sql } from 'kysely'
import type { Role } from '../../domain/key.ts'
import type { PeopleStorage } from '../../service/ports/people.ts'
import { anyOf } from '../any-of.ts'
import type { Audit } from '../audit.ts'
import type { Compiler, Engine } from '../engine.ts'
import { accountOf, addEventWhere, toRow } from '../event-rows.ts'
import { isPast } from '../past.ts'
import { writer } from '../written.ts'
import { isStill } from './is-still.ts'
import { lockUser } from './lock.ts'

type Verbs = Pick<
  PeopleStorage,
  'setTotp' | 'takeTotpStep' | 'takeRecoveryCode' | 'countRecoveryCodes'
>

/**
 * A code is accepted one step before or after now, by servers whose clocks may differ by two steps. A
 * stored step further in the future came from a wrong clock, and must not refuse codes for years.
 */
const MAX_STEPS_AHEAD = 4

/** The second factor, and the codes that stand in for it. */
export function createSecondFactor(engine: Engine, compiler: Compiler, audit: Audit): Verbs {
  const written = writer(compiler)
  const lock = lockUser(compiler)

  interface Change {
    readonly userId: string
    readonly eventId: string
  }
  const set = written<Change & { sealed: string }>(
    (arg) => sql`
      update users set sealed_totp = ${arg('sealed')}, totp_step = null,
        event_id = ${arg('eventId')}
      where id = ${arg('userId')} and left_at is null`,
  )
  const unset = written<Change & { role: Role | null }>(
    (arg) => sql`
      update users set sealed_totp = null, totp_step = null, event_id = ${arg('eventId')}
      where id = ${arg('userId')} and sealed_totp is not null and ${isStill(arg('role'))}`,
  )
  const isChanged = (arg: (name: keyof Change) => unknown) => sql`exists (
    select 1 from users where users.id = ${arg('userId')} and users.event_id = ${arg('eventId')})`
  const forgetCodes = written<Change>(
    (arg) => sql`
      delete from recovery_codes where user_id = ${arg('userId')} and ${isChanged(arg)}`,
  )
  const addCode = written<Change & { digest: string }>(
    (arg) => sql`
      insert into recovery_codes (user_id, digest)
      select cast(${arg('userId')} as text), cast(${arg('digest')} as text)
      where ${isChanged(arg)}`,
  )

  const takeStep = written<{ userId: string; step: number; before: number; latest: number }>(
    (arg) => sql`
      update users set totp_step = ${arg('step')}
      where id = ${arg('userId')} and sealed_totp is not null
        and (totp_step is null or ${isPast('totp_step', arg('before'), arg('latest'))})`,
  )

  interface Taken {
    readonly userId: string
    readonly digests: string
  }
  const isOne = (arg: (name: keyof Taken) => unknown) => sql`
    recovery_codes.user_id = ${arg('userId')}
    and recovery_codes.digest in ${anyOf(engine, arg('digests'))}`
  const addIfOne = addEventWhere<Taken>(compiler, (arg) => ({
    account: accountOf('users'),
    where: sql`
      from users where users.id = ${arg('userId')} and exists (
        select 1 from recovery_codes where ${isOne(arg)}
      )`,
  }))
  const takeCode = written<Taken>((arg) => sql`delete from recovery_codes where ${isOne(arg)}`)
  const count = written<{ userId: string }, { n: number }>(
    (arg) => sql`select count(*) as n from recovery_codes where user_id = ${arg('userId')}`,
  )

  return {
    async setTotp(userId, totp, event, role) {
      const change = { userId, eventId: event.id }
      const [changed] = await engine.atomic([
        totp === null
          ? unset({ ...change, role: role ?? null })
          : set({ ...change, sealed: totp.sealed }),
        forgetCodes(change),
        ...(totp?.recoveryDigests ?? []).map((digest) => addCode({ ...change, digest })),
        audit.addIfChanged('users', event),
      ])
      return changed === 1
    },

    async takeTotpStep(userId, step) {
      const [changed] = await engine.atomic([
        takeStep({ userId, step, before: step - 1, latest: step + MAX_STEPS_AHEAD }),
      ])
      return changed === 1
    },

    async takeRecoveryCode(userId, digests, event) {
      const taken = { userId, digests: JSON.stringify(digests) }
      const [, added] = await engine.atomic([
        lock({ userId }),
        addIfOne({ ...toRow(event), ...taken }),
        takeCode(taken),
      ])
      return added === 1
    },

    async countRecoveryCodes(userId) {
      const [row] = await engine.read(count({ userId }))
      return Number(row?.n ?? 0)
    },
  }
}

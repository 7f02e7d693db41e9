import { sql } from 'kysely'
import type { Role } from '../domain/key.ts'
import type { SignInStorage } from '../service/ports/sign-in.ts'
import { createUserLock, isRoleUnchanged } from './accounts.ts'
import type { AuditedChanges } from './audit.ts'
import { createEventInsert, selectAccountId, toEventRow } from './audit.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter, expandJsonList, isPast } from './statements.ts'

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

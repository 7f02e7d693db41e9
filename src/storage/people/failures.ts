import { sql } from 'kysely'
import { latestPending } from '../../domain/instant.ts'
import type { Failures, PeopleStorage } from '../../service/ports/people.ts'
import { anyOf } from '../any-of.ts'
import type { Compiler, Engine } from '../engine.ts'
import { writer } from '../written.ts'

type Verbs = Pick<PeopleStorage, 'listFailures' | 'addFailure' | 'forgetFailures'>

/** How often somebody was wrong: counted here, so that all processes count together. */
export function createFailures(engine: Engine, compiler: Compiler): Verbs {
  const written = writer(compiler)
  const list = written<{ ids: string }, Failures>(
    (arg) => sql`
      select id, failures as "count", last_at as "lastAt" from sign_in_failures
      where id in ${anyOf(engine, arg('ids'))}`,
  )
  const add = written<{ id: string; at: number; forgottenBefore: number; latest: number }>(
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
  const forget = written<{ id: string }>(
    (arg) => sql`delete from sign_in_failures where id = ${arg('id')}`,
  )
  // In one order, whoever writes: two that lock the same rows crosswise would wait for each other.
  const inOrder = (ids: readonly string[]) => [...new Set(ids)].sort()

  return {
    listFailures: async (ids) => engine.read(list({ ids: JSON.stringify(ids) })),

    async addFailure(ids, at, forgottenBefore) {
      const times = { at, forgottenBefore, latest: latestPending(0, at) }
      await engine.atomic(inOrder(ids).map((id) => add({ id, ...times })))
    },

    async forgetFailures(ids) {
      await engine.atomic(inOrder(ids).map((id) => forget({ id })))
    },
  }
}

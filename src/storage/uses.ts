import { sql } from 'kysely'
import { latestPending } from '../domain/instant.ts'
import type { KeyUse, OperatorStorage } from '../service/ports.ts'
import type { Compiler, Engine } from './engine.ts'

type Verbs = Pick<OperatorStorage, 'addKeyUses' | 'listKeyUses'>

/** How often, and when last, a key was used. */
export function createUses(engine: Engine, compiler: Compiler): Verbs {
  /** Nothing for a key that is gone by now. */
  const count = compiler.taking<KeyUse>()((_, arg) => {
    const insert = sql`
      insert into key_uses (key_id, day, uses)
      select id, cast(${arg('day')} as bigint), cast(${arg('uses')} as bigint)
      from keys where id = ${arg('keyId')}
      on conflict (key_id, day) do update set uses = key_uses.uses + excluded.uses`
    return { compile: () => insert.compile(compiler.db) }
  })
  /**
   * Comes before `count`, and writes the row even where it stays as it is: PostgreSQL then keeps it
   * locked until the commit, and a removal at the same time finds what was counted, or is over.
   */
  const setLast = compiler.taking<KeyUse & { latest: number }>()((db, arg) =>
    db
      .updateTable('keys')
      .set((eb) => ({
        last_used_at: eb
          .case()
          .when(
            eb.and([
              eb('last_used_at', '>', arg('lastAt')),
              eb('last_used_at', '<=', arg('latest')),
            ]),
          )
          .then(eb.ref('last_used_at'))
          .else(arg('lastAt'))
          .end(),
      }))
      .where('id', '=', arg('keyId')),
  )
  const list = compiler.taking<{ keyId: string; fromDay: number }>()((db, arg) =>
    db
      .selectFrom('key_uses')
      .select(['day', 'uses'])
      .where('key_id', '=', arg('keyId'))
      .where('day', '>=', arg('fromDay'))
      .orderBy('day'),
  )

  return {
    async addKeyUses(uses) {
      if (uses.length === 0) return
      // In one order, whoever writes: two that lock the same rows crosswise would wait for each other.
      const inOrder = [...uses].sort((a, b) => (a.keyId < b.keyId ? -1 : 1))
      await engine.atomic(
        inOrder.flatMap((use) => [
          setLast({ ...use, latest: latestPending(0, use.lastAt) }),
          count(use),
        ]),
      )
    },
    listKeyUses: async (keyId, fromDay) => engine.read(list({ keyId, fromDay })),
  }
}

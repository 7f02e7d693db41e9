import { sql } from 'kysely'
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
  const setLast = compiler.taking<KeyUse>()((db, arg) =>
    db
      .updateTable('keys')
      .set({ last_used_at: arg('lastAt') })
      .where('id', '=', arg('keyId'))
      .where((eb) =>
        eb.or([eb('last_used_at', 'is', null), eb('last_used_at', '<', arg('lastAt'))]),
      ),
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
      await engine.atomic(uses.flatMap((use) => [count(use), setLast(use)]))
    },
    listKeyUses: async (keyId, fromDay) => engine.read(list({ keyId, fromDay })),
  }
}

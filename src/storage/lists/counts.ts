import { sql } from 'kysely'
import type { Holder, ListStorage } from '../../service/ports/lists.ts'
import { anyOf } from '../any-of.ts'
import type { Compiler, Engine } from '../engine.ts'
import { writer } from '../written.ts'

const COLUMNS = {
  owner: 'owner_id',
  site: 'site_id',
  developer: 'developer_id',
} as const satisfies Record<Holder, string>

/** How many keys each of those has that a page shows. */
export function createKeyCounts(
  engine: Engine,
  compiler: Compiler,
): Pick<ListStorage, 'countKeysOf'> {
  const written = writer(compiler)
  const count = (what: Holder) => {
    const column = sql.ref(COLUMNS[what])
    return written<{ ids: string; accountId: string | null }, { id: string; keys: number }>(
      (arg) => sql`
        select ${column} as id, count(*) as keys from keys
        where ${column} in ${anyOf(engine, arg('ids'))} and status <> 'revoked'
          and (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
        group by ${column}`,
    )
  }
  const counts = { owner: count('owner'), site: count('site'), developer: count('developer') }

  return {
    async countKeysOf(what, ids, accountId) {
      const asked = { ids: JSON.stringify(ids), accountId: accountId ?? null }
      const found = await engine.read(counts[what](asked))
      return found.map(({ id, keys }) => ({ id, keys: Number(keys) }))
    },
  }
}

import { sql } from 'kysely'
import type { ListStorage } from '../../service/ports/lists.ts'
import { toUser } from '../accounts.ts'
import type { Compiler, Engine } from '../engine.ts'
import type { Tables } from '../tables.ts'
import { writer } from '../written.ts'

/** People, as somebody types a part of what they are called. */
export function createUserLists(
  engine: Engine,
  compiler: Compiler,
): Pick<ListStorage, 'searchUsers'> {
  const place = sql.raw(engine.sql === 'sqlite' ? 'instr' : 'strpos')
  // (PostgreSQL is three times as fast where it knows of no letters but ASCII's, as SQLite does.)
  const ascii = engine.sql === 'sqlite' ? sql`` : sql` collate "C"`
  const search = writer(compiler)<
    { accountId: string | null; text: string; limit: number },
    Tables['users']
  >(
    (arg) => sql`
      select * from users
      where (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
        and left_at is null and (
          ${place}(lower(email${ascii}), lower(${arg('text')}${ascii})) > 0
          or ${place}(lower(coalesce(username, '')${ascii}), lower(${arg('text')}${ascii})) > 0
        )
      order by email, id limit ${arg('limit')}`,
  )
  return {
    async searchUsers({ accountId, ...asked }) {
      return (await engine.read(search({ ...asked, accountId: accountId ?? null }))).map(toUser)
    },
  }
}

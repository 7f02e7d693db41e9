import { sql } from 'kysely'
import type { ListStorage } from '../../service/ports/lists.ts'
import { toUser } from '../accounts.ts'
import type { Compiler, Engine } from '../engine.ts'
import type { Tables } from '../tables.ts'
import { writer } from '../written.ts'
import { createHolds } from './holds.ts'

/** People, as somebody types a part of what they are called. */
export function createUserLists(
  engine: Engine,
  compiler: Compiler,
): Pick<ListStorage, 'searchUsers'> {
  const holds = createHolds(engine)
  const search = writer(compiler)<
    { accountId: string | null; text: string; limit: number },
    Tables['users']
  >(
    (arg) => sql`
      select * from users
      where (cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')})
        and left_at is null and (
          ${holds(sql`email`, arg('text'))} or ${holds(sql`coalesce(username, '')`, arg('text'))}
        )
      order by email, id limit ${arg('limit')}`,
  )
  return {
    async searchUsers({ accountId, ...asked }) {
      return (await engine.read(search({ ...asked, accountId: accountId ?? null }))).map(toUser)
    },
  }
}

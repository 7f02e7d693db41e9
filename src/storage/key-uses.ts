import { sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { DailyKeyUse } from '../service/ports/keys.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { Engine, Statement, StatementCompiler } from './engine.ts'
import { createArrayStatement, createSqlWriter } from './statements.ts'

type KeyUseMethods = Pick<ResourceStorage, 'addKeyUses' | 'listKeyUses'>

interface LastUse {
  readonly keyId: string
  readonly lastAt: number
  /** A stored last use after this instant is that of a wrong clock. */
  readonly latest: number
  readonly userAgent: string | null
}
type CountedUse = Pick<DailyKeyUse, 'keyId' | 'day' | 'uses'>

interface KeyUseStatements {
  /**
   * Comes before `count`, and writes the row even if nothing changes: PostgreSQL then locks it until the
   * commit, so that a deletion at the same time finds what was counted, or has ended.
   */
  readonly setLast: Statement<LastUse, unknown>
  /** Inserts nothing if the key was deleted. */
  readonly count: Statement<CountedUse, unknown>
}

export function createKeyUseStorage(engine: Engine, compiler: StatementCompiler): KeyUseMethods {
  const { setLast, count } =
    engine.sql === 'sqlite' ? createRowStatements(compiler) : createArrayStatements(compiler)
  const list = compiler.withArguments<{ keyId: string; fromDay: number }>()((db, arg) =>
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
      const lastUses = uses.map(({ keyId, lastAt, userAgent = null }) =>
        setLast({ keyId, lastAt, userAgent, latest: getLatestDeadline(0, lastAt) }),
      )
      await engine.atomic([...lastUses, ...uses.map((use) => count(use))])
    },
    listKeyUses: async (keyId, fromDay) => engine.read(list({ keyId, fromDay })),
  }
}

function createRowStatements(compiler: StatementCompiler): KeyUseStatements {
  const sqlStatement = createSqlWriter(compiler)
  return {
    setLast: sqlStatement(
      (arg) => sql`
        update keys set
          last_used_at = case when last_used_at > ${arg('lastAt')} and last_used_at <= ${arg('latest')}
            then last_used_at else ${arg('lastAt')} end,
          user_agent = coalesce(${arg('userAgent')}, user_agent)
        where id = ${arg('keyId')}`,
    ),
    count: sqlStatement(
      (arg) => sql`
        insert into key_uses (key_id, day, uses)
        select id, ${arg('day')}, ${arg('uses')} from keys where id = ${arg('keyId')}
        on conflict (key_id, day) do update set uses = key_uses.uses + excluded.uses`,
    ),
  }
}

/** All writers lock keys in one order, so that two of them do not deadlock. */
function createArrayStatements(compiler: StatementCompiler): KeyUseStatements {
  return {
    setLast: createArrayStatement<LastUse>(
      compiler,
      { keyId: 'text', lastAt: 'bigint', latest: 'bigint', userAgent: 'text' },
      (rows) => sql`
        with used as (
          select "keyId" as id, max("lastAt") as last_at, max(latest) as latest,
            max("userAgent") as user_agent
          from ${rows} group by "keyId"
        ), locked as materialized (
          select id from keys where id in (select id from used) order by id for no key update
        )
        update keys set
          last_used_at = case
            when keys.last_used_at > used.last_at and keys.last_used_at <= used.latest
            then keys.last_used_at else used.last_at end,
          user_agent = coalesce(used.user_agent, keys.user_agent)
        from locked join used on used.id = locked.id where keys.id = locked.id`,
    ),
    count: createArrayStatement<CountedUse>(
      compiler,
      { keyId: 'text', day: 'bigint', uses: 'bigint' },
      (rows) => sql`
        insert into key_uses (key_id, day, uses)
        select keys.id, given.day, sum(given.uses) from ${rows} join keys on keys.id = given."keyId"
        group by keys.id, given.day order by keys.id, given.day
        on conflict (key_id, day) do update set uses = key_uses.uses + excluded.uses`,
    ),
  }
}

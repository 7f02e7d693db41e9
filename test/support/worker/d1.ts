import { Miniflare } from 'miniflare'
import { unstable_splitSqlQuery as statementsOf } from 'wrangler'
import type { D1 } from '../../../src/worker/d1.ts'

/** A D1 database in workerd, empty. */
export async function startD1() {
  const mf = new Miniflare({ modules: true, script: '', d1Databases: ['DB'] })
  const db = await mf.getD1Database('DB')
  return {
    /** As a Worker has it bound. (Two libraries' names for one thing.) */
    db: db as unknown as D1,

    /** A file of this text, as `wrangler d1 execute --file` does it. */
    async executeText(text: string): Promise<void> {
      await db.batch(statementsOf(text).map((statement) => db.prepare(statement)))
    },

    async query(sql: string): Promise<Record<string, unknown>[]> {
      return (await db.prepare(sql).all()).results
    },

    dispose: () => mf.dispose(),
  }
}

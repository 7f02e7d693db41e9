import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Miniflare } from 'miniflare'
import { unstable_splitSqlQuery as statementsOf } from 'wrangler'
import type { D1Database } from '../../../src/worker/d1.ts'

/** A D1 database in workerd: an empty one, or the one that wrangler keeps in this folder. */
export async function startTestD1(wranglerFolder?: string) {
  const database =
    wranglerFolder === undefined
      ? { d1Databases: ['DB'] }
      : { d1Databases: { DB: WRANGLER_DATABASE_ID }, d1Persist: join(wranglerFolder, 'v3/d1') }
  const mf = new Miniflare({ modules: true, script: '', ...database })
  const db = await mf.getD1Database('DB')
  return {
    /** As a Worker has it bound. (Two libraries' names for one thing.) */
    db: db as unknown as D1Database,

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

/** As wrangler.toml has it. */
const WRANGLER_DATABASE_ID = '00000000-0000-0000-0000-000000000000'

const PROJECT_FOLDER = join(import.meta.dirname, '../../..')
const WRANGLER_PATH = join(
  dirname(createRequire(import.meta.url).resolve('wrangler/package.json')),
  'bin/wrangler.js',
)

/** `npx wrangler d1 execute latchkey --local`, on a database that this folder keeps. */
export async function executeWranglerD1(dir: string, ...what: string[]): Promise<string> {
  const env = { ...process.env, XDG_CONFIG_HOME: dir, WRANGLER_SEND_METRICS: 'false', CI: 'true' }
  const args = [WRANGLER_PATH, 'd1', 'execute', 'latchkey', '--local', '--persist-to', dir, ...what]
  return (await promisify(execFile)(process.execPath, args, { cwd: PROJECT_FOLDER, env })).stdout
}

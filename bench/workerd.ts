import { readFileSync } from 'node:fs'
import { Miniflare } from 'miniflare'
import {
  COMPATIBILITY_DATE,
  listWorkerModules,
  readSchemaStatements,
} from '../test/support/worker/bundle.ts'

/*
 * Serves the Worker on a port until SIGTERM, at which Miniflare kills workerd. (Its `dispose` waits for
 * ever where a long response was not read.) `node bench/workerd.ts BUNDLE ROWS KEYRING DATABASE`: the
 * folder of the bundle, the import file of the rows, the key ring, and the folder of D1's database. The
 * settings of the environment become the Worker's.
 */

const [bundle = '', rows = '', keyring = '', database = ''] = process.argv.slice(2)
const WORKER_NAME = 'server'
const settings = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name.startsWith('LATCHKEY_')),
) as Record<string, string>

const mf = new Miniflare({
  d1Persist: database,
  workers: [
    {
      name: WORKER_NAME,
      compatibilityDate: COMPATIBILITY_DATE,
      ...listWorkerModules(bundle, 'main.js'),
      d1Databases: { DB: 'latchkey' },
      bindings: {
        ...settings,
        LATCHKEY_URL: 'http://localhost',
        LATCHKEY_KEYRING_JSON: readFileSync(keyring, 'utf8'),
      },
      // The usual port leads through a dispatcher for development, which costs a quarter of the speed.
      unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    },
  ],
})

await mf.ready
const db = await mf.getD1Database('DB', WORKER_NAME)
const statements = readFileSync(rows, 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('--'))
await db.batch([...readSchemaStatements(), ...statements].map((statement) => db.prepare(statement)))
const { href } = await mf.unsafeGetDirectURL(WORKER_NAME)
console.log(JSON.stringify({ msg: 'listening', url: href }))

import { join } from 'node:path'
import Database from 'better-sqlite3'
import { v7 } from 'uuid'
import { readConfig } from '../src/config.ts'
import { createSecretDigester } from '../src/crypto/secrets.ts'
import { addChecksum } from '../src/domain/secret.ts'
import { silentLog } from '../src/node/log.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { nodeArgon2, nodePrimitives } from '../src/node/primitives.ts'
import { seedEveryKeyType } from '../test/support/key-seeds.ts'
import { seedKey, unwrap } from '../test/support/server.ts'
import type { BenchSettings } from './options.ts'

/** A caller: a key, its secret, and a source and destination that its messages may name. */
export interface BenchVendor {
  readonly apiKey: string
  readonly secret: string
  readonly sourceId: string
  readonly destinationId: string
}

const KEYS_PER_ACCOUNT = 100

/**
 * Fills a data folder with keys. The first is created as an operator creates one; the others are its
 * rows copied under new ids. `active` is how many of them, drawn at random, have a known secret.
 */
export async function seedVendors(
  dataDir: string,
  { keys, active = keys }: { keys: number; active?: number },
): Promise<BenchVendor[]> {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  const first = await seedKey(latchkey).finally(() => latchkey.storage.close())
  const copies = new Map<number, { secret: string; secret_hash: string }>()
  const indexes = drawIndexes(keys, active)
  for (const n of indexes) {
    const secret = createSecret()
    if (n > 0) copies.set(n, { secret, secret_hash: await nodeArgon2.hash(secret) })
  }

  const db = new Database(join(config.dataDir, 'latchkey.db'))
  try {
    db.pragma('foreign_keys = OFF')
    const copiedVendors = db.transaction(() => copyVendorRows(db, first, keys, copies))()
    db.pragma('wal_checkpoint(TRUNCATE)')
    return indexes.has(0) ? [first, ...copiedVendors] : copiedVendors
  } finally {
    db.close()
  }
}

/** The types of key whose secret comes with every request. */
export const API_KEY_TYPES = ['xenrad', 'opendental', 'xdent', 'practice'] as const

/** The headers of keys by type; each is of another key. */
export type BenchApiKeys = Readonly<
  Record<(typeof API_KEY_TYPES)[number], readonly (readonly [name: string, value: string])[]>
>

/**
 * Adds keys of each type to a data folder: one, but `customerKeys` of Open Dental's, which may be used
 * twice a second.
 */
export async function seedApiKeys(dataDir: string, customerKeys: number): Promise<BenchApiKeys> {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: silentLog })
  const digester = createSecretDigester(nodePrimitives, latchkey.keyring)
  const db = new Database(join(config.dataDir, 'latchkey.db'))
  try {
    const { accountId, username, developerKey, keys } = await seedEveryKeyType(latchkey)
    const find = (keyType: string) => {
      const key = keys.find((one) => one.keyType === keyType)
      if (key === undefined) throw new Error(`there is no key of type ${keyType}`)
      return key
    }
    const { id: siteId } = unwrap(await latchkey.sites.add({ accountId, name: 'Office' }))
    unwrap(await latchkey.keys.assign(find('opendental').publicId, siteId))
    const copyKey = createRowCopier(db, 'keys', `key_type = 'opendental'`)
    const addCustomerKey = () => {
      const secret = createSecret()
      const public_id = crypto.randomUUID()
      copyKey({ public_id, secret_hash: digester.digest(secret), access: 'enterprise' })
      return ['Authorization', `ODFHIR ${developerKey}/${secret}`] as const
    }
    const basic = Buffer.from(`${username}:${find('practice').secret}`).toString('base64')
    return {
      xenrad: [['X-API-Key', find('xenrad').secret]],
      opendental: db.transaction(() => Array.from({ length: customerKeys }, addCustomerKey))(),
      xdent: [['X-Api-Key', `${find('xdent').publicId}.${find('xdent').secret}`]],
      practice: [['Authorization', `Basic ${basic}`]],
    }
  } finally {
    db.close()
    await latchkey.storage.close()
  }
}

type Row = Record<string, unknown>

function copyVendorRows(
  db: Database.Database,
  first: BenchVendor & { readonly accountId: string },
  keys: number,
  secrets: ReadonlyMap<number, { readonly secret: string; readonly secret_hash: string }>,
): BenchVendor[] {
  const vendors: BenchVendor[] = []
  const copyAccount = createRowCopier(db, 'accounts')
  const copyDestination = createRowCopier(db, 'destinations')
  const copyUser = createRowCopier(db, 'users')
  const copySource = createRowCopier(db, 'sources')
  const copySubscription = createRowCopier(db, 'subscriptions')
  const copyKey = createRowCopier(db, 'keys')
  let { accountId: account_id, destinationId: destination_id } = first
  for (let n = 1; n < keys; n++) {
    if (n % KEYS_PER_ACCOUNT === 0) {
      account_id = copyAccount({})
      destination_id = copyDestination({ account_id })
    }
    const owner_id = copyUser({ account_id, email: `engineer-${n}@vendor.example` })
    const source_id = copySource({ account_id })
    copySubscription({ source_id, destination_id })
    // Random, as the ids of imported keys are: the hardest order for an index.
    const public_id = crypto.randomUUID()
    const { secret, ...hash } = secrets.get(n) ?? {}
    // The digest of the first key's secret fits no other; each is written when its secret is first proven.
    copyKey({ account_id, owner_id, source_id, public_id, ...hash, secret_digest: null })
    if (secret !== undefined) {
      vendors.push({
        apiKey: public_id,
        secret,
        sourceId: source_id,
        destinationId: destination_id,
      })
    }
  }
  return vendors
}

/** Creates a function that copies the first such row with some other columns and returns the new id. */
function createRowCopier(
  db: Database.Database,
  table: string,
  where = 'true',
): (differing: Row) => string {
  const first = db.prepare(`SELECT * FROM ${table} WHERE ${where} ORDER BY id LIMIT 1`).get() as Row
  const columns = Object.keys(first)
  const insert = db.prepare(
    `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  )
  return (differing) => {
    const row: Row = { ...first, ...differing, id: v7() }
    insert.run(columns.map((column) => row[column]))
    return row.id as string
  }
}

/** Draws `count` different numbers below `below`. */
function drawIndexes(below: number, count: number): Set<number> {
  const drawn = new Set<number>()
  while (drawn.size < Math.min(count, below)) drawn.add(Math.floor(Math.random() * below))
  return drawn
}

const createSecret = () =>
  addChecksum(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'))

/** Adds as many delivered messages and audit events as years of use leave. */
export function seedRows(
  dataDir: string,
  { storedMessages, storedEvents }: Pick<BenchSettings, 'storedMessages' | 'storedEvents'>,
): void {
  const db = new Database(join(dataDir, 'latchkey.db'))
  try {
    db.pragma('foreign_keys = OFF')
    const numbers = (count: number) =>
      `WITH RECURSIVE numbers (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`
    const id = (kind: string) => `printf('${kind}-%04x-7000-8000-%012x', n >> 16, n)`
    db.exec(`
      ${numbers(storedMessages)}
      INSERT INTO messages (id, serial, key_id, source_id, data_model, event_type, test, received_at,
        sealed_payload, erased_at) SELECT ${id('01900000')}, n, keys.id, keys.source_id, 'Flowsheet', 'New',
        0, 1700000000000 + n, '', 1700000000000 + n FROM numbers, (SELECT * FROM keys LIMIT 1) keys;
      ${numbers(storedMessages)}
      INSERT INTO deliveries SELECT ${id('01900000')}, 0, ${id('01910000')}, ${id('01920000')},
        subscriptions.id, subscriptions.destination_id, 'delivered', n, 1, 1700000000000 + n, NULL
        FROM numbers, (SELECT * FROM subscriptions LIMIT 1) subscriptions;
      ${numbers(storedEvents)}
      INSERT INTO audit_events (id, at, actor, action, subject, facts)
        SELECT ${id('01900000')}, 1700000000000 + n, 'nobody', 'key.refused', 'nobody',
        '{"surface":"exchange","reason":"key_unknown","address":"203.0.113.7","path":"/auth/authenticate"}'
        FROM numbers`)
    db.pragma('wal_checkpoint(TRUNCATE)')
  } finally {
    db.close()
  }
}

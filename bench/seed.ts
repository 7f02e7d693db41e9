import Database from 'better-sqlite3'
import { v7 } from 'uuid'
import { readConfig } from '../src/config.ts'
import { addChecksum } from '../src/domain/secret.ts'
import { getDatabasePath } from '../src/node/database.ts'
import { nodeArgon2 } from '../src/node/primitives.ts'
import { openLatchkey } from '../src/node/server.ts'
import type { ServiceResult } from '../src/service/service-result.ts'

/** Who calls: a key, its secret, and a route that its messages may take. */
export interface BenchVendor {
  readonly apiKey: string
  readonly secret: string
  readonly sourceId: string
  readonly destinationId: string
}

const KEYS_PER_ACCOUNT = 100
const KEYS_PER_TRANSACTION = 10_000

export const SILENT_LOG = { debug() {}, info() {}, warn() {}, error() {} }

/**
 * A data folder with so many keys, `active` of them drawn at random from the whole table. The first
 * key is made as an operator makes one; all the others are its rows copied under new ids, so that a
 * million takes a minute. The secret of a key that is not active is nobody's.
 */
export async function seedVendors(
  dataDir: string,
  { keys, active, progress }: { keys: number; active: number; progress: (done: number) => void },
): Promise<BenchVendor[]> {
  const config = readConfig({ LATCHKEY_DATA: dataDir })
  const vendor = await createFirstVendor(config)
  const secrets = new Map<number, string>()
  for (const n of drawIndexes(keys, active))
    secrets.set(n, n === 0 ? vendor.secret : createSecret())

  const db = new Database(getDatabasePath(config))
  try {
    // The server sets these again for itself; nothing here must survive a power cut.
    db.pragma('synchronous = OFF')
    db.pragma('foreign_keys = OFF')
    db.pragma('cache_size = -1000000')
    const vendors = await copyVendorRows(db, vendor, keys, secrets, progress)
    db.pragma('wal_checkpoint(TRUNCATE)')
    return vendors
  } finally {
    db.close()
  }
}

async function createFirstVendor(config: ReturnType<typeof readConfig>): Promise<BenchVendor> {
  const latchkey = await openLatchkey(config, { publicUrl: 'http://localhost', log: SILENT_LOG })
  const { accounts, routing, keys } = latchkey
  try {
    const account = unwrapServiceResult(await accounts.create({ name: 'Account' }))
    const of = { accountId: account.id }
    const user = unwrapServiceResult(
      await accounts.addUser({ ...of, email: 'engineer@vendor.example', role: 'engineer' }),
    )
    const source = unwrapServiceResult(await routing.addSource({ ...of, name: 'Source' }))
    const destination = unwrapServiceResult(
      await routing.addDestination({ ...of, name: 'Destination', url: 'https://emr.example' }),
    )
    unwrapServiceResult(await routing.setDestinationVerified(destination.id, true))
    unwrapServiceResult(
      await routing.createSubscription({ sourceId: source.id, destinationId: destination.id }),
    )
    const { key, secret } = unwrapServiceResult(
      await keys.create({ dialect: 'redox', ownerId: user.id, sourceId: source.id, name: 'Key' }),
    )
    return { apiKey: key.publicId, secret, sourceId: source.id, destinationId: destination.id }
  } finally {
    await latchkey.storage.close()
  }
}

type Row = Record<string, unknown>

async function copyVendorRows(
  db: Database.Database,
  first: BenchVendor,
  keys: number,
  secrets: ReadonlyMap<number, string>,
  progress: (done: number) => void,
): Promise<BenchVendor[]> {
  const vendors: BenchVendor[] = []
  const copy = {
    account: createRowCopier(db, 'accounts'),
    destination: createRowCopier(db, 'destinations'),
    user: createRowCopier(db, 'users'),
    source: createRowCopier(db, 'sources'),
    subscription: createRowCopier(db, 'subscriptions'),
    key: createRowCopier(db, 'keys'),
  }
  let { account_id, destination_id } = db
    .prepare(
      'SELECT d.account_id, d.id AS destination_id FROM destinations d JOIN accounts a ON a.id = d.account_id',
    )
    .get() as { account_id: string; destination_id: string }
  if (secrets.has(0)) vendors.push(first)

  for (let from = 1; from < keys; from += KEYS_PER_TRANSACTION) {
    const to = Math.min(keys, from + KEYS_PER_TRANSACTION)
    const hashes = await hashSecrets(secrets, from, to)
    db.transaction(() => {
      for (let n = from; n < to; n++) {
        if (n % KEYS_PER_ACCOUNT === 0) {
          account_id = copy.account({})
          destination_id = copy.destination({ account_id })
        }
        const owner_id = copy.user({ account_id, email: `engineer-${n}@vendor.example` })
        const source_id = copy.source({ account_id })
        copy.subscription({ source_id, destination_id })
        // Random, as the ids of imported keys are: the hardest order for an index.
        const public_id = crypto.randomUUID()
        const secret_hash = hashes.get(n)
        copy.key({
          account_id,
          owner_id,
          source_id,
          public_id,
          ...(secret_hash === undefined ? {} : { secret_hash }),
          // It is of the first key's row alone: each other is written when its secret is first proven.
          secret_digest: null,
        })
        const secret = secrets.get(n)
        if (secret !== undefined) {
          const [sourceId, destinationId] = [source_id, destination_id]
          vendors.push({ apiKey: public_id, secret, sourceId, destinationId })
        }
      }
    })()
    progress(to)
  }
  return vendors
}

/** Copies the table's first row, with these columns and an id of its own; answers the id. */
function createRowCopier(db: Database.Database, table: string): (differing: Row) => string {
  const first = db.prepare(`SELECT * FROM ${table} ORDER BY id LIMIT 1`).get() as Row
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

async function hashSecrets(secrets: ReadonlyMap<number, string>, from: number, to: number) {
  const hashes = new Map<number, string>()
  for (const [n, secret] of secrets) {
    if (n >= from && n < to) hashes.set(n, await nodeArgon2.hash(secret))
  }
  return hashes
}

/** So many different numbers below `below`. */
function drawIndexes(below: number, count: number): Set<number> {
  const drawn = new Set<number>()
  while (drawn.size < Math.min(count, below)) drawn.add(Math.floor(Math.random() * below))
  return drawn
}

const createSecret = () =>
  addChecksum(Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString('base64url'))

export function unwrapServiceResult<T>(result: ServiceResult<T>): T {
  if (!result.ok) throw new Error(result.failure.message)
  return result.value
}

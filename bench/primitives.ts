import { join } from 'node:path'
import Database from 'better-sqlite3'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import type { RingKey } from '../src/crypto/ring.ts'
import { scanJson } from '../src/http/json/scan.ts'
import { nodePrimitives } from '../src/node/primitives.ts'
import { median } from './load.ts'
import { createMessage } from './requests.ts'

/** Work that a case of the hot path cannot do without, whatever the program around it. */
export const PRIMITIVES = {
  hmac: 'HMAC-SHA-256 of a token or secret',
  json: '2 KB of JSON checked',
  seal: '2 KB sealed with AES-256-GCM',
  eddsaSign: 'Ed25519 signature',
  es256Sign: 'ES256 signature',
  es256Verify: 'ES256 signature verified',
  read: 'row read from SQLite, one of 32 in a snapshot',
  update: 'row changed in SQLite, one of 32 that share a commit on disk',
  insert: 'row of 3 KB added to SQLite, one of 32 that share a commit on disk',
} as const

export type PrimitiveName = keyof typeof PRIMITIVES
/** The CPU time of each, in microseconds. */
export type PrimitiveCosts = Readonly<Record<PrimitiveName, number>>

/** Work of a case: how often it does each primitive. */
export type PrimitiveCounts = Readonly<Partial<Record<PrimitiveName, number>>>

export const computeNeededUs = (costs: PrimitiveCosts, counts: PrimitiveCounts): number =>
  (Object.entries(counts) as [PrimitiveName, number][])
    .map(([name, count]) => costs[name] * count)
    .reduce((all, one) => all + one, 0)

const GROUP_SIZE = 32

/** Measures each primitive in this process, as the server does it. */
export async function measurePrimitives(folder: string): Promise<PrimitiveCosts> {
  const message = Buffer.from(createMessage(crypto.randomUUID(), crypto.randomUUID()))
  const text = 'x'.repeat(60)
  const mac = nodePrimitives.hmac(nodePrimitives.randomBytes(32))
  const sealer = nodePrimitives.aesGcm(nodePrimitives.randomBytes(32))
  const eddsa = nodePrimitives.signer(await createSigningKey('EdDSA'))
  const es256 = nodePrimitives.signer(await createSigningKey('ES256'))
  const signature = await es256.sign(text)
  const costs = {
    hmac: measure(() => mac.computeText(text)),
    json: measure(() => scanJson(message)),
    seal: measure(() => sealer.seal(message, text)),
    eddsaSign: measure(() => eddsa.sign(text)),
    es256Sign: measure(() => es256.sign(text)),
    es256Verify: measure(() => es256.verify(text, signature)),
  }
  const db = new Database(join(folder, 'primitives.db'))
  try {
    return { ...costs, ...measureSqlite(db) }
  } finally {
    db.close()
  }
}

function measureSqlite(db: Database.Database) {
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec('CREATE TABLE rows (id TEXT PRIMARY KEY, number BIGINT, text TEXT)')
  const add = db.prepare('INSERT INTO rows VALUES (?, 0, ?)')
  const change = db.prepare('UPDATE rows SET number = number + 1 WHERE id = ?')
  const find = db.prepare('SELECT * FROM rows WHERE id = ?')
  const payload = 'x'.repeat(3000)
  let n = 0
  const toId = (number: number) => String(number).padStart(36, '0')
  // The newest rows: ids are in the order of creation.
  const perGroup = (work: (id: string) => unknown) => {
    const runGroup = db.transaction(() => {
      for (let one = 0; one < GROUP_SIZE; one++) work(toId(n - one))
    })
    return measure(runGroup) / GROUP_SIZE
  }
  const insert = perGroup(() => add.run(toId(++n), payload))
  return {
    insert,
    update: perGroup((id) => change.run(id)),
    read: perGroup((id) => find.all(id)),
  }
}

async function createSigningKey(algorithm: 'EdDSA' | 'ES256'): Promise<RingKey['jwk']> {
  const { privateKey } = await generateKeyPair(algorithm, { extractable: true })
  const { kty = '', ...jwk } = await exportJWK(privateKey)
  return { kty, ...jwk }
}

const ROUNDS = 7
const ROUND_MS = 40

/** Returns the median CPU time of one call in microseconds, with the system's part. */
function measure(work: () => unknown): number {
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const cpu = process.cpuUsage()
    let calls = 0
    for (const until = performance.now() + ROUND_MS; performance.now() < until; calls++) work()
    const { user, system } = process.cpuUsage(cpu)
    rounds.push((user + system) / calls)
  }
  // The first rounds run code that is not compiled yet.
  return median(rounds.slice(2))
}

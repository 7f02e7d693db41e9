import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { seedVendors } from '../../../bench/seed.ts'
import { readConfig } from '../../../src/config.ts'
import type { KeyType } from '../../../src/domain/key-type.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import type { CreateKeyInput } from '../../../src/service/keys/input.ts'
import { createTempFolder, createTestLog, unwrap } from '../server.ts'

/** Creates a data folder with keys, some of them with known secrets. */
export async function seedDataFolder(keys: number) {
  const dir = createTempFolder()
  const vendors = await seedVendors(dir, { keys, active: Math.max(5, keys / 200) })
  return { dir, vendors, url: `sqlite:${join(dir, 'latchkey.db')}` }
}

/** Runs SQL on a database file that other processes may have open. */
export function executeSql(path: string, sql: string): void {
  const db = new Database(path)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

export const removeFolders = (...folders: readonly string[]) => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

export interface DatabaseRow {
  readonly table: string
  readonly values: Readonly<Record<string, unknown>>
}

/** Every row of the database, as it is on disk. */
export function readAllRows(dir: string): DatabaseRow[] {
  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  try {
    const tables = db.prepare("select name from sqlite_master where type = 'table'").pluck().all()
    return tables.flatMap((table) =>
      db
        .prepare(`select * from "${table}"`)
        .all()
        .map((values) => ({ table: String(table), values: values as DatabaseRow['values'] })),
    )
  } finally {
    db.close()
  }
}

export const toRowText = (row: DatabaseRow) => JSON.stringify(row)

/** Every text of these rows that is long enough to be told from others by. */
export function collectTexts(rows: readonly DatabaseRow[]): Set<string> {
  const texts = new Set<string>()
  const collect = (value: unknown): void => {
    if (typeof value === 'string') {
      if (value.startsWith('{')) collect(JSON.parse(value))
      else if (value.length >= 8) texts.add(value)
    } else if (typeof value === 'object' && value !== null) {
      for (const part of Object.values(value)) collect(part)
    }
  }
  for (const { values } of rows) collect(values)
  return texts
}

/** Keys whose secret is presented at every request, and how often each of them was used. */
export interface SeededStaticKeys {
  readonly xdent: { readonly keyId: string; readonly secret: string }
  readonly practice: { readonly id: string; readonly secret: string }
  /** Rows in the tables that no exchanged key needs. */
  readonly rows: Readonly<Record<string, number>>
}

/**
 * Beside what is in this folder's database: a username, a site, a developer, an address rule, a key of
 * each key type that is presented, one of them in an overlap, and their uses.
 */
export async function seedStaticKeys(dir: string): Promise<SeededStaticKeys> {
  const config = readConfig({ LATCHKEY_DATA: dir })
  const latchkey = await openLatchkey(config, {
    publicUrl: 'http://localhost',
    log: createTestLog(),
  })
  const { accounts, users, sites, developers, ipAllowlist, keys, storage } = latchkey
  try {
    const [account] = await accounts.list({ limit: 1 })
    const accountId = account?.id ?? ''
    const email = 'it\'s "quoted" 🏥@acme.example'.replaceAll(' ', '')
    const userInput = { accountId, email, role: 'administrator', username: 'north.office' } as const
    const { id: ownerId } = unwrap(await users.add(userInput))
    const site = unwrap(await sites.add({ accountId, name: 'Nord — ﷺ' }))
    const developer = unwrap(await developers.add({ accountId, name: "O'Maker" }))
    const note = "the office's own line"
    unwrap(await ipAllowlist.add({ accountId, network: '2001:db8::/32', note }))
    const keyInput = { ownerId, name: 'key', description: 'two\nlines', reference: 'PO-17' }
    const createKey = async <Type extends KeyType>(input: CreateKeyInput & { keyType: Type }) =>
      unwrap(await keys.create(input))
    const otherKeys = [
      await createKey({ ...keyInput, keyType: 'xenrad', siteId: site.id }),
      await createKey({
        ...keyInput,
        keyType: 'opendental',
        developerId: developer.id,
        access: 'read',
      }),
      await createKey({ ...keyInput, keyType: 'opendental-portal', developerId: developer.id }),
    ]
    const xdent = await createKey({ ...keyInput, keyType: 'xdent' })
    const practice = await createKey({ ...keyInput, keyType: 'practice' })
    unwrap(await keys.assign(otherKeys[1]?.key.id ?? '', site.id))
    unwrap(await keys.disable(otherKeys[1]?.key.id ?? '', 'customer'))
    const rotatedSecret = unwrap(
      await keys.rotateSecret(practice.key.id, { overlapMs: 86_400_000 }),
    )
    await storage.addKeyUses([
      { keyId: xdent.key.id, day: 20_000, uses: 3, lastAt: 20_000 * 86_400_000 },
      { keyId: xdent.key.id, day: 20_001, uses: 4, lastAt: 20_001 * 86_400_000 },
      { keyId: practice.key.id, day: 20_001, uses: 1, lastAt: 20_001 * 86_400_000 },
    ])
    return {
      xdent: { keyId: xdent.key.publicId, secret: xdent.secret },
      practice: { id: practice.key.id, secret: rotatedSecret.secret },
      rows: { users: 1, sites: 1, developers: 1, ip_allowlist_entries: 1, keys: 5, key_uses: 3 },
    }
  } finally {
    await storage.close()
  }
}

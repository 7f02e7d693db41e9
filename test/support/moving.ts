import { rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { seed as seedMany } from '../../bench/seed.ts'
import { temporaryFolder } from './server.ts'

/** So many keys, some of them with secrets that are known, and rows in every other table. */
export async function seededFolder(keys: number) {
  const dir = temporaryFolder()
  const vendors = await seedMany(dir, {
    keys,
    active: Math.max(5, keys / 200),
    progress: () => undefined,
  })
  return { dir, vendors, url: `sqlite:${join(dir, 'latchkey.db')}` }
}

/** Runs SQL on a database file beside whoever has it open. */
export function change(path: string, sql: string): void {
  const db = new Database(path)
  try {
    db.exec(sql)
  } finally {
    db.close()
  }
}

export const remove = (...folders: readonly string[]) => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}

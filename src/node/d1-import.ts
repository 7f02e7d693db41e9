import { createReadStream, renameSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import { createImportStatements } from '../storage/d1-import.ts'
import { type CopiedTable, type CopyOptions, compareDatabases } from '../storage/database-copy.ts'
import type { Engine } from '../storage/engine.ts'
import { prepareDraftPath, removeDraft, syncToDisk } from './draft-files.ts'
import { openSqlite } from './sqlite/engine.ts'

const FILE_HEAD = `-- Rows for a D1 database that holds schema.sql and nothing else:
--   wrangler d1 execute NAME --remote --file schema.sql
--   wrangler d1 execute NAME --remote --file THIS
`
const WRITE_BYTES = 1 << 20

/** Writes the file, loads it into a database as D1 would, and compares that with the source. */
export async function writeD1Import(
  from: Engine,
  to: string,
  options: CopyOptions,
): Promise<CopiedTable[]> {
  const draft = prepareDraftPath(to)
  const trial = prepareDraftPath(`${to}.trial`)
  try {
    await writeStatements(draft, createImportStatements(from, options.progress))
    const loaded = openSqlite(trial)
    try {
      await loadStatements(draft, trial)
      const tables = await compareDatabases(from, loaded, options)
      syncToDisk(draft)
      renameSync(draft, to)
      syncToDisk(to)
      return tables.map((table) => ({ ...table, written: table.source.rows }))
    } finally {
      await loaded.close()
    }
  } finally {
    removeDraft(draft)
    removeDraft(trial)
  }
}

async function writeStatements(path: string, statements: AsyncIterable<string>): Promise<void> {
  const file: FileHandle = await open(path, 'w', 0o600)
  try {
    let text = FILE_HEAD
    for await (const statement of statements) {
      text += `${statement}\n`
      if (text.length < WRITE_BYTES) continue
      await file.writeFile(text)
      text = ''
    }
    await file.writeFile(text)
  } finally {
    await file.close()
  }
}

async function loadStatements(from: string, to: string): Promise<void> {
  const db = new Database(to)
  try {
    db.pragma('synchronous = OFF')
    db.exec('BEGIN')
    for await (const line of createInterface({ input: createReadStream(from) })) db.exec(line)
    db.exec('COMMIT')
  } finally {
    db.close()
  }
}

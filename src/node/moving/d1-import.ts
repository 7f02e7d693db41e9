import { createReadStream, renameSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import Database from 'better-sqlite3'
import type { Engine } from '../../storage/engine.ts'
import { type Copied, compareRows, type Watch } from '../../storage/moving/copy.ts'
import { importOf } from '../../storage/moving/d1.ts'
import { beginDraft, removeDraft } from '../drafts.ts'
import { sync } from '../durable.ts'
import { openSqlite } from '../sqlite.ts'

const HEAD = `-- Rows for a D1 database that holds schema.sql and nothing else:
--   wrangler d1 execute NAME --remote --file schema.sql
--   wrangler d1 execute NAME --remote --file THIS
`
const WRITE_BYTES = 1 << 20

/** Writes the file, loads it into a database as D1 would, and compares that with the source. */
export async function writeImport(from: Engine, to: string, watch: Watch): Promise<Copied[]> {
  const draft = beginDraft(to)
  const trial = beginDraft(`${to}.trial`)
  try {
    await write(draft, importOf(from, watch.progress))
    const loaded = openSqlite(trial)
    try {
      await load(draft, trial)
      const copied = await compareRows(from, loaded, watch)
      sync(draft)
      renameSync(draft, to)
      sync(to)
      return copied.map((table) => ({ ...table, written: table.source.rows }))
    } finally {
      await loaded.close()
    }
  } finally {
    removeDraft(draft)
    removeDraft(trial)
  }
}

async function write(path: string, statements: AsyncIterable<string>): Promise<void> {
  const file: FileHandle = await open(path, 'w', 0o600)
  try {
    let text = HEAD
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

async function load(from: string, to: string): Promise<void> {
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

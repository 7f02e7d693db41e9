import { existsSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import type { Engine } from '../../../storage/engine.ts'
import { listFutureInstants } from '../../../storage/future-instants.ts'
import { createStorage } from '../../../storage/storage.ts'
import { SCHEMA_VERSION } from '../../../storage/tables.ts'
import { openEngine } from '../../engine.ts'
import { silent } from '../../silent.ts'
import { explain } from '../explain.ts'
import { checkAudit } from './audit.ts'
import { bad, type Finding, fine } from './finding.ts'
import { checkPostgres } from './postgres.ts'
import { adviceFor } from './version.ts'

const RESTORE = 'stop the server and restore the database from a backup'

/** What the database says of itself; it is written to only when reading found nothing wrong. */
export async function checkDatabase({ database, keyringPath }: Config): Promise<Finding[]> {
  if (database.engine === 'sqlite' && !existsSync(database.path)) return []
  const read =
    database.engine === 'sqlite'
      ? await checkByReading(database.path)
      : await checkPostgres(database.url)
  if (read.some(({ status }) => status !== 'ok')) return read
  return [...read, ...(await checkByWriting(database, keyringPath))]
}

async function checkByReading(path: string): Promise<Finding[]> {
  const check = 'database'
  try {
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 10_000 })
    try {
      const version = db.prepare('SELECT version FROM schema_version').pluck().get()
      if (version !== SCHEMA_VERSION) {
        const message = `its schema has version ${version}, this Latchkey reads ${SCHEMA_VERSION}`
        return [bad(check, message, adviceFor(Number(version)))]
      }
      const verdict = db.pragma('quick_check(1)', { simple: true })
      if (verdict !== 'ok') return [bad(check, `it is damaged: ${verdict}`, RESTORE)]
      return [fine(check, `schema version ${version}, no damage found`)]
    } finally {
      db.close()
    }
  } catch (error) {
    return [bad(check, explain(error), 'is this the right LATCHKEY_DATA?')]
  }
}

async function checkByWriting(
  database: Config['database'],
  keyringPath: string,
): Promise<Finding[]> {
  const check = 'writing'
  try {
    const engine = await openEngine(database, silent)
    const storage = createStorage(engine)
    try {
      const started = performance.now()
      await storage.probe()
      const ms = Math.ceil(performance.now() - started)
      return [
        fine(check, `a write is on disk after ${ms} ms`),
        await checkClock(engine),
        ...(await checkAudit(storage, keyringPath)),
      ]
    } finally {
      await storage.close()
    }
  } catch (error) {
    return [bad(check, explain(error), null)]
  }
}

/**
 * Finds instants in the future: the clock was fast when they were written, or is slow now. A slow clock
 * makes expired things valid again. Instants from a fast clock count as past until they are overwritten.
 */
async function checkClock(engine: Engine): Promise<Finding> {
  const now = Date.now()
  const found = await listFutureInstants(engine, now)
  const shown = new Date(now).toISOString()
  if (found.length === 0) return fine('clock', `it is ${shown}`)
  const places = found.map(({ place, rows, latest }) => {
    const many = rows === 1 ? '' : ` (${rows} rows)`
    return `${place}${many}, up to ${new Date(latest).toISOString()}`
  })
  return bad(
    'clock',
    `it is ${shown}, but later instants are stored: ${places.join('; ')}`,
    'set the clock, and keep it right by NTP. If it is right now, it was fast before, and those instants count as past',
  )
}

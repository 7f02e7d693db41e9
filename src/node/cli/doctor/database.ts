import { existsSync } from 'node:fs'
import type { Config } from '../../../config.ts'
import type { Storage } from '../../../service/ports.ts'
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
    const storage = createStorage(await openEngine(database, silent))
    try {
      const started = performance.now()
      await storage.probe()
      const ms = Math.ceil(performance.now() - started)
      return [
        fine(check, `a write is on disk after ${ms} ms`),
        await checkClock(storage),
        ...(await checkAudit(storage, keyringPath)),
      ]
    } finally {
      await storage.close()
    }
  } catch (error) {
    return [bad(check, explain(error), null)]
  }
}

const TOLERANCE_MS = 60_000

/** Time that has been put back lets what has expired live again. */
async function checkClock(storage: Storage): Promise<Finding> {
  const [event] = await storage.listEvents({ limit: 1 })
  const [message] = await storage.listMessages({ limit: 1 })
  const newest = Math.max(event?.at ?? 0, message?.receivedAt ?? 0)
  const now = Date.now()
  const shown = new Date(now).toISOString()
  if (newest <= now + TOLERANCE_MS) return fine('clock', `it is ${shown}`)
  return bad(
    'clock',
    `it is ${shown}, but something was written at ${new Date(newest).toISOString()}`,
    'set the clock, and keep it by NTP',
  )
}

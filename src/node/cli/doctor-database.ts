import { existsSync } from 'node:fs'
import type { Config } from '../../config.ts'
import { createAuditSigner } from '../../crypto/audit-signer.ts'
import { Keyring } from '../../crypto/keyring.ts'
import type { Ring } from '../../crypto/ring.ts'
import { verifyNewestEvents } from '../../service/audit/audit.ts'
import type { AuditStorage } from '../../service/ports/audit.ts'
import { listFutureInstants } from '../../storage/diagnostics.ts'
import type { Engine } from '../../storage/engine.ts'
import { planMigrations } from '../../storage/migrations.ts'
import { createStorage } from '../../storage/storage.ts'
import { SCHEMA_VERSION } from '../../storage/tables.ts'
import { createAnchorFile, getAnchorPath } from '../anchor-file.ts'
import { openEngine } from '../database.ts'
import { loadRing } from '../keyring-file.ts'
import { silentLog } from '../log.ts'
import { nodePrimitives } from '../primitives.ts'
import { explainError } from './command-failure.ts'

const RESTORE_ADVICE = 'stop the server and restore the database from a backup'

/** Checks the database. Writes to it only if reading found no problem. */
export async function checkDatabase({ database, keyringPath }: Config): Promise<DoctorFinding[]> {
  if (database.engine === 'sqlite' && !existsSync(database.path)) return []
  const findings =
    database.engine === 'sqlite'
      ? [await checkSqlite(database.path)]
      : await checkPostgres(database.url)
  if (findings[0]?.status !== 'ok') return findings
  return [...findings, ...(await checkWriting(database, keyringPath))]
}

const DATABASE_CHECK = 'database'

async function checkSqlite(path: string): Promise<DoctorFinding> {
  try {
    const { default: Database } = await import('better-sqlite3')
    const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 10_000 })
    try {
      const version = db.prepare('SELECT version FROM schema_version').pluck().get()
      if (version !== SCHEMA_VERSION) return reportOtherVersion(Number(version))
      const verdict = db.pragma('quick_check(1)', { simple: true })
      return verdict === 'ok'
        ? reportOk(DATABASE_CHECK, `schema version ${version}, no damage found`)
        : reportFailure(DATABASE_CHECK, `it is damaged: ${verdict}`, RESTORE_ADVICE)
    } finally {
      db.close()
    }
  } catch (error) {
    return reportFailure(DATABASE_CHECK, explainError(error), 'check LATCHKEY_DATA')
  }
}

/** Checks a PostgreSQL database without writing: what it is, and whether a commit is on its disk. */
async function checkPostgres(url: string): Promise<DoctorFinding[]> {
  const { inspectPostgres } = await import('../postgres/engine.ts')
  try {
    const { server, database, version, settings } = await inspectPostgres(url, silentLog)
    const where = `${database} at ${server}`
    if (version === null) {
      return [reportWarning(DATABASE_CHECK, `${where} is empty`, 'run `latchkey serve` once')]
    }
    if (version !== SCHEMA_VERSION) return [reportOtherVersion(version ?? 0)]
    const found = reportOk(DATABASE_CHECK, `${where}, schema version ${version}`)
    const unsafeSettings = Object.entries(settings).filter(([, value]) => value === 'off')
    if (unsafeSettings.length === 0) return [found]
    const names = unsafeSettings.map(([name]) => name).join(' and ')
    const message = `${where} can lose acknowledged data: ${names} is off`
    return [found, reportFailure('durability', message, `set ${names} to on in PostgreSQL`)]
  } catch (error) {
    return [reportFailure(DATABASE_CHECK, explainError(error), null)]
  }
}

const reportOtherVersion = (version: number): DoctorFinding =>
  reportFailure(
    DATABASE_CHECK,
    `its schema has version ${version}, this Latchkey reads ${SCHEMA_VERSION}`,
    formatVersionAdvice(version),
  )

/** Suggests what to do about a schema of another version. */
function formatVersionAdvice(version: number): string {
  try {
    planMigrations(version)
    return 'run `latchkey migrate`, or start the server'
  } catch {
    return 'use the version of Latchkey that wrote it, or a newer one'
  }
}

async function checkWriting(
  database: Config['database'],
  keyringPath: string,
): Promise<DoctorFinding[]> {
  const check = 'writing'
  try {
    const engine = await openEngine(database, silentLog)
    const storage = createStorage(engine)
    try {
      const started = performance.now()
      await storage.probe()
      const ms = Math.ceil(performance.now() - started)
      return [
        reportOk(check, `a write reaches the disk within ${ms} ms`),
        await checkClock(engine),
        ...(await checkAudit(storage, keyringPath)),
      ]
    } finally {
      await storage.close()
    }
  } catch (error) {
    return [reportFailure(check, explainError(error), null)]
  }
}

/**
 * Finds instants in the future: the clock was fast when they were written, or is slow now. A slow clock
 * makes expired values valid again. Instants from a fast clock count as past until they are overwritten.
 */
async function checkClock(engine: Engine): Promise<DoctorFinding> {
  const now = Date.now()
  const futureInstants = await listFutureInstants(engine, now)
  const nowText = new Date(now).toISOString()
  if (futureInstants.length === 0) return reportOk('clock', `it is ${nowText}`)
  const columns = futureInstants.map(({ column, rows, latest }) => {
    const many = rows === 1 ? '' : ` (${rows} rows)`
    return `${column}${many}, up to ${new Date(latest).toISOString()}`
  })
  return reportFailure(
    'clock',
    `it is ${nowText}, but later times are stored: ${columns.join('; ')}`,
    'set the clock, and synchronize it by NTP. If it is correct now, it was fast before, and those times count as past',
  )
}

/** Takes about a second to read; `audit verify` reads all events. */
const MAX_CHECKED_EVENTS = 20_000

const NO_ANCHOR_ADVICE =
  'start a server, which creates an anchor within seconds. If there was one before, restore it with the key ring, or compare the audit with an export'

const BROKEN_AUDIT_ADVICE =
  'unless a restore explains it, copy the database, check that the key ring belongs to it, and run `latchkey audit verify`'

/** Checks that the newest events are those that were sealed, and that the chain reaches its anchor. */
async function checkAudit(storage: AuditStorage, keyringPath: string): Promise<DoctorFinding[]> {
  const check = 'audit'
  const ring: Ring | null = await loadRing(keyringPath).catch(() => null)
  // A problem with the key ring has its own finding.
  if (ring === null) return []
  const auditSigner = createAuditSigner(nodePrimitives, new Keyring(nodePrimitives, ring))
  const path = getAnchorPath(keyringPath)
  const anchor = await createAnchorFile(path).read()
  const { whole, events, first, last, breaks, breaksFound } = await verifyNewestEvents(
    storage,
    auditSigner,
    MAX_CHECKED_EVENTS,
    anchor,
  )
  if (!whole) {
    const [firstBreak] = breaks
    const placeCount = breaksFound === 1 ? 'one place' : `${breaksFound} places`
    return [
      reportFailure(
        check,
        `it is broken in ${placeCount}: ${firstBreak?.message}`,
        BROKEN_AUDIT_ADVICE,
      ),
    ]
  }
  if (anchor === null && events > 0) {
    return [
      reportWarning(
        check,
        `there is no anchor ${path}: without it, Latchkey cannot detect that the database was restored from an older backup`,
        NO_ANCHOR_ADVICE,
      ),
    ]
  }
  if (events === 0) return [reportOk(check, 'whole: no event is sealed yet')]
  const label = events < MAX_CHECKED_EVENTS ? 'events' : 'the newest events,'
  return [reportOk(check, `whole: ${label} ${first} to ${last}`)]
}

/** The result of one check. */
export interface DoctorFinding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** The suggested fix. */
  readonly advice: string | null
}

export const reportOk = (check: string, message: string): DoctorFinding => ({
  check,
  status: 'ok',
  message,
  advice: null,
})

export const reportWarning = (
  check: string,
  message: string,
  advice: string | null,
): DoctorFinding => ({
  check,
  status: 'warn',
  message,
  advice,
})

export const reportFailure = (
  check: string,
  message: string,
  advice: string | null,
): DoctorFinding => ({
  check,
  status: 'fail',
  message,
  advice,
})

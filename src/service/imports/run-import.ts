import { ok } from '../../domain/failure.ts'
import { getKeyTypeTraits } from '../../domain/key-type.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { toNewKeyFacts } from '../keys/create-key.ts'
import { protectImportedSecret } from '../keys/protect-imported-secret.ts'
import { protectKeySecret, type StoredSecret } from '../keys/secrets.ts'
import { sleep } from '../long-work.ts'
import type { ExistingKey, ImportCounts, NewImportedKey } from '../ports/imports.ts'
import { failInvalid, type ServiceResult } from '../service-result.ts'
import { parseImportRow, quote } from './import-row.ts'
import { LineIndex } from './line-index.ts'
import { type ImportDeps, type PreparedRow, prepareRow, type RowOptions } from './prepare-row.ts'
import type { FileRow } from './read-rows.ts'

/** A row that was not imported, or whose key differs from it. */
export interface ImportFinding {
  readonly line: number
  readonly publicId: string | null
  readonly problem: string
}

export interface ImportReport extends ImportCounts {
  /** The rows of the file. */
  readonly rows: number
  /** Rows with a hash, of those that could be imported: the others prove nothing. */
  readonly hashed: number
  /** Rows whose secret proves that their hash has the form that the file says. */
  readonly proven: number
  /** The first findings, by line. */
  readonly findings: readonly ImportFinding[]
}

export const MAX_FINDINGS = 1000

/**
 * A transaction of this many rows delays the requests of an SQLite server by a millisecond, and the pauses
 * between them leave it most of its time: 100,000 rows take less than a minute.
 */
export const ROWS_PER_WRITE = 10
const WRITE_INTERVAL_MS = 5
const MIN_PAUSE_MS = 1
const BUSY_PAUSE_MS = 1000

interface ImportRun {
  /** The rows of the file, as they arrive, at most `ROWS_PER_WRITE` at once. */
  readonly rows: AsyncIterable<readonly FileRow[]>
  /** The import that the keys belong to; null for a dry run, which writes nothing. */
  readonly importId: string | null
  readonly options: RowOptions
  /** The number of secrets that are hashed at once. */
  readonly hashWidth: number
  readonly reportProgress: (rows: number) => void
  readonly signal: AbortSignal
}

/** A row whose key is to be added, with what the database stores of its secret. */
interface ProtectedRow extends PreparedRow {
  readonly line: number
  readonly stored: StoredSecret | null
}

/**
 * Imports the rows, or only checks them. Stops between two transactions once the signal is aborted, and after the
 * first that adds nothing because the import was undone.
 */
export async function runImport(deps: ImportDeps, run: ImportRun): Promise<ImportReport> {
  const { rows, importId, options, hashWidth, reportProgress, signal } = run
  const lines = new LineIndex()
  const findings: ImportFinding[] = []
  const counts = {
    rows: 0,
    imported: 0,
    present: 0,
    different: 0,
    invalid: 0,
    hashed: 0,
    proven: 0,
  }
  let isUndone = false

  function addFinding(finding: ImportFinding): void {
    if (findings.length < MAX_FINDINGS) findings.push(finding)
  }
  function refuse(line: number, publicId: string | null, problem: string): void {
    counts.invalid++
    addFinding({ line, publicId, problem })
  }

  for await (const fileRows of rows) {
    if (signal.aborted || isUndone) break
    const startedAt = deps.clock()
    await importRows(fileRows)
    reportProgress(counts.rows)
    await pauseAfterWrite(deps.clock() - startedAt)
  }
  return { ...counts, findings }

  async function importRows(fileRows: readonly FileRow[]): Promise<void> {
    counts.rows += fileRows.length
    const prepared: (PreparedRow & { line: number })[] = []
    for (const { line, cells } of fileRows) {
      const row = cells.ok ? parseImportRow(cells.value, deps.clock()) : cells
      if (!row.ok) {
        refuse(line, cells.ok ? (cells.value.public_id ?? null) : null, row.failure)
        continue
      }
      const found = await prepareRow(deps, row.value, options)
      const repeated = found.ok ? findRepetition(found.value, line) : null
      if (!found.ok) refuse(line, row.value.publicId, found.failure.message)
      else if (repeated !== null) refuse(line, row.value.publicId, repeated)
      else prepared.push({ ...found.value, line })
    }
    const fresh = await findFreshRows(prepared)
    const protectedRows: ProtectedRow[] = []
    await forEachConcurrently(fresh, hashWidth, async (row) => {
      if (row.imported !== null) counts.hashed++
      const proof = await proveForm(deps, row)
      if (!proof.ok) return refuse(row.line, row.row.publicId, proof.failure.message)
      if (proof.value) counts.proven++
      const stored = importId === null ? NOTHING_STORED : await protectRow(deps, row)
      if (stored.ok) protectedRows.push({ ...row, stored: stored.value })
      else refuse(row.line, row.row.publicId, stored.failure.message)
    })
    await addKeys(protectedRows)
  }

  /** The same id twice, or the same secret where that is the id. */
  function findRepetition({ key, lacksPublicId, secret, imported }: PreparedRow, line: number) {
    const id = lacksPublicId ? `\0${secret ?? imported?.hash}` : key.publicId
    const earlier = lines.add(id, line)
    return earlier === null
      ? null
      : `line ${earlier} has the same ${lacksPublicId ? 'secret' : 'public_id'}`
  }

  /** Reports the rows whose key is there already, and returns the others. */
  async function findFreshRows<Row extends PreparedRow & { line: number }>(
    prepared: readonly Row[],
  ): Promise<Row[]> {
    const digests = await Promise.all(prepared.map((row) => listSecretDigests(deps, row)))
    const existing = await deps.storage.findExistingKeys({
      publicIds: prepared.map(({ key }) => key.publicId),
      secretHashes: digests.flat(),
    })
    return prepared.filter((row, n) => {
      const { line, key, lacksPublicId } = row
      const sameSecret = existing.find(({ secretHash }) => digests[n]?.includes(secretHash ?? ''))
      const same = lacksPublicId
        ? sameSecret
        : existing.find(({ publicId }) => publicId === key.publicId)
      if (same === undefined) {
        if (sameSecret === undefined) return true
        refuse(line, key.publicId, `the key ${sameSecret.publicId} has the same secret`)
      } else if (same.accountId !== key.accountId) {
        refuse(line, key.publicId, 'a key of another account has this public_id or secret')
      } else {
        reportPresent(line, row, same)
      }
      return false
    })
  }

  function reportPresent(line: number, row: PreparedRow, existing: ExistingKey): void {
    const columns = listDifferences(row, existing)
    // A key of an earlier run of this import, which was stopped.
    const isOwn = importId !== null && existing.importId === importId
    if (isOwn && columns.length === 0) {
      counts.imported++
      return
    }
    counts.present++
    if (columns.length === 0) return
    counts.different++
    const problem = `the key is there already, with another ${columns.join(', ')}`
    addFinding({ line, publicId: row.row.publicId, problem })
  }

  async function addKeys(protectedRows: readonly ProtectedRow[]): Promise<void> {
    if (importId === null || protectedRows.length === 0) {
      counts.imported += protectedRows.length
      return
    }
    const keys = protectedRows.map((row) => toImportedKey(deps, importId, row))
    const added = await deps.storage.addImportedKeys(importId, keys)
    counts.imported += added.size
    if (added.size === keys.length) return
    isUndone = (await deps.storage.findImport(importId))?.status === 'undone'
    if (isUndone) return
    // Another process may have added the same keys meanwhile.
    const fresh = await findFreshRows(protectedRows.filter(({ key }) => !added.has(key.id)))
    for (const { line, key } of fresh) refuse(line, key.publicId, NOT_ADDED)
  }
}

/** Leaves requests their time between two writes of `ROWS_PER_WRITE` keys. */
export const pauseAfterWrite = (writeMs: number) =>
  sleep(Math.max(MIN_PAUSE_MS, WRITE_INTERVAL_MS - writeMs))

const NOT_ADDED =
  'another key has the public_id, the secret or the source, or an owner, source, site or developer has changed: import the file again'

/** The digests by which another key with the secret of a row would be found. */
async function listSecretDigests(
  deps: ImportDeps,
  { row: { keyType }, key, secret, imported }: PreparedRow,
): Promise<string[]> {
  if (secret !== null) {
    return getKeyTypeTraits(keyType).secret === 'exchanged'
      ? []
      : [...deps.digester.candidates(secret)]
  }
  if (imported === null || !getKeyTypeTraits(keyType).foundBySecret) return []
  return [(await protectImportedSecret(deps, imported, keyType, key.id)).hash]
}

/** Names the columns in which a key differs from its row. Secrets are not compared. */
function listDifferences({ row, key, assignedSiteId }: PreparedRow, existing: ExistingKey) {
  const pairs = {
    type: [key.keyType, existing.keyType],
    owner: [key.ownerId, existing.ownerId],
    source: [key.sourceId, existing.sourceId],
    site: [assignedSiteId ?? key.siteId, existing.siteId],
    developer: [key.developerId, existing.developerId],
    name: [key.name, existing.name],
    description: [key.description, existing.description],
    reference: [key.reference, existing.reference],
    status: [row.status, existing.status],
    access: [key.access, existing.access],
    expires: [key.expiresAt, existing.expiresAt],
  }
  return Object.entries(pairs).flatMap(([column, [a, b]]) => (a === b ? [] : [column]))
}

/** True if the row's secret proves the form of its hash; false if the row has only one of them. */
async function proveForm(
  { importedSecretVerifier }: ImportDeps,
  { secret, imported, pepper, key }: PreparedRow,
): Promise<ServiceResult<boolean>> {
  if (secret === null || imported === null) return ok(false)
  const requester = { lane: 'unfailed', party: 'imports', claim: key.id } as const
  for (;;) {
    const matches = await importedSecretVerifier.verify(secret, imported, pepper, requester)
    if (!matches.ok) await sleep(BUSY_PAUSE_MS)
    else if (matches.value) return ok(true)
    else {
      return failInvalid(
        `the secret does not match its hash in the form ${quote(imported.form)}: correct the form, the salt or the pepper`,
      )
    }
  }
}

/** A dry run stores nothing of a secret. */
const NOTHING_STORED = ok(null)

/** Protects the secret; null for a client that has none. Waits while the server is busy. */
async function protectRow(
  deps: ImportDeps,
  { row: { keyType }, key, secret, imported }: PreparedRow,
): Promise<ServiceResult<StoredSecret | null>> {
  if (secret === null) {
    return ok(imported && (await protectImportedSecret(deps, imported, keyType, key.id)))
  }
  for (;;) {
    const stored = await protectKeySecret(deps, secret, keyType, key.id)
    if (stored.ok || stored.failure.problem !== 'busy') return stored
    await sleep(BUSY_PAUSE_MS)
  }
}

function toImportedKey(deps: ImportDeps, importId: string, prepared: ProtectedRow): NewImportedKey {
  const { row, key, line, stored, secret, imported, assignedSiteId } = prepared
  const form = secret === null ? (imported?.form ?? null) : null
  const event = createAuditEvent(deps, 'key.imported', key.id, {
    ...toNewKeyFacts(key),
    importId,
    line,
    ...(form !== null && { form }),
    ...(row.status !== 'enabled' && { status: row.status }),
  })
  return {
    ...key,
    siteId: assignedSiteId ?? key.siteId,
    assignedAt: assignedSiteId === null ? null : event.at,
    status: row.status,
    disabledBy: row.status === 'disabled' ? row.disabledBy : null,
    lastUsedAt: row.lastUsedAt,
    secretHash: stored?.hash ?? null,
    secretDigest: stored?.digest ?? null,
    sealedSecret: stored?.sealed ?? null,
    tokenSalt: deps.random.salt(),
    line,
    secretForm: form,
    pepperId: form === null ? null : (imported?.pepperId ?? null),
    secretStart: row.start,
    event,
  }
}

/** Runs the work of all items, of `width` at once. */
async function forEachConcurrently<Item>(
  items: readonly Item[],
  width: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values()
  const runQueue = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: width }, runQueue))
}

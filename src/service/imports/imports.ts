import { ok, type Result } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { parseId, parseName } from '../input.ts'
import type { OAuthClientInput } from '../keys/oauth-client.ts'
import type { RunExclusively } from '../long-work.ts'
import type { KeyImport, NewImport } from '../ports/imports.ts'
import type { Page } from '../ports/lists.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'
import { type ExportInput, exportKeys } from './export-keys.ts'
import { addPepper, createFindPepper } from './peppers.ts'
import type { ImportDeps } from './prepare-row.ts'
import { type FileFormat, readRows, UnreadableFileError } from './read-rows.ts'
import { createFindReference } from './references.ts'
import { type ImportReport, pauseAfterWrite, ROWS_PER_WRITE, runImport } from './run-import.ts'

export interface ImportsDeps extends ImportDeps {
  /** The only account that the actor can access; null for all. */
  readonly actorAccountId: string | null
  /** The number of secrets that an import hashes at once. */
  readonly importHashWidth: number
  readonly runImportExclusively: RunExclusively
}

export interface ImportInput {
  readonly bytes: AsyncIterable<Uint8Array>
  readonly format: FileFormat
  /** Checks the file and writes nothing. */
  readonly isDryRun: boolean
  readonly weakFormsAllowed: boolean
  readonly fileName: string
  /** SHA-256 of the file, by which an unfinished import of it is found. */
  readonly fileDigest?: string | undefined
  /** The id of the import, so that a repeated request continues it. */
  readonly id?: string | undefined
  /** The account of rows that name none. */
  readonly accountId?: string | undefined
  /** Peppers by their names. */
  readonly peppers?: ReadonlyMap<string, Uint8Array> | undefined
  readonly parseOAuthClient: (value: unknown) => Result<OAuthClientInput, string>
  readonly signal: AbortSignal
  readonly reportProgress?: ((rows: number) => void) | undefined
}

export interface ImportResult extends ImportReport {
  /** Null for a dry run. */
  readonly importId: string | null
  /** False if the import was stopped: the same request continues it. */
  readonly finished: boolean
}

/** Imports keys from files, and undoes imports. */
export function createImports(deps: ImportsDeps) {
  const { storage } = deps
  const find = async (id: string) => requireFound(await storage.findImport(id), 'import', id)

  return {
    async create(input: ImportInput): Promise<ServiceResult<ImportResult>> {
      const run = await deps.runImportExclusively((keepAlive) =>
        createImport(deps, {
          ...input,
          reportProgress(rows) {
            keepAlive()
            input.reportProgress?.(rows)
          },
        }),
      )
      return run.ok ? run.value : run
    },

    addPepper: async (input: { accountId: string; name: string; pepper: string }) => {
      const { accountId, name, pepper } = input
      const bytes = new TextEncoder().encode(pepper)
      const added = await addPepper(deps, { accountId, name, bytes })
      return added.ok ? ok({ id: added.value.id, accountId, name }) : added
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listImports(page),
    find,

    /**
     * Deletes the keys of an import, so that a corrected file can be imported. Keys that were used since stay,
     * unless `includesUsed`.
     */
    async undo(
      id: string,
      { includesUsed = false }: { includesUsed?: boolean | undefined },
    ): Promise<ServiceResult<{ import: KeyImport; deleted: number; kept: number }>> {
      const found = await find(id)
      if (!found.ok) return found
      const importId = found.value.id
      await storage.setImportUndone(importId, createAuditEvent(deps, 'import.undone', importId))
      let [deleted, kept] = [0, 0]
      for (let after: string | undefined; ; ) {
        const startedAt = deps.clock()
        const keys = await storage.listImportedKeys(importId, { after, limit: ROWS_PER_WRITE })
        after = keys.at(-1)?.id
        if (after === undefined) break
        const events = keys
          .filter(({ isUsed }) => includesUsed || !isUsed)
          .map((key) =>
            createAuditEvent(deps, 'key.deleted', key.id, { publicId: key.publicId, importId }),
          )
        const count =
          events.length === 0 ? 0 : await storage.deleteImportedKeys(importId, events, includesUsed)
        deleted += count
        kept += keys.length - count
        await pauseAfterWrite(deps.clock() - startedAt)
      }
      const undone = await find(importId)
      return undone.ok ? ok({ import: undone.value, deleted, kept }) : undone
    },

    exportKeys: (input: ExportInput) => exportKeys(deps, input),

    /** Lists imported keys that nobody has used since. */
    listUnseen: (page: Page & { accountId?: string | undefined; importId?: string | undefined }) =>
      storage.listUnseenKeys(page),
  }
}

export type Imports = ReturnType<typeof createImports>

async function createImport(
  deps: ImportsDeps,
  input: ImportInput,
): Promise<ServiceResult<ImportResult>> {
  const { storage } = deps
  const accountId = toStoredId(input.accountId ?? '') || deps.actorAccountId
  if (accountId !== null && (await storage.findAccount(accountId)) === null) {
    return failNotFound(`there is no account ${accountId}`)
  }
  const options = {
    findReference: createFindReference(storage, accountId),
    findPepper: createFindPepper(deps, input.peppers ?? new Map(), input.isDryRun),
    weakFormsAllowed: input.weakFormsAllowed,
    parseOAuthClient: input.parseOAuthClient,
  }
  // The header is read before anything is written.
  const rows = readRows(input.bytes, input.format, ROWS_PER_WRITE)
  const first = await rows.next().catch(toUnreadable)
  if ('failure' in first) return first
  const started = input.isDryRun ? ok(null) : await startImport(deps, input, accountId)
  if (!started.ok) return started
  const importId = started.value?.id ?? null
  const report = await runImport(deps, {
    rows: prepend(first, rows),
    importId,
    options,
    hashWidth: deps.importHashWidth,
    reportProgress: input.reportProgress ?? (() => undefined),
    signal: input.signal,
  })
  const finished = !input.signal.aborted
  if (importId !== null && finished) {
    const { present, different, invalid, imported } = report
    const event = createAuditEvent(deps, 'import.finished', importId, {
      imported,
      present,
      invalid,
    })
    const isFinished = await storage.finishImport(importId, { present, different, invalid }, event)
    // Another process may have finished it, with the same file.
    if (!isFinished && (await storage.findImport(importId))?.status === 'undone') {
      return failConflict(`import ${importId} was undone while it ran: import the file again`)
    }
  }
  const findings = report.findings.toSorted((a, b) => a.line - b.line)
  return ok({ ...report, findings, importId, finished })
}

function toUnreadable(error: unknown) {
  if (error instanceof UnreadableFileError) return failInvalid(error.message)
  throw error
}

async function* prepend<T>(
  first: IteratorResult<T, unknown>,
  rest: AsyncGenerator<T>,
): AsyncGenerator<T> {
  if (first.done) return
  yield first.value
  yield* rest
}

/** Starts an import, or continues an unfinished one. */
async function startImport(
  deps: ImportsDeps,
  { id, fileName, fileDigest }: ImportInput,
  accountId: string | null,
): Promise<ServiceResult<NewImport>> {
  const { storage, random, clock } = deps
  const name = parseName('the name of the file', fileName)
  if (!name.ok) return name
  const parsedId = parseId(id, random)
  if (!parsedId.ok) return parsedId
  const earlier =
    id !== undefined
      ? await storage.findImport(parsedId.value)
      : fileDigest !== undefined
        ? await storage.findUnfinishedImport(fileDigest, accountId)
        : null
  if (earlier !== null) {
    if (earlier.status !== 'unfinished') {
      return failConflict(`import ${earlier.id} is ${earlier.status}: use another id`)
    }
    return earlier.accountId === accountId
      ? ok(earlier)
      : failConflict(`import ${earlier.id} is for another account: use another id`)
  }
  const started: NewImport = {
    id: parsedId.value,
    accountId,
    fileName: name.value,
    fileDigest: fileDigest ?? null,
    status: 'unfinished',
    imported: 0,
    present: 0,
    different: 0,
    invalid: 0,
    createdAt: clock(),
    finishedAt: null,
    undoneAt: null,
  }
  const event = createAuditEvent(deps, 'import.started', started.id, { fileName: name.value })
  return (await storage.addImport(started, event))
    ? ok(started)
    : failConflict(`there is an import ${started.id} already: use another id`)
}

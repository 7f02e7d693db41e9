import type { DisablingParty, KeyStatus } from '../../domain/key.ts'
import type { AuditEvent } from './audit.ts'
import type { KeySummary, NewKey } from './keys.ts'
import type { Page } from './lists.ts'

/** Nothing tells whether a process still works on an unfinished import, or was killed. */
export type ImportStatus = 'unfinished' | 'finished' | 'undone'

/** The counts of the rows of a file. */
export interface ImportCounts {
  /** Rows that made a key. */
  readonly imported: number
  /** Rows whose key was there already. */
  readonly present: number
  /** Those of them whose key differs from the row. */
  readonly different: number
  /** Rows that cannot be imported. */
  readonly invalid: number
}

/** An import of keys from a file. */
export interface KeyImport extends ImportCounts {
  readonly id: string
  /** The account of all rows; null if the rows name their accounts. */
  readonly accountId: string | null
  readonly fileName: string
  /** SHA-256 of the file; null if it came as a stream. */
  readonly fileDigest: string | null
  readonly status: ImportStatus
  readonly createdAt: number
  readonly finishedAt: number | null
  readonly undoneAt: number | null
  /** When it made its newest key; null if it has none. */
  readonly lastKeyAt: number | null
}

export type NewImport = Omit<KeyImport, 'lastKeyAt'>

/** The part of a key that an import remembers. */
export interface ImportedKeyFields {
  readonly line: number
  /** The form of the stored hash; null if the file had the secret itself. */
  readonly secretForm: string | null
  readonly pepperId: string | null
  readonly secretStart: string
}

/** A key of a row, with the event of its import. */
export interface NewImportedKey extends NewKey, ImportedKeyFields {
  readonly status: KeyStatus
  readonly disabledBy: DisablingParty | null
  readonly assignedAt: number | null
  readonly lastUsedAt: number | null
  readonly event: AuditEvent
}

/** A key that has the public id or the secret of a row. */
export interface ExistingKey extends KeySummary {
  /** The import that made it; null if it was created otherwise. */
  readonly importId: string | null
  readonly secretHash: string | null
}

/** An imported key that nobody has used since. */
export interface UnseenKey {
  readonly id: string
  readonly accountId: string
  readonly keyType: KeySummary['keyType']
  readonly publicId: string
  readonly name: string
  readonly reference: string
  readonly ownerEmail: string
  readonly status: KeyStatus
  readonly secretStart: string
  readonly secretForm: string | null
  readonly importId: string
  /** The last use in the old system. */
  readonly lastUsedAt: number | null
}

/** A key with what an export shows of it. */
export interface ExportedKey extends KeySummary {
  readonly secretHash: string | null
  readonly sealedSecret: string | null
  readonly ownerEmail: string
  /** Null for a key that was not imported. */
  readonly secretStart: string | null
  readonly pepperName: string | null
}

export interface Pepper {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly sealedPepper: string
  readonly createdAt: number
}

/** The rows that a file names by their names. Users are named by their e-mail addresses. */
export type NamedKind = 'account' | 'user' | 'source' | 'site' | 'developer'

export interface ImportStorage {
  addImport(keyImport: NewImport, event: AuditEvent): Promise<boolean>
  findImport(id: string): Promise<KeyImport | null>
  /** Lists imports, the newest first. */
  listImports(page: Page & { accountId?: string | undefined }): Promise<KeyImport[]>
  /** Finds an unfinished import of this file into the account; null for an import without one. */
  findUnfinishedImport(fileDigest: string, accountId: string | null): Promise<KeyImport | null>
  /**
   * Adds the keys in one transaction, and returns the ids of those that were added. Guard, for each: those of
   * `addKey`; and the import is running.
   */
  addImportedKeys(importId: string, keys: readonly NewImportedKey[]): Promise<ReadonlySet<string>>
  /** Guard: the import is running. */
  finishImport(
    id: string,
    counts: Omit<ImportCounts, 'imported'>,
    event: AuditEvent,
  ): Promise<boolean>
  /** Marks the import as undone, so that no process adds to it any more. Guard: it is not undone. */
  setImportUndone(id: string, event: AuditEvent): Promise<boolean>
  /** Lists keys of an import by their ids. `isUsed`: used since the import, or given a new secret. */
  listImportedKeys(
    id: string,
    page: Page,
  ): Promise<{ id: string; publicId: string; isUsed: boolean }[]>
  /**
   * Deletes keys of an import, each with an event, and the peppers that no key needs any more. Guard, for each:
   * the key was not used since and got no new secret, unless `includesUsed`. Returns the number.
   */
  deleteImportedKeys(
    id: string,
    events: readonly AuditEvent[],
    includesUsed: boolean,
  ): Promise<number>
  /** Finds up to two rows of the account with this name. */
  findIdsByName(named: {
    readonly kind: NamedKind
    readonly name: string
    readonly accountId?: string | undefined
  }): Promise<string[]>
  /** Finds the keys that have one of these public ids, or one of these hashes. */
  findExistingKeys(wanted: {
    readonly publicIds: readonly string[]
    readonly secretHashes: readonly string[]
    readonly accountId?: string | undefined
  }): Promise<ExistingKey[]>
  listUnseenKeys(
    page: Page & { accountId?: string | undefined; importId?: string | undefined },
  ): Promise<UnseenKey[]>
  listExportedKeys(page: Page & { accountId?: string | undefined }): Promise<ExportedKey[]>
  /** Guard: the account has no pepper with this name. */
  addPepper(pepper: Pepper, event: AuditEvent): Promise<boolean>
  findPepper(accountId: string, name: string): Promise<Pepper | null>
}

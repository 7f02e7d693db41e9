import Database from 'better-sqlite3'
import { StorageUnavailableError } from '../../service/ports/storage.ts'

const { SqliteError } = Database

/** Messages for faults of the machine or the file, not of the statement (sqlite.org/rescode.html). */
const FAULT_MESSAGES: Record<string, string> = {
  BUSY: 'another process has locked the database',
  LOCKED: 'another process has locked the database',
  FULL: 'the disk is full: free some space',
  IOERR: 'the disk cannot be read or written',
  READONLY: 'the database file, or its folder, is read-only',
  CANTOPEN: 'the database file cannot be opened',
  CORRUPT: 'the database is damaged: stop the server and restore it from a backup',
  NOTADB: 'the file is not a database: stop the server and restore it from a backup',
  MOVED:
    'the database file was removed, replaced or cut: stop the server and restore it from a backup',
  PROTOCOL: 'the file system does not lock the database',
  NOMEM: 'the machine is out of memory',
}

/** Adds the path of the database to errors of opening it, which do not say which file they are about. */
export function nameFileInErrors<T>(path: string, open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw error instanceof SqliteError ? Object.assign(error, { path }) : error
  }
}

/** Reduces a code: `SQLITE_IOERR_WRITE` is IOERR. */
const getErrorKind = (error: unknown): string =>
  error instanceof SqliteError ? (error.code.split('_')[1] ?? '') : ''

export const isBusy = (error: unknown): boolean => getErrorKind(error) === 'BUSY'

/** Tests if the machine failed, so that the same statement may succeed later. */
export const isFault = (error: unknown): boolean => getErrorKind(error) in FAULT_MESSAGES

/** Tests if the file is damaged, replaced or missing, which needs an operator. */
export const isDamage = (error: unknown): boolean =>
  ['CORRUPT', 'NOTADB', 'MOVED'].includes(getErrorKind(error))

/** Converts a fault of the machine to StorageUnavailableError; returns other errors unchanged. */
export function toCallerError(error: unknown): unknown {
  const sentence = FAULT_MESSAGES[getErrorKind(error)]
  if (sentence === undefined || !(error instanceof SqliteError)) return error
  return new StorageUnavailableError(`${sentence} (${error.code})`, { cause: error })
}

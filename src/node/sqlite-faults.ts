import Database from 'better-sqlite3'
import { Unavailable } from '../service/ports.ts'

const { SqliteError } = Database

/** What is wrong with the machine, or the file, and not with the statement (sqlite.org/rescode.html). */
const FAULTS: Record<string, string> = {
  BUSY: 'another process holds the database locked',
  LOCKED: 'another process holds the database locked',
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

/** `SQLITE_IOERR_WRITE` is IOERR. */
const kindOf = (error: unknown): string =>
  error instanceof SqliteError ? (error.code.split('_')[1] ?? '') : ''

export const isBusy = (error: unknown): boolean => kindOf(error) === 'BUSY'

/** Whether the machine failed, so that the same statement may succeed later. */
export const isFault = (error: unknown): boolean => kindOf(error) in FAULTS

/** Whether the file is damaged, replaced or missing, which does not mend by itself. */
export const isDamage = (error: unknown): boolean =>
  ['CORRUPT', 'NOTADB', 'MOVED'].includes(kindOf(error))

/** What a caller is told: that the database is unavailable where the machine failed, else the error. */
export function toldOf(error: unknown): unknown {
  const sentence = FAULTS[kindOf(error)]
  if (sentence === undefined || !(error instanceof SqliteError)) return error
  return new Unavailable(`${sentence} (${error.code})`, { cause: error })
}

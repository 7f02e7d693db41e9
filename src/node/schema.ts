import { readFileSync } from 'node:fs'
import { SCHEMA_VERSION } from '../storage/tables.ts'

/** schema.sql, as it is loaded into an empty database of whichever engine. */
export const readSchema = (): string =>
  readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8')

/** Throws where the database was written by another Latchkey than this one can be. */
export function requireVersion(version: number | undefined): void {
  if (version === SCHEMA_VERSION) return
  throw new Error(
    `the database has schema version ${version}, this Latchkey reads version ${SCHEMA_VERSION}: ` +
      'use the Latchkey that wrote it, or a newer one',
  )
}

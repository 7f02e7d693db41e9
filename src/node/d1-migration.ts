import { writeFileSync } from 'node:fs'
import {
  createD1Migration,
  type Migration,
  planMigrations,
  SCHEMA_HISTORY,
  type SchemaHistory,
} from '../storage/migrations.ts'

/**
 * Writes the SQL that migrates a D1 database from this version; writes no file if nothing is to do.
 * Returns the steps.
 */
export function writeD1Migration(
  path: string,
  fromVersion: number,
  history: SchemaHistory = SCHEMA_HISTORY,
): Migration[] {
  const steps = planMigrations(fromVersion, history)
  if (steps.length === 0) return steps
  const lines = [
    `-- A Latchkey database in D1, from schema version ${fromVersion} to ${history.version}; on any other version it fails`,
    '-- and changes nothing. All of it is one transaction:',
    '--   npx wrangler d1 execute NAME --remote --file THIS',
    ...createD1Migration(fromVersion, history).map((statement) => `${statement};`),
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return steps
}

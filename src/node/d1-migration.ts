import { writeFileSync } from 'node:fs'
import { d1MigrationFrom } from '../storage/d1-migration.ts'
import { HISTORY, type History, type Migration, planFrom } from '../storage/migrations.ts'

/**
 * Writes the SQL that brings a D1 database of this version to ours; no file where nothing is to be
 * done. Answers the steps.
 */
export function writeD1Migration(
  path: string,
  found: number,
  history: History = HISTORY,
): Migration[] {
  const steps = planFrom(found, history)
  if (steps.length === 0) return steps
  const lines = [
    `-- A Latchkey database in D1, from schema version ${found} to ${history.version}; on any other version it fails`,
    '-- and changes nothing. All of it is one transaction:',
    '--   npx wrangler d1 execute NAME --remote --file THIS',
    ...d1MigrationFrom(found, history).map((statement) => `${statement};`),
  ]
  writeFileSync(path, `${lines.join('\n')}\n`)
  return steps
}

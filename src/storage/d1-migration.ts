import { bumpOf, HISTORY, type History, planFrom } from './migrations.ts'

/**
 * What brings a D1 database of this version to ours, for the one transaction that
 * `wrangler d1 execute --file` makes of a file; empty where nothing is to be done. Nobody can look
 * first and then decide there, so the first statements fail on a database of any other version.
 */
export function d1MigrationFrom(found: number, history: History = HISTORY): string[] {
  const steps = planFrom(found, history)
  if (steps.length === 0) return []
  return [...guardOf(found), ...steps.flatMap((step) => [bumpOf(step), ...step.statements])]
}

/** SQL raises no errors of its own; but a broken constraint is reported by its name. */
function guardOf(version: number): string[] {
  const refusal = `the database does not have schema version ${version}, nothing was changed`
  return [
    `CREATE TABLE migration_guard (found BIGINT, CONSTRAINT "${refusal}" CHECK (found = ${version}))`,
    'INSERT INTO migration_guard SELECT coalesce(max(version), 0) FROM schema_version',
    'DROP TABLE migration_guard',
  ]
}

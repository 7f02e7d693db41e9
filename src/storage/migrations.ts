import {
  VERSION_5_STATEMENTS,
  VERSION_6_STATEMENTS,
  VERSION_7_STATEMENTS,
  VERSION_8_STATEMENTS,
} from './migration-statements.ts'
import { SCHEMA_VERSION } from './tables.ts'

/** Migrates a database from version `to - 1` to `to`, in the portable subset of schema.sql. */
export interface Migration {
  readonly to: number
  /** A few words for `latchkey migrate --plan`. */
  readonly summary: string
  readonly statements: readonly string[]
}

export interface SchemaHistory {
  /** The version that this code reads and writes. */
  readonly version: number
  /** In order without a gap, up to `version`. */
  readonly migrations: readonly Migration[]
}

/**
 * A change of schema.sql after a release raises SCHEMA_VERSION and adds the step that migrates a
 * database with rows in it. A released version is frozen, with rows, as a fixture. A step drops no table
 * that others refer to: such a table only gets columns.
 */
export const SCHEMA_HISTORY: SchemaHistory = {
  version: SCHEMA_VERSION,
  migrations: [
    {
      to: 5,
      summary: 'secrets have a digest, public ids one spelling',
      statements: VERSION_5_STATEMENTS,
    },
    {
      to: 6,
      summary: 'tables and columns have plain names, long payloads are in parts',
      statements: VERSION_6_STATEMENTS,
    },
    {
      to: 7,
      summary: 'OAuth clients, revoked tokens, and the periods in which messages arrived',
      statements: VERSION_7_STATEMENTS,
    },
    {
      to: 8,
      summary:
        'imports of keys, plans to retire keys, the uses of OAuth, and periods of two owners',
      statements: VERSION_8_STATEMENTS,
    },
  ],
}

/** Returns the steps that a database of this version needs; throws a sentence if there is no way. */
export function planMigrations(
  fromVersion: number,
  { version, migrations }: SchemaHistory = SCHEMA_HISTORY,
): Migration[] {
  const steps = migrations.filter(({ to }) => to > fromVersion)
  const isWhole =
    fromVersion + steps.length === version && steps.every(({ to }, n) => to === fromVersion + n + 1)
  if (isWhole) return steps
  throw new Error(
    `the database has schema version ${fromVersion}, this Latchkey reads version ${version}: ` +
      'use the version of Latchkey that wrote it, or a newer one',
  )
}

/**
 * Formats the first statement of a step's transaction, its guard: if it changes no row, another process
 * has taken the step.
 */
export const formatVersionBump = ({ to }: Migration): string =>
  `UPDATE schema_version SET version = ${to} WHERE version = ${to - 1}`

/** Creates the error of a failed step, which left the database unchanged. */
export function createMigrationError({ to }: Migration, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `the database keeps schema version ${to - 1}: the step to ${to} failed: ${why}`
  return new Error(message, { cause })
}

/**
 * Returns the SQL that migrates a D1 database from this version, for the one transaction of `wrangler d1
 * execute --file`; empty if nothing is to do. The file cannot read first and then decide, so its first
 * statements fail on a database of any other version.
 */
export function createD1Migration(
  fromVersion: number,
  history: SchemaHistory = SCHEMA_HISTORY,
): string[] {
  const steps = planMigrations(fromVersion, history)
  if (steps.length === 0) return []
  return [
    ...createVersionGuard(fromVersion),
    ...steps.flatMap((step) => [formatVersionBump(step), ...step.statements]),
  ]
}

/** Raises an error through a broken constraint, which is reported by its name. */
function createVersionGuard(version: number): string[] {
  const refusal = `the database does not have schema version ${version}, nothing was changed`
  return [
    `CREATE TABLE migration_guard (found BIGINT, CONSTRAINT "${refusal}" CHECK (found = ${version}))`,
    'INSERT INTO migration_guard SELECT coalesce(max(version), 0) FROM schema_version',
    'DROP TABLE migration_guard',
  ]
}

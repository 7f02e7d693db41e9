import { AUDIT_CHAIN } from './audit-chain.ts'
import { EVERY_DIALECT } from './migration-2.ts'
import { FEEDS } from './migration-3.ts'
import { CONSOLE } from './migration-4.ts'
import { ONE_SPELLING_AND_PROOFS } from './migration-5.ts'
import { SCHEMA_VERSION } from './tables.ts'

/** What brings a database of version `to - 1` to version `to`: the portable subset of schema.sql. */
export interface Migration {
  readonly to: number
  /** What changes, in a few words for who reads a plan. */
  readonly says: string
  readonly statements: readonly string[]
}

export interface History {
  /** The version that this code reads and writes. */
  readonly version: number
  /** In order, without a gap, ending at `version`. */
  readonly migrations: readonly Migration[]
}

/**
 * Whoever changes schema.sql after a release raises SCHEMA_VERSION and adds the step that does the same
 * to a database with rows in it. A version that is released is frozen, with rows, as a fixture. No
 * engine drops a table that others refer to: such a table only gets columns.
 */
export const HISTORY: History = {
  version: SCHEMA_VERSION,
  migrations: [
    {
      to: 2,
      says: 'keys of every dialect, and an audit that is a chain',
      statements: [...EVERY_DIALECT, ...AUDIT_CHAIN],
    },
    { to: 3, says: 'messages are delivered', statements: FEEDS },
    { to: 4, says: 'people sign in to a console', statements: CONSOLE },
    { to: 5, says: 'owners are told from strangers', statements: ONE_SPELLING_AND_PROOFS },
  ],
}

/** The steps that a database of this version needs; throws a sentence where there is no way. */
export function planFrom(found: number, { version, migrations }: History = HISTORY): Migration[] {
  const steps = migrations.filter(({ to }) => to > found)
  const isWhole =
    found + steps.length === version && steps.every(({ to }, n) => to === found + n + 1)
  if (isWhole) return steps
  throw new Error(
    `the database has schema version ${found}, this Latchkey reads version ${version}: ` +
      'use the Latchkey that wrote it, or a newer one',
  )
}

/**
 * The first statement of a step's transaction, and its guard: where it changes no row, another
 * process has taken the step, and nothing more is to be done.
 */
export const bumpOf = ({ to }: Migration): string =>
  `UPDATE schema_version SET version = ${to} WHERE version = ${to - 1}`

/** A step that could not be taken: the database is as it was before it. */
export function stepFailed({ to }: Migration, cause: unknown): Error {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `the database keeps schema version ${to - 1}: the step to ${to} failed: ${why}`
  return new Error(message, { cause })
}

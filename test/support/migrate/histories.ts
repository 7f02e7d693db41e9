import type { Migration } from '../../../src/storage/migrations.ts'

/** A history that no release has: two steps after version 1, the second rebuilds a table. */
export const STEPS: readonly Migration[] = [
  {
    to: 2,
    says: 'accounts have a tier',
    statements: [
      `ALTER TABLE accounts ADD COLUMN tier TEXT NOT NULL DEFAULT 'standard'`,
      `UPDATE accounts SET tier = 'closed' WHERE status = 'closed'`,
    ],
  },
  {
    to: 3,
    says: 'users have a phone, grants a reason',
    statements: [
      'ALTER TABLE users ADD COLUMN phone TEXT',
      'CREATE TABLE grants_3 (id TEXT PRIMARY KEY, key_id TEXT NOT NULL, reason TEXT)',
      'INSERT INTO grants_3 (id, key_id) SELECT id, key_id FROM grants',
      'DROP TABLE grants',
      'ALTER TABLE grants_3 RENAME TO grants',
    ],
  },
]

export const VERSION_3 = { version: 3, migrations: STEPS }

/** Version 1 to 2, with one more statement at its end. */
export const endingIn = (statement: string) => ({
  version: 2,
  migrations: STEPS.slice(0, 1).map((step) => ({
    ...step,
    statements: [...step.statements, statement],
  })),
})

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
    says: 'users have a phone',
    statements: [
      'CREATE TABLE users_3 (id TEXT PRIMARY KEY, account_id TEXT NOT NULL REFERENCES accounts (id), ' +
        'email TEXT NOT NULL, phone TEXT)',
      'INSERT INTO users_3 (id, account_id, email) SELECT id, account_id, email FROM users',
      'DROP TABLE users',
      'ALTER TABLE users_3 RENAME TO users',
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

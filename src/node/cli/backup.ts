import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { CommandFailure } from './command-failure.ts'
import { alignRows, formatExamples, isJsonRequested, printNote, printOutput } from './print.ts'
import { createProgressBar } from './terminal.ts'
import { requireDatabaseFile } from './with-latchkey.ts'

export function defineBackupCommand(group: Command): void {
  group
    .argument('<file>', 'path of the backup, which gets mode 0600')
    .description(
      'Copy the database to a file while servers use it, and verify the copy. The key ring is not ' +
        'included: back it up separately.',
    )
    .option('--force', 'replace an existing file')
    .addHelpText(
      'after',
      formatExamples('backup /backup/latchkey-monday.db', 'backup --force last.db'),
    )
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      requireFileName(file)
      const path = getDatabaseFilePath()
      requireDatabaseFile(path)
      const { backUpDatabase } = await import('../backup.ts')
      const progress = createProgressBar('pages', { quiet: isJsonRequested(command) })
      const contents = await backUpDatabase(path, file, {
        overwrite: force === true,
        progress,
      }).finally(progress.end)
      printOutput(command, contents, () => formatDatabaseContents(contents))
      const { keyringPath } = readConfig(process.env)
      printNote(
        `The key ring, ${keyringPath}, is not included. Without it, no token of this database is ` +
          'valid and no message can be read: back it up separately.',
      )
    })
}

export function defineRestoreCommand(group: Command): void {
  group
    .argument('<file>', 'a backup, as `latchkey backup` makes it')
    .description(
      'Replace the database with a backup, completely or not at all. Stop every server first. ' +
        'Refresh tokens that were issued after the backup stay valid.',
    )
    .option('--force', 'replace an existing database, which is renamed with the time')
    .addHelpText(
      'after',
      formatExamples('restore /backup/latchkey-monday.db', 'restore --force last.db'),
    )
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      requireFileName(file)
      const path = getDatabaseFilePath()
      const { isBehindAnchor, restoreDatabase } = await import('../backup.ts')
      const restored = restoreDatabase(file, path, { replace: force === true, now: Date.now() })
      printOutput(command, restored, () => formatDatabaseContents(restored))
      if (restored.kept !== null) printNote(`The previous database is now ${restored.kept}.`)
      const { keyringPath } = readConfig(process.env)
      if (!existsSync(keyringPath)) {
        printNote(
          `There is no key ring ${keyringPath}: restore it too, because no server starts without it.`,
        )
      }
      if (await isBehindAnchor(path, keyringPath)) {
        printNote(
          'The audit in this database ends before events that were signed since. No event is sealed until ' +
            'you run `latchkey audit accept-restore`, which is recorded in the audit.',
        )
      }
    })
}

function requireFileName(file: string): void {
  if (file === '') throw new CommandFailure('usage', 'the file must not be empty')
}

/** Returns the file of the configured database, for commands that work with files. */
function getDatabaseFilePath(): string {
  const { database } = readConfig(process.env)
  if (database.engine === 'sqlite') return database.path
  throw new CommandFailure(
    'configuration',
    'LATCHKEY_DATABASE is PostgreSQL: use its own tools, pg_dump and pg_restore',
  )
}

/** Formats the contents of a database file. */
function formatDatabaseContents({
  path,
  bytes,
  schemaVersion,
  rows,
}: {
  path: string
  bytes: number
  schemaVersion: number
  rows: Readonly<Record<string, number>>
}): string {
  const counts = Object.entries(rows).map(([table, count]) => [`  ${table}`, count])
  return `${path}: ${bytes} bytes, schema version ${schemaVersion}, no damage found\n${alignRows(counts)}`
}

import { existsSync } from 'node:fs'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { type Migration, planMigrations, SCHEMA_HISTORY } from '../../storage/migrations.ts'
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
  if (file === '') throw new CommandFailure('usage', '<file> must not be empty')
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

/** Formats the contents of a database file, without the tables that have no rows. */
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
  const counts = Object.entries(rows)
    .filter(([, count]) => count > 0)
    .map(([table, count]) => [`  ${table}`, count])
  return `${path}: ${bytes} bytes, schema version ${schemaVersion}, no damage found\n${alignRows(counts)}`
}

interface MigrateOptions {
  readonly plan?: true
  readonly d1?: string
  readonly from?: number
}

export function defineMigrateCommand(group: Command): void {
  group
    .description(
      'Migrate the database to the schema of this version, each step in one transaction. A server ' +
        'does the same when it starts. Create a backup first.',
    )
    .option('--plan', 'show what would happen and change nothing')
    .addOption(
      new Option('--d1 <file>', 'write the SQL for a D1 database instead').conflicts('plan'),
    )
    .option('--from <version>', 'the schema version of that D1 database', parseSchemaVersion)
    .addHelpText(
      'after',
      '\nThe log of the Worker says which version its D1 database has. So does\n' +
        '  npx wrangler d1 execute latchkey --remote --command "SELECT version FROM schema_version"\n' +
        formatExamples('migrate --plan', 'migrate', 'migrate --d1 migration.sql --from 4'),
    )
    .action(async ({ plan, d1, from }: MigrateOptions, command: Command) => {
      if ((d1 === undefined) !== (from === undefined)) {
        throw new CommandFailure('usage', '--d1 FILE and --from VERSION must be used together')
      }
      if (d1 !== undefined && from !== undefined) return writeD1File(d1, from, command)
      const { database } = readConfig(process.env)
      if (database.engine === 'sqlite') requireDatabaseFile(database.path)
      const { readSchemaVersion } = await import('../database.ts')
      const found = (await readSchemaVersion(database)) ?? SCHEMA_HISTORY.version
      const steps = planMigrations(found)
      if (plan !== true && steps.length > 0) await migrateDatabase(database)
      const isApplied = plan !== true
      printOutput(command, toMigrationDocument(found, steps, isApplied), () =>
        formatMigrationSteps(found, steps, isApplied),
      )
    })
}

async function writeD1File(path: string, found: number, command: Command): Promise<void> {
  const { writeD1Migration } = await import('../d1-files.ts')
  const steps = writeD1Migration(path, found)
  printOutput(command, toMigrationDocument(found, steps, false), () =>
    formatMigrationSteps(found, steps, false),
  )
  if (steps.length > 0) printNote(`Now: npx wrangler d1 execute latchkey --remote --file ${path}`)
}

function parseSchemaVersion(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be the number of a schema version.')
}

async function migrateDatabase(database: Config['database']): Promise<void> {
  const [{ openEngine }, { silentLog }] = await Promise.all([
    import('../database.ts'),
    import('../log.ts'),
  ])
  // Opening the database migrates it.
  await (await openEngine(database, silentLog)).close()
}

const toMigrationDocument = (found: number, steps: readonly Migration[], isApplied: boolean) => ({
  found,
  version: isApplied ? SCHEMA_HISTORY.version : found,
  reads: SCHEMA_HISTORY.version,
  steps: steps.map(({ to, summary }) => ({ to, summary })),
})

function formatMigrationSteps(
  found: number,
  steps: readonly Migration[],
  isApplied: boolean,
): string {
  if (steps.length === 0) return `schema version ${found}: nothing to do\n`
  const lines = steps.map(({ to, summary }) => `  ${to - 1} → ${to}  ${summary}\n`)
  return `${isApplied ? 'migrated' : 'would migrate'}:\n${lines.join('')}`
}

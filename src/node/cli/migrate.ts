import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Config, readConfig } from '../../config.ts'
import { type Migration, planMigrations, SCHEMA_HISTORY } from '../../storage/migrations.ts'
import { silentLog } from '../log.ts'
import { CommandFailure } from './command-failure.ts'
import { formatExamples, printNote, printOutput } from './print.ts'
import { requireDatabaseFile } from './with-latchkey.ts'

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
  // Opening the database migrates it.
  const { openEngine } = await import('../database.ts')
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

import { type Command, InvalidArgumentError } from 'commander'
import { type CopiedTable, isCopyEqual } from '../../storage/database-copy.ts'
import { type D1ImportFile, type DatabaseLocation, parseLocation } from '../copy.ts'
import { CommandFailure } from './command-failure.ts'
import { type Columns, formatExamples, isJsonRequested, printMany, printNote } from './print.ts'
import { createProgressBar } from './progress-bar.ts'

interface CopyCommandOptions {
  readonly from: DatabaseLocation
  readonly to: DatabaseLocation | D1ImportFile
}

const COPIED_TABLE_COLUMNS: Columns<CopiedTable> = [
  ['table', ({ table }) => table],
  ['rows', ({ target }) => target.rows],
  ['written', ({ written }) => written],
  ['sha256', ({ target }) => target.sha256.slice(0, 16)],
  ['equal', isCopyEqual],
]

export function defineCopyCommand(group: Command): void {
  group
    .description(
      'Copy all data except the key ring to another database, and compare both by counts and ' +
        'digests. Stop the servers first: a write during the copy makes the databases differ. ' +
        'If the copy is interrupted, run it again: it continues where it stopped.',
    )
    .requiredOption('--from <url>', 'sqlite:PATH or postgres://USER@HOST/NAME', parseSource)
    .requiredOption('--to <url>', 'the same, empty; or d1-import:FILE, SQL for D1', parseTarget)
    .addHelpText(
      'after',
      '\nPut the password of PostgreSQL in PGPASSWORD: every user of a machine can read the\n' +
        'arguments of a command.\n' +
        formatExamples(
          'copy --from sqlite:./data/latchkey.db --to postgres://latchkey@db.example/latchkey',
          'copy --from sqlite:./data/latchkey.db --to d1-import:./latchkey.sql',
        ),
    )
    .action(async ({ from, to }: CopyCommandOptions, command: Command) => {
      if (JSON.stringify(from) === JSON.stringify(to)) {
        throw new CommandFailure('usage', '--from and --to are the same database')
      }
      const progress = createProgressBar('rows', { quiet: isJsonRequested(command) })
      const tables = await copyTo(from, to, progress).catch(explainConflict).finally(progress.end)
      printMany(command, tables, COPIED_TABLE_COLUMNS)
      requireEqual(tables)
      printNote(
        'Both databases are equal. The key ring was not copied: give the new server the same file.',
      )
    })
}

async function copyTo(
  from: DatabaseLocation,
  to: DatabaseLocation | D1ImportFile,
  progress: (done: number, total: number, label: string) => void,
): Promise<CopiedTable[]> {
  const { createSha256 } = await import('../copy.ts')
  const { openLocation } = await import('../copy.ts')
  const source = await openLocation(from, { canCreate: false })
  try {
    if (to.engine === 'd1-import') {
      const { writeD1Import } = await import('../d1-files.ts')
      return await writeD1Import(source, to.path, { createHash: createSha256, progress })
    }
    const { copyDatabase } = await import('../../storage/database-copy.ts')
    const target = await openLocation(to, { canCreate: true })
    try {
      return await copyDatabase(source, target, { createHash: createSha256, progress })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** SQLite's and PostgreSQL's messages for a row that refers to nothing, or exists already. */
function explainConflict(error: unknown): never {
  const { code = '' } = error as { code?: string }
  if (!/^(SQLITE_CONSTRAINT|23)/.test(code)) throw error
  throw new CommandFailure(
    'failed',
    'a row refers to a row that the target does not have: the source or the target was changed ' +
      'during the copy. Stop all servers and copy into an empty database',
    { cause: error },
  )
}

function requireEqual(tables: readonly CopiedTable[]): void {
  const different = tables.filter((table) => !isCopyEqual(table))
  if (different.length === 0) return
  const each = different.map(
    ({ table, source, target }) =>
      `${table} (${source.rows} rows in the source, ${target.rows} in the target)`,
  )
  throw new CommandFailure(
    'failed',
    `the databases differ: ${each.join(', ')}. The source or the target was changed after the copy. ` +
      'Stop all servers and copy into an empty database',
  )
}

function parseSource(text: string): DatabaseLocation {
  const location = parseLocation(text)
  if (location !== null && location.engine !== 'd1-import') return location
  throw new InvalidArgumentError('It must be sqlite:PATH or postgres://….')
}

function parseTarget(text: string): DatabaseLocation | D1ImportFile {
  const location = parseLocation(text)
  if (location !== null) return location
  throw new InvalidArgumentError('It must be sqlite:PATH, postgres://… or d1-import:FILE.')
}

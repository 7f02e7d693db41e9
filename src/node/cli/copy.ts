import { createHash } from 'node:crypto'
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { isPostgresUrl } from '../../settings.ts'
import { type CopiedTable, type HashStream, isCopyEqual } from '../../storage/database-copy.ts'
import type { Engine } from '../../storage/engine.ts'
import { SCHEMA_VERSION } from '../../storage/tables.ts'
import { readSchemaVersion } from '../database.ts'
import { silentLog } from '../log.ts'
import { CommandFailure } from './command-failure.ts'
import { type Columns, formatExamples, isJsonRequested, printMany, printNote } from './print.ts'
import { createProgressBar } from './terminal.ts'

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

/** A database that can be a source or a target. */
export type DatabaseLocation =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string }

/** A file of SQL for D1, only a target. */
export interface D1ImportFile {
  readonly engine: 'd1-import'
  readonly path: string
}

/** Parses `sqlite:PATH`, `postgres://…` or `d1-import:FILE`; null for anything else. */
function parseLocation(text: string): DatabaseLocation | D1ImportFile | null {
  const [, engine, path = ''] = /^(sqlite|d1-import):(.+)$/s.exec(text) ?? []
  if (engine === 'sqlite' || engine === 'd1-import') return { engine, path: resolve(path) }
  return isPostgresUrl(text) ? { engine: 'postgres', url: text } : null
}

/** Formats the location without a password. */
function formatLocation(location: DatabaseLocation): string {
  if (location.engine === 'sqlite') return `sqlite:${location.path}`
  const { protocol, host, pathname } = new URL(location.url)
  return `${protocol}//${host}${pathname}`
}

/** Steps run one after another: more connections would idle. */
const COPY_CONNECTIONS = 2

/**
 * Opens a source, or a target, which is created if it does not exist. A copy migrates nothing: both must
 * have the schema of this version.
 */
export async function openLocation(
  location: DatabaseLocation,
  { canCreate }: { canCreate: boolean },
): Promise<Engine> {
  const version = await readSchemaVersion(location)
  if (version === null && !canCreate)
    throw new Error(`there is no Latchkey database in ${formatLocation(location)}`)
  if (version !== null && version !== SCHEMA_VERSION) {
    throw new Error(
      `${formatLocation(location)} has schema version ${version}, this Latchkey copies version ` +
        `${SCHEMA_VERSION}: \`latchkey migrate --plan\` shows whether it can be migrated`,
    )
  }
  if (location.engine === 'sqlite') {
    const { openSqlite } = await import('../sqlite/engine.ts')
    return openSqlite(location.path)
  }
  const { openPostgres } = await import('../postgres/engine.ts')
  return openPostgres(location.url, silentLog, { connections: COPY_CONNECTIONS })
}

export function createSha256(): HashStream {
  const hash = createHash('sha256')
  return { update: (text) => hash.update(text), end: () => hash.digest('hex') }
}

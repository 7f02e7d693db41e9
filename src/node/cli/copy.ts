import { type Command, InvalidArgumentError } from 'commander'
import { type Copied, isEqual } from '../../storage/moving/copy.ts'
import { type ImportFile, type Place, readPlace } from '../moving/place.ts'
import { examples } from './examples.ts'
import { CommandFailure } from './failure.ts'
import { type Columns, printMany, say, wantsJson } from './print.ts'
import { progressBar } from './progress.ts'

interface Options {
  readonly from: Place
  readonly to: Place | ImportFile
}

const COLUMNS: Columns<Copied> = [
  ['table', ({ table }) => table],
  ['rows', ({ target }) => target.rows],
  ['written', ({ written }) => written],
  ['sha256', ({ target }) => target.sha256.slice(0, 16)],
  ['equal', isEqual],
]

export function define(group: Command): void {
  group
    .description(
      'Copy everything but the key ring into another database, and compare both at the end by ' +
        'counts and digests. Stop the servers first: what is written meanwhile is found as a ' +
        'difference. Run it again after an interruption, and it goes on from there.',
    )
    .requiredOption('--from <url>', 'sqlite:PATH or postgres://USER@HOST/NAME', readSource)
    .requiredOption('--to <url>', 'the same, empty; or d1-import:FILE, SQL for D1', readTarget)
    .addHelpText(
      'after',
      '\nThe password of PostgreSQL may stand in PGPASSWORD: everybody on a machine can read the\n' +
        'arguments of a command.\n' +
        examples(
          'copy --from sqlite:./data/latchkey.db --to postgres://latchkey@db.example/latchkey',
          'copy --from sqlite:./data/latchkey.db --to d1-import:./latchkey.sql',
        ),
    )
    .action(async ({ from, to }: Options, command: Command) => {
      if (JSON.stringify(from) === JSON.stringify(to)) {
        throw new CommandFailure('usage', '--from and --to are the same database')
      }
      const progress = progressBar('rows', { quiet: wantsJson(command) })
      const copied = await copy(from, to, progress).catch(explainConflict).finally(progress.end)
      printMany(command, copied, COLUMNS)
      refuseDifference(copied)
      say('Everything is equal. The key ring is in no database: give the new server the same file.')
    })
}

async function copy(
  from: Place,
  to: Place | ImportFile,
  progress: (done: number, all: number, what: string) => void,
): Promise<Copied[]> {
  const { newHash } = await import('../moving/hash.ts')
  const { openPlace } = await import('../moving/open.ts')
  const source = await openPlace(from, { mayMake: false })
  try {
    if (to.engine === 'd1-import') {
      const { writeImport } = await import('../moving/d1-import.ts')
      return await writeImport(source, to.path, { newHash, progress })
    }
    const { copyRows } = await import('../../storage/moving/copy.ts')
    const target = await openPlace(to, { mayMake: true })
    try {
      return await copyRows(source, target, { newHash, progress })
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** A row that refers to nothing, or is there twice: SQLite's words for it, and PostgreSQL's. */
function explainConflict(error: unknown): never {
  const { code = '' } = error as { code?: string }
  if (!/^(SQLITE_CONSTRAINT|23)/.test(code)) throw error
  throw new CommandFailure(
    'failed',
    'a row does not fit the others in the target: the source was changed while it was copied, or ' +
      'the target was. Stop all servers and copy into an empty database',
    { cause: error },
  )
}

function refuseDifference(copied: readonly Copied[]): void {
  const different = copied.filter((table) => !isEqual(table))
  if (different.length === 0) return
  const each = different.map(
    ({ table, source, target }) =>
      `${table} (${source.rows} rows in the source, ${target.rows} in the target)`,
  )
  throw new CommandFailure(
    'failed',
    `different: ${each.join(', ')}. The source was changed after it was copied, or the target was: ` +
      'stop all servers and copy into an empty database',
  )
}

function readSource(text: string): Place {
  const place = readPlace(text)
  if (place !== null && place.engine !== 'd1-import') return place
  throw new InvalidArgumentError('It must be sqlite:PATH or postgres://….')
}

function readTarget(text: string): Place | ImportFile {
  const place = readPlace(text)
  if (place !== null) return place
  throw new InvalidArgumentError('It must be sqlite:PATH, postgres://… or d1-import:FILE.')
}

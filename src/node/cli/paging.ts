import { type Command, InvalidArgumentError } from 'commander'
import type { Latchkey } from '../../compose.ts'
import { isUuid } from '../../domain/id.ts'
import type { Page } from '../../service/ports.ts'
import { withLatchkey } from './opening.ts'
import { type Columns, printMany, say } from './print.ts'

const LIMIT_MAX = 10_000

/** A command that lists: its options for long lists. */
export function paged(command: Command): Command {
  return command
    .option('--limit <n>', 'how many at most', readLimit, 100)
    .option('--after <cursor>', 'go on after this id, the last one of the list before', readAfter)
}

/** Prints a page, and where there is more, how to go on. One row more than asked for tells. */
export async function list<T extends { readonly id: string }>(
  command: Command,
  columns: Columns<T>,
  read: (latchkey: Latchkey, page: Page) => Promise<T[]>,
): Promise<void> {
  const { limit, after } = command.opts<{ limit: number; after?: string }>()
  const rows = await withLatchkey((latchkey) => read(latchkey, { after, limit: limit + 1 }))
  const shown = rows.slice(0, limit)
  printMany(command, shown, columns)
  const last = shown.at(-1)
  if (rows.length > limit && last !== undefined) {
    say(`There is more: ${continued(process.argv.slice(2), last.id)}`)
  }
}

/** The same command line, from another cursor. */
function continued(args: readonly string[], after: string): string {
  const rest = args.filter(
    (arg, n) => arg !== '--after' && !arg.startsWith('--after=') && args[n - 1] !== '--after',
  )
  return ['latchkey', ...rest, '--after', after].map(quote).join(' ')
}

const quote = (arg: string) =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`

function readAfter(text: string): string {
  if (!isUuid(text)) {
    throw new InvalidArgumentError('It is no cursor of a list: leave it out for the first page.')
  }
  return text
}

function readLimit(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > LIMIT_MAX) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${LIMIT_MAX}.`)
  }
  return limit
}

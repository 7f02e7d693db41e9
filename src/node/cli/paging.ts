import { type Command, InvalidArgumentError } from 'commander'
import type { Latchkey } from '../../compose.ts'
import { isUuid } from '../../domain/id.ts'
import type { Page } from '../../service/ports/lists.ts'
import { type Columns, printMany, printNote } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const PAGE_SIZE_MAX = 10_000

/** Adds the paging options to a list command. */
export function addPageOptions(command: Command): Command {
  return command
    .option('--limit <n>', 'how many at most', parseLimit, 100)
    .option(
      '--after <cursor>',
      'go on after this id, the last one of the list before',
      parseCursorOption,
    )
}

/** Prints a page and, if there are more, the command for the next page. Reads one row more to know. */
export async function printPage<T extends { readonly id: string }>(
  command: Command,
  columns: Columns<T>,
  read: (latchkey: Latchkey, page: Page) => Promise<T[]>,
): Promise<void> {
  const { limit, after } = command.opts<{ limit: number; after?: string }>()
  const rows = await withLatchkey((latchkey) => read(latchkey, { after, limit: limit + 1 }))
  const shownRows = rows.slice(0, limit)
  printMany(command, shownRows, columns)
  const last = shownRows.at(-1)
  if (rows.length > limit && last !== undefined) {
    printNote(`There is more: ${formatNextCommand(process.argv.slice(2), last.id)}`)
  }
}

/** Formats the same command line with another cursor. */
function formatNextCommand(args: readonly string[], after: string): string {
  const rest = args.filter(
    (arg, n) => arg !== '--after' && !arg.startsWith('--after=') && args[n - 1] !== '--after',
  )
  return ['latchkey', ...rest, '--after', after].map(quoteArgument).join(' ')
}

const quoteArgument = (arg: string) =>
  /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`

function parseCursorOption(text: string): string {
  if (!isUuid(text)) {
    throw new InvalidArgumentError('It is no cursor of a list: leave it out for the first page.')
  }
  return text
}

function parseLimit(text: string): number {
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit < 1 || limit > PAGE_SIZE_MAX) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${PAGE_SIZE_MAX}.`)
  }
  return limit
}

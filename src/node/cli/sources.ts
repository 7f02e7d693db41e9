import type { Command } from 'commander'
import type { Source } from '../../service/ports/routing.ts'
import { unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import { type Columns, formatExamples, formatTime, printOne } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

const SOURCE_COLUMNS: Columns<Source> = [
  ['id', (source) => source.id],
  ['account', (source) => source.accountId],
  ['name', (source) => source.name],
  ['created', (source) => formatTime(source.createdAt)],
]

interface CreateSourceOptions {
  readonly account: string
  readonly name: string
  readonly id?: string
}

export function defineCommands(group: Command): void {
  group
    .command('create')
    .description('Make a source. One living key belongs to it.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--id <uuid>', 'the id that it has elsewhere already')
    .addHelpText('after', formatExamples('sources create --account 0199aa… --name "Acme Source"'))
    .action(async ({ account, ...options }: CreateSourceOptions, command: Command) => {
      const result = await withLatchkey(({ sources }) =>
        sources.add({ ...options, accountId: account }),
      )
      printOne(command, unwrapResult(result), SOURCE_COLUMNS)
    })

  addPageOptions(group.command('list'))
    .description('List sources, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', formatExamples('sources list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, SOURCE_COLUMNS, ({ sources }, page) =>
        sources.list({ ...page, accountId: account }),
      ),
    )
}

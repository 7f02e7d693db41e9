import type { Command } from 'commander'
import type { Source } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

const COLUMNS: Columns<Source> = [
  ['id', (source) => source.id],
  ['account', (source) => source.accountId],
  ['name', (source) => source.name],
  ['created', (source) => time(source.createdAt)],
]

interface Wish {
  readonly account: string
  readonly name: string
  readonly id?: string
}

export function define(group: Command): void {
  group
    .command('create')
    .description('Make a source. One living key belongs to it.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--id <uuid>', 'the id that it has elsewhere already')
    .addHelpText('after', examples('sources create --account 0199aa… --name "Acme Source"'))
    .action(async ({ account, ...wish }: Wish, command: Command) => {
      const done = await withLatchkey(({ routes }) =>
        routes.addSource({ ...wish, accountId: account }),
      )
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List sources, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('sources list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ routes }, page) =>
        routes.listSources({ ...page, accountId: account }),
      ),
    )
}

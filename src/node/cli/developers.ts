import type { Command } from 'commander'
import type { Developer } from '../../service/ports.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'

const COLUMNS: Columns<Developer> = [
  ['id', (developer) => developer.id],
  ['account', (developer) => developer.accountId],
  ['name', (developer) => developer.name],
  ['developer key', (developer) => developer.developerKey],
  ['created', (developer) => time(developer.createdAt)],
]

interface Wish {
  readonly account: string
  readonly name: string
  readonly developerKey?: string
}

export function define(group: Command): void {
  group
    .command('create')
    .description(
      'Make a developer: the developer key stands before those of the offices, and is no secret.',
    )
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--developer-key <key>', 'as another system issued it; made here where it is left out')
    .addHelpText(
      'after',
      examples(
        'developers create --account 0199aa… --name "Acme Dental Apps"',
        'developers create --account 0199aa… --name Acme --developer-key NFF6i0KrXrxDkZHt',
      ),
    )
    .action(async ({ account, ...wish }: Wish, command: Command) => {
      const done = await withLatchkey(({ places }) =>
        places.addDeveloper({ ...wish, accountId: account }),
      )
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List developers, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('developers list', 'developers list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ places }, page) =>
        places.listDevelopers({ ...page, accountId: account }),
      ),
    )

  group
    .command('remove <id>')
    .description('Remove a developer that no key ever belonged to. The audit keeps what it was.')
    .addHelpText('after', examples('developers remove 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const removed = await withLatchkey(async ({ places }) => {
        const found = granted(await places.findDeveloper(id))
        granted(await places.removeDeveloper(id))
        return found
      })
      printOne(command, removed, COLUMNS)
    })
}

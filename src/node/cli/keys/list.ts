import { type Command, Option } from 'commander'
import type { Dialect } from '../../../domain/dialect.ts'
import type { KeyStatus } from '../../../domain/key.ts'
import { examples } from '../examples.ts'
import { list, paged } from '../paging.ts'
import { COLUMNS } from './columns.ts'
import { withOwners } from './owners.ts'
import { dialectOption } from './words.ts'

const STATUSES: readonly KeyStatus[] = ['enabled', 'disabled', 'revoked']

interface Wish {
  readonly account?: string
  readonly owner?: string
  readonly developer?: string
  readonly dialect?: Dialect
  readonly status?: KeyStatus
}

export function defineList(group: Command): void {
  paged(group.command('list'))
    .description('List keys, oldest first. Those whose owner has left say so in their status.')
    .option('--account <id>', 'of this account only')
    .option('--owner <id>', 'of this user only')
    .option('--developer <id>', 'under this developer only')
    .addOption(dialectOption('of this dialect only'))
    .addOption(new Option('--status <status>', 'of this status only').choices(STATUSES))
    .addHelpText(
      'after',
      examples(
        'keys list',
        'keys list --account 0199aa… --dialect xdent --status enabled',
        'keys list --json | jq -r .[].publicId',
      ),
    )
    .action(({ account, owner, developer, dialect, status }: Wish, command: Command) => {
      const wanted = { accountId: account, ownerId: owner, developerId: developer, dialect, status }
      return list(command, COLUMNS, async ({ keys, storage }, page) =>
        withOwners(storage, await keys.list({ ...page, ...wanted })),
      )
    })
}

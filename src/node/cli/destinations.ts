import { type Command, Option } from 'commander'
import type { DestinationSummary } from '../../service/ports.ts'
import { defineVerify } from './destinations/verify.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, printOne, time } from './print.ts'
import { readSecret } from './secret.ts'

const COLUMNS: Columns<DestinationSummary> = [
  ['id', (destination) => destination.id],
  ['account', (destination) => destination.accountId],
  ['name', (destination) => destination.name],
  ['url', (destination) => destination.url],
  ['development', (destination) => destination.development],
  ['method', (destination) => destination.method],
  ['token', (destination) => destination.hasToken],
  ['verified', (destination) => time(destination.verifiedAt)],
  ['created', (destination) => time(destination.createdAt)],
]

interface Wish {
  readonly account: string
  readonly name: string
  readonly url?: string
  readonly development?: true
  readonly tokenStdin?: true
  readonly method?: 'POST' | 'GET'
  readonly id?: string
}

export function define(group: Command): void {
  group
    .command('create')
    .description('Make a destination. It takes nothing before it is verified.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--url <url>', 'where messages are posted to: https')
    .option('--development', 'plain http is good enough')
    .option('--token-stdin', 'take the verification token from standard input')
    .addOption(methodOption('POST'))
    .option('--id <uuid>', 'the id that it has elsewhere already')
    .addHelpText(
      'after',
      examples(
        'destinations create --account 0199aa… --name "Redox EMR" --url https://emr.example',
        'destinations create --account 0199aa… --name "Redox EMR" --url https://emr.example \\\n' +
          '      --token-stdin < token.txt',
      ),
    )
    .action(async ({ account, tokenStdin, ...wish }: Wish, command: Command) => {
      const token = tokenStdin && (await readSecret())
      const done = await withLatchkey(({ routes }) =>
        routes.addDestination({ ...wish, token, accountId: account }),
      )
      printOne(command, granted(done), COLUMNS)
    })

  paged(group.command('list'))
    .description('List destinations, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('destinations list', 'destinations list --account 0199aa…'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ routes }, page) =>
        routes.listDestinations({ ...page, accountId: account }),
      ),
    )

  group
    .command('move <id> <url>')
    .description('Give it another URL. Another URL is another party: verify it anew.')
    .addHelpText('after', examples('destinations move 0199aa… https://emr.example/messages'))
    .action(async (id: string, url: string, _: object, command: Command) => {
      const done = await withLatchkey(({ routes }) => routes.moveDestination(id, url))
      printOne(command, granted(done), COLUMNS)
    })

  group
    .command('set-token <id>')
    .description('Give it another verification token, from standard input: verify it anew.')
    .addOption(methodOption('as before'))
    .addHelpText('after', examples('destinations set-token 0199aa… < token.txt'))
    .action(async (id: string, { method }: Pick<Wish, 'method'>, command: Command) => {
      const token = await readSecret()
      const done = await withLatchkey(({ routes }) => routes.setToken(id, token, method))
      printOne(command, granted(done), COLUMNS)
    })

  defineVerify(group)

  group
    .command('vouch <id>')
    .description('Verified, on your word: you have made sure that it is who it says.')
    .addHelpText('after', examples('destinations vouch 0199aa…'))
    .action(setVerified(true))

  group
    .command('doubt <id>')
    .description('No longer verified: it takes nothing from the next request on.')
    .addHelpText('after', examples('destinations doubt 0199aa…'))
    .action(setVerified(false))
}

const methodOption = (otherwise: string) =>
  new Option('--method <method>', `how it is verified; ${otherwise} where it is left out`).choices([
    'POST',
    'GET',
  ])

const setVerified = (verified: boolean) => async (id: string, _: object, command: Command) => {
  const done = await withLatchkey(({ routes }) => routes.setVerified(id, verified))
  printOne(command, granted(done), COLUMNS)
}

import { type Command, Option } from 'commander'
import type { Handshake } from '../../service/messages/destinations.ts'
import type { DestinationSummary } from '../../service/ports/routing.ts'
import { unwrapResult } from './command-failure.ts'
import { addPageOptions, printPage } from './paging.ts'
import {
  alignRows,
  type Columns,
  formatExamples,
  formatTime,
  printOne,
  printOutput,
} from './print.ts'
import { readSecret } from './prompt.ts'
import { withLatchkey } from './with-latchkey.ts'

const DESTINATION_COLUMNS: Columns<DestinationSummary> = [
  ['id', (destination) => destination.id],
  ['account', (destination) => destination.accountId],
  ['name', (destination) => destination.name],
  ['url', (destination) => destination.url],
  ['development', (destination) => destination.development],
  ['method', (destination) => destination.method],
  ['token', (destination) => destination.hasToken],
  ['verified', (destination) => formatTime(destination.verifiedAt)],
  ['created', (destination) => formatTime(destination.createdAt)],
]

interface CreateDestinationOptions {
  readonly account: string
  readonly name: string
  readonly url?: string
  readonly development?: true
  readonly tokenStdin?: true
  readonly method?: 'POST' | 'GET'
  readonly id?: string
}

export function defineCommands(group: Command): void {
  group
    .command('create')
    .description('Make a destination. It takes nothing before it is verified.')
    .requiredOption('--account <id>', 'the account')
    .requiredOption('--name <name>', 'what people call it')
    .option('--url <url>', 'where messages are posted to: https')
    .option('--development', 'plain http is good enough')
    .option('--token-stdin', 'take the verification token from standard input')
    .addOption(createMethodOption('POST'))
    .option('--id <uuid>', 'the id that it has elsewhere already')
    .addHelpText(
      'after',
      formatExamples(
        'destinations create --account 0199aa… --name "Redox EMR" --url https://emr.example',
        'destinations create --account 0199aa… --name "Redox EMR" --url https://emr.example \\\n' +
          '      --token-stdin < token.txt',
      ),
    )
    .action(
      async ({ account, tokenStdin, ...options }: CreateDestinationOptions, command: Command) => {
        const token = tokenStdin && (await readSecret())
        const result = await withLatchkey(({ destinations }) =>
          destinations.add({ ...options, token, accountId: account }),
        )
        printOne(command, unwrapResult(result), DESTINATION_COLUMNS)
      },
    )

  addPageOptions(group.command('list'))
    .description('List destinations, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText(
      'after',
      formatExamples('destinations list', 'destinations list --account 0199aa…'),
    )
    .action(({ account }: { account?: string }, command: Command) =>
      printPage(command, DESTINATION_COLUMNS, ({ destinations }, page) =>
        destinations.list({ ...page, accountId: account }),
      ),
    )

  group
    .command('move <id> <url>')
    .description('Give it another URL. Another URL is another party: verify it anew.')
    .addHelpText('after', formatExamples('destinations move 0199aa… https://emr.example/messages'))
    .action(async (id: string, url: string, _: object, command: Command) => {
      const result = await withLatchkey(({ destinations }) => destinations.setUrl(id, url))
      printOne(command, unwrapResult(result), DESTINATION_COLUMNS)
    })

  group
    .command('set-token <id>')
    .description('Give it another verification token, from standard input: verify it anew.')
    .addOption(createMethodOption('as before'))
    .addHelpText('after', formatExamples('destinations set-token 0199aa… < token.txt'))
    .action(
      async (
        id: string,
        { method }: Pick<CreateDestinationOptions, 'method'>,
        command: Command,
      ) => {
        const token = await readSecret()
        const result = await withLatchkey(({ destinations }) =>
          destinations.setVerificationToken(id, token, method),
        )
        printOne(command, unwrapResult(result), DESTINATION_COLUMNS)
      },
    )

  defineVerifyCommand(group)

  group
    .command('vouch <id>')
    .description('Verified, on your word: you have made sure that it is who it says.')
    .addHelpText('after', formatExamples('destinations vouch 0199aa…'))
    .action(createVerifiedAction(true))

  group
    .command('doubt <id>')
    .description('No longer verified: it takes nothing from the next request on.')
    .addHelpText('after', formatExamples('destinations doubt 0199aa…'))
    .action(createVerifiedAction(false))
}

const createMethodOption = (fallback: string) =>
  new Option('--method <method>', `how it is verified; ${fallback} where it is left out`).choices([
    'POST',
    'GET',
  ])

const createVerifiedAction =
  (verified: boolean) => async (id: string, _: object, command: Command) => {
    const result = await withLatchkey(({ destinations }) => destinations.setVerified(id, verified))
    printOne(command, unwrapResult(result), DESTINATION_COLUMNS)
  }

export function defineVerifyCommand(group: Command): void {
  group
    .command('verify <id>')
    .description(
      'Ask it to repeat a challenge, and show the handshake. Exit code 1 where it does not.',
    )
    .addHelpText('after', formatExamples('destinations verify 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const handshake = unwrapResult(
        await withLatchkey(({ destinations }) => destinations.verify(id)),
      )
      printOutput(command, handshake, () => formatHandshake(handshake))
      if (!handshake.verified) process.exitCode = 1
    })
}

function formatHandshake({ verified, asked, answered, destination }: Handshake): string {
  return alignRows([
    ['asked', `${asked.method} ${asked.url ?? '-'}`],
    ['answered', formatHandshakeAnswer(answered)],
    [
      'verified',
      verified ? String(formatTime(destination.verifiedAt)) : 'no, not by this handshake',
    ],
  ])
}

/** The answer is untrusted: characters that could move a terminal's cursor are replaced. */
function formatHandshakeAnswer(answered: Handshake['answered']): string {
  switch (answered.outcome) {
    case 'delivered':
      return `${answered.status}, ${answered.challenged ? 'with the challenge' : 'without the challenge'}`
    case 'refused':
      return `${answered.status} ${answered.excerpt.replaceAll(/\p{C}/gu, '·')}`.trim()
    case 'failed':
      return `nothing: ${answered.detail}`
    case 'forbidden':
      return `it was not asked: ${answered.detail}${answered.address === undefined ? '' : ` (${answered.address})`}`
  }
}

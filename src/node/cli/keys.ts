import type { Command } from 'commander'
import type { Keys, Revealed } from '../../service/keys.ts'
import type { Done } from '../../service/operator.ts'
import type { KeySummary } from '../../service/ports.ts'
import { confirmRevoking, requireConsent } from './consent.ts'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { readDuration, readInstant } from './instants.ts'
import { withLatchkey } from './opening.ts'
import { list, paged } from './paging.ts'
import { type Columns, formatOne, print, printOne, say, time } from './print.ts'
import { readSecret } from './secret.ts'

const COLUMNS: Columns<KeySummary> = [
  ['id', (key) => key.id],
  ['public id', (key) => key.publicId],
  ['name', (key) => key.name],
  ['status', statusOf],
  ['source', (key) => key.sourceId],
  ['created', (key) => time(key.createdAt)],
  ['expires', (key) => time(key.expiresAt)],
]

const DETAILS: Columns<KeySummary> = [
  ...COLUMNS,
  ['account', (key) => key.accountId],
  ['owner', (key) => key.ownerId],
  ['disabled', (key) => time(key.disabledAt)],
  ['revoked', (key) => time(key.revokedAt)],
  ['secret replaced', (key) => time(key.secretReplacedAt)],
  ['old secret ends', (key) => time(key.previousSecretEndsAt)],
]

interface Wish {
  readonly owner: string
  readonly source: string
  readonly name: string
  readonly publicId?: string
  readonly secretStdin?: true
  readonly expires?: number
}

interface Rotation {
  readonly overlap?: number
  readonly secretStdin?: true
}

const ANY_ID = "the key's id, or its public id (after -- where it begins with a dash)"
const SECRET_STDIN = 'take the secret from standard input; made here where it is left out'

export function define(group: Command): void {
  group
    .command('create')
    .description('Make a key, or take over one that another system issued.')
    .requiredOption('--owner <id>', 'the user who answers for it: engineer or administrator')
    .requiredOption('--source <id>', 'the source that it sends for')
    .requiredOption('--name <name>', 'what people call it')
    .option('--public-id <id>', 'the API key as another system issued it')
    .option('--secret-stdin', SECRET_STDIN)
    .option('--expires <date>', 'when it ends: 2027-01-31, or 2027-01-31T12:00Z', readInstant)
    .addHelpText(
      'after',
      examples(
        'keys create --owner 0199aa… --source 0199bb… --name "nightly job"',
        'keys create --owner 0199aa… --source 0199bb… --name legacy --public-id abc \\\n' +
          '      --secret-stdin < secret.txt',
      ),
    )
    .action(async (options: Wish, command: Command) => {
      const { owner, source, name, publicId, expires } = options
      const secret = options.secretStdin && (await readSecret())
      const wish = {
        dialect: 'redox' as const,
        ...{ ownerId: owner, sourceId: source, name, publicId, secret, expiresAt: expires },
      }
      const done = await withLatchkey(({ keys }) => keys.create(wish))
      reveal(command, granted(done), secret !== undefined)
    })

  paged(group.command('list'))
    .description('List keys, oldest first.')
    .option('--account <id>', 'of this account only')
    .addHelpText('after', examples('keys list', 'keys list --json | jq -r .[].publicId'))
    .action(({ account }: { account?: string }, command: Command) =>
      list(command, COLUMNS, ({ keys }, page) => keys.list({ ...page, accountId: account })),
    )

  group
    .command('show')
    .argument('<id>', ANY_ID)
    .description('Show everything of a key that is not secret.')
    .addHelpText('after', examples('keys show 0199aa…', 'keys show -- -odd-public-id'))
    .action(change((keys, id) => keys.find(id)))

  group
    .command('rotate-secret')
    .argument('<id>', ANY_ID)
    .description(
      'Give a key a new secret. Without an overlap the old one, and all tokens, end at once.',
    )
    .option('--overlap <duration>', 'the old secret works as long: 90s, 30m, 24h, 7d', readDuration)
    .option('--secret-stdin', SECRET_STDIN)
    .addHelpText('after', examples('keys rotate-secret 0199aa… --overlap 24h'))
    .action(async (id: string, options: Rotation, command: Command) => {
      const secret = options.secretStdin && (await readSecret())
      const wish = { secret, overlapMs: options.overlap }
      const done = await withLatchkey(({ keys }) => keys.rotateSecret(id, wish))
      reveal(command, granted(done), secret !== undefined)
    })

  group
    .command('enable')
    .argument('<id>', ANY_ID)
    .description('Undo disable.')
    .addHelpText('after', examples('keys enable 0199aa…'))
    .action(change((keys, id) => keys.enable(id)))

  group
    .command('disable')
    .argument('<id>', ANY_ID)
    .description('Refuse a key and its tokens from the next request on, until it is enabled.')
    .addHelpText('after', examples('keys disable 0199aa…'))
    .action(change((keys, id) => keys.disable(id)))

  group
    .command('revoke')
    .argument('<id>', ANY_ID)
    .description('Refuse a key and its tokens from the next request on, for ever.')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('keys revoke 0199aa…', 'keys revoke 0199aa… --yes'))
    .action(async (id: string, { yes }: { yes?: true }, command: Command) => {
      if (!yes) requireConsent()
      const done = await withLatchkey(async ({ keys }) => {
        if (!yes) await confirmRevoking(granted(await keys.find(id)))
        return keys.revoke(id)
      })
      printOne(command, granted(done), DETAILS)
    })
}

/** A verb that takes a key's id alone. */
function change(verb: (keys: Keys, id: string) => Promise<Done<KeySummary>>) {
  return async (id: string, _: object, command: Command) => {
    const done = await withLatchkey(({ keys }) => verb(keys, id))
    printOne(command, granted(done), DETAILS)
  }
}

/** A secret that was made here is shown, this once; one that was brought along is known already. */
function reveal(command: Command, { key, secret }: Revealed, supplied: boolean): void {
  const columns: Columns<KeySummary> = supplied ? DETAILS : [...DETAILS, ['secret', () => secret]]
  print(command, supplied ? { key } : { key, secret }, () => formatOne(key, columns))
  if (!supplied) say('The secret is shown only now: keep it where its user will read it.')
}

function statusOf({ status, expiresAt }: KeySummary): string {
  const expired = expiresAt !== null && expiresAt <= Date.now()
  return expired && status !== 'revoked' ? `${status}, expired` : status
}

import { type Command, Option } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import type { AccessLevel, DisablingParty } from '../../../domain/key.ts'
import type { Keys } from '../../../service/keys/keys.ts'
import type { KeySummary } from '../../../service/ports/keys.ts'
import type { ServiceResult } from '../../../service/service-result.ts'
import { CommandFailure, unwrapResult } from '../command-failure.ts'
import { formatExamples, printOne } from '../print.ts'
import { confirmKeyName, type IrreversibleAction, requireTerminal } from '../prompt.ts'
import { withLatchkey } from '../with-latchkey.ts'
import { createAccessLevelOption, KEY_ID_HELP, parseExpiry } from './options.ts'
import { printKey } from './print-key.ts'

interface EditKeyOptions {
  readonly name?: string
  readonly description?: string
  readonly reference?: string
  readonly access?: AccessLevel
  readonly expires?: number | 'never'
}

export function defineEditCommands(group: Command): void {
  group
    .command('edit')
    .argument('<id>', KEY_ID_HELP)
    .description('Change what is known of a key. What is left out stays as it is.')
    .option('--name <name>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .option('--reference <text>', 'its number in a system of yours')
    .addOption(createAccessLevelOption())
    .option(
      '--expires <date>',
      'when it ends: 2027-01-31, 2027-01-31T12:00Z, or never',
      parseExpiry,
    )
    .addHelpText(
      'after',
      formatExamples(
        'keys edit 0199aa… --name "night job" --description "moved to the new host"',
        'keys edit 0199aa… --access read --expires 2027-01-31',
      ),
    )
    .action(
      createKeyAction<EditKeyOptions>((keys, id, { expires, ...rest }) =>
        keys.edit(id, { ...rest, expiresAt: expires === 'never' ? null : expires }),
      ),
    )
    .hook('preAction', requireChange)

  group
    .command('transfer')
    .argument('<id>', KEY_ID_HELP)
    .description('Give a key another owner of the same account. It works on as it is.')
    .requiredOption('--to <user>', 'who answers for it from now on: engineer or administrator')
    .addHelpText('after', formatExamples('keys transfer 0199aa… --to 0199bb…'))
    .action(createKeyAction<{ to: string }>((keys, id, { to }) => keys.edit(id, { ownerId: to })))

  group
    .command('assign')
    .argument('<id>', KEY_ID_HELP)
    .description('An office takes an opendental key into use: from now on it opens its data.')
    .requiredOption('--site <id>', 'the office')
    .addHelpText('after', formatExamples('keys assign 0199aa… --site 0199bb…'))
    .action(createKeyAction<{ site: string }>((keys, id, { site }) => keys.assign(id, site)))

  group
    .command('unassign')
    .argument('<id>', KEY_ID_HELP)
    .description('Undo assign: an opendental key opens no data, from the next request on.')
    .addHelpText('after', formatExamples('keys unassign 0199aa…'))
    .action(createKeyAction((keys, id) => keys.assign(id, null)))
}

/** Checks before anything is opened. */
function requireChange(command: Command): void {
  if (Object.keys(command.opts()).length > 0) return
  throw new CommandFailure(
    'usage',
    'say what to change: --name, --description, --reference, --access or --expires',
  )
}

const DISABLING_PARTIES: readonly DisablingParty[] = ['developer', 'customer', 'operator']

const createPartyOption = () =>
  new Option('--by <party>', 'on whose behalf').choices(DISABLING_PARTIES).default('operator')

/** Commands that stop a key and can be undone. */
export function defineDisableCommands(group: Command): void {
  group
    .command('disable')
    .argument('<id>', KEY_ID_HELP)
    .description('Refuse a key and its tokens from the next request on, until it is enabled.')
    .addOption(createPartyOption())
    .addHelpText(
      'after',
      formatExamples('keys disable 0199aa…', 'keys disable 0199aa… --by customer'),
    )
    .action(createKeyAction<{ by: DisablingParty }>((keys, id, { by }) => keys.disable(id, by)))

  group
    .command('enable')
    .argument('<id>', KEY_ID_HELP)
    .description('Undo disable. Each party undoes only its own.')
    .addOption(createPartyOption())
    .addHelpText(
      'after',
      formatExamples('keys enable 0199aa…', 'keys enable 0199aa… --by customer'),
    )
    .action(createKeyAction<{ by: DisablingParty }>((keys, id, { by }) => keys.enable(id, by)))
}

const REVOCATION: IrreversibleAction = {
  verb: 'revoke',
  gerund: 'revoking',
  participle: 'revoked',
  outcome: 'refused for ever',
}
const DELETION: IrreversibleAction = {
  verb: 'delete',
  gerund: 'deleting',
  participle: 'deleted',
  outcome: 'refused for ever and gone from every list',
}

interface ConfirmOptions {
  readonly yes?: true
}

/** Commands that cannot be undone. */
export function defineRevokeCommands(group: Command): void {
  group
    .command('revoke')
    .argument('<id>', KEY_ID_HELP)
    .description('Refuse a key and its tokens from the next request on, for ever.')
    .option('--yes', 'do not ask')
    .addHelpText('after', formatExamples('keys revoke 0199aa…', 'keys revoke 0199aa… --yes'))
    .action(async (id: string, options: ConfirmOptions, command: Command) => {
      const result = await withConfirmation(REVOCATION, id, options, ({ keys }) => keys.revoke(id))
      printKey(command, unwrapResult(result))
    })

  group
    .command('delete')
    .argument('<id>', KEY_ID_HELP)
    .description('Revoke, and remove from the lists: of xdent and practice keys. The audit stays.')
    .option('--yes', 'do not ask')
    .addHelpText('after', formatExamples('keys delete 0199aa…', 'keys delete 0199aa… --yes'))
    .action(async (id: string, options: ConfirmOptions, command: Command) => {
      const deleted = await withConfirmation(DELETION, id, options, async ({ keys }) => {
        const key = unwrapResult(await keys.find(id))
        unwrapResult(await keys.delete(key.id))
        return { id: key.id, publicId: key.publicId, deleted: true }
      })
      printOne(command, deleted, [
        ['id', (key) => key.id],
        ['public id', (key) => key.publicId],
        ['deleted', (key) => key.deleted],
      ])
    })
}

/** Requires --yes, or a confirmation at the terminal. */
function withConfirmation<T>(
  action: IrreversibleAction,
  id: string,
  { yes }: ConfirmOptions,
  work: (latchkey: Latchkey) => Promise<T>,
): Promise<T> {
  if (!yes) requireTerminal(action)
  return withLatchkey(async (latchkey) => {
    if (!yes) await confirmKeyName(action, unwrapResult(await latchkey.keys.find(id)))
    return work(latchkey)
  })
}

/** Creates the action of a command that takes a key's id and options, and prints the changed key. */
export const createKeyAction =
  <Options>(
    run: (keys: Keys, id: string, options: Options) => Promise<ServiceResult<KeySummary>>,
  ) =>
  async (id: string, options: Options, command: Command): Promise<void> => {
    const result = await withLatchkey(({ keys }) => run(keys, id, options))
    printKey(command, unwrapResult(result))
  }

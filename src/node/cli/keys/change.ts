import type { Command } from 'commander'
import type { Access } from '../../../domain/key.ts'
import { examples } from '../examples.ts'
import { CommandFailure } from '../failure.ts'
import { verb } from './verb.ts'
import { ANY_ID, accessOption, readExpiry } from './words.ts'

interface Edit {
  readonly name?: string
  readonly description?: string
  readonly reference?: string
  readonly access?: Access
  readonly expires?: number | 'never'
}

/** What people may change of a key. */
export function defineChange(group: Command): void {
  group
    .command('edit')
    .argument('<id>', ANY_ID)
    .description('Change what is known of a key. What is left out stays as it is.')
    .option('--name <name>', 'what people call it')
    .option('--description <text>', 'what it is for')
    .option('--reference <text>', 'its number in a system of yours')
    .addOption(accessOption())
    .option('--expires <date>', 'when it ends: 2027-01-31, 2027-01-31T12:00Z, or never', readExpiry)
    .addHelpText(
      'after',
      examples(
        'keys edit 0199aa… --name "night job" --description "moved to the new host"',
        'keys edit 0199aa… --access read --expires 2027-01-31',
      ),
    )
    .action(
      verb<Edit>((keys, id, { expires, ...rest }) =>
        keys.edit(id, { ...rest, expiresAt: expires === 'never' ? null : expires }),
      ),
    )
    .hook('preAction', requireChange)

  group
    .command('transfer')
    .argument('<id>', ANY_ID)
    .description('Give a key another owner of the same account. It works on as it is.')
    .requiredOption('--to <user>', 'who answers for it from now on: engineer or administrator')
    .addHelpText('after', examples('keys transfer 0199aa… --to 0199bb…'))
    .action(verb<{ to: string }>((keys, id, { to }) => keys.edit(id, { ownerId: to })))

  group
    .command('assign')
    .argument('<id>', ANY_ID)
    .description('An office takes an opendental key into use: from now on it opens its data.')
    .requiredOption('--site <id>', 'the office')
    .addHelpText('after', examples('keys assign 0199aa… --site 0199bb…'))
    .action(verb<{ site: string }>((keys, id, { site }) => keys.assign(id, site)))

  group
    .command('unassign')
    .argument('<id>', ANY_ID)
    .description('Undo assign: an opendental key opens no data, from the next request on.')
    .addHelpText('after', examples('keys unassign 0199aa…'))
    .action(verb((keys, id) => keys.assign(id, null)))
}

/** Before anything is opened. */
function requireChange(command: Command): void {
  if (Object.keys(command.opts()).length > 0) return
  throw new CommandFailure(
    'usage',
    'say what to change: --name, --description, --reference, --access or --expires',
  )
}

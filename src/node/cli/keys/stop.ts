import { type Command, Option } from 'commander'
import type { Party } from '../../../domain/key.ts'
import { examples } from '../examples.ts'
import { verb } from './verb.ts'
import { ANY_ID } from './words.ts'

const PARTIES: readonly Party[] = ['developer', 'customer', 'operator']

const byOption = () =>
  new Option('--by <party>', 'on whose behalf').choices(PARTIES).default('operator')

/** What stops a key and can be undone. */
export function defineStop(group: Command): void {
  group
    .command('disable')
    .argument('<id>', ANY_ID)
    .description('Refuse a key and its tokens from the next request on, until it is enabled.')
    .addOption(byOption())
    .addHelpText('after', examples('keys disable 0199aa…', 'keys disable 0199aa… --by customer'))
    .action(verb<{ by: Party }>((keys, id, { by }) => keys.disable(id, by)))

  group
    .command('enable')
    .argument('<id>', ANY_ID)
    .description('Undo disable. Each party undoes only its own.')
    .addOption(byOption())
    .addHelpText('after', examples('keys enable 0199aa…', 'keys enable 0199aa… --by customer'))
    .action(verb<{ by: Party }>((keys, id, { by }) => keys.enable(id, by)))
}

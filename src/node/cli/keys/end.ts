import type { Command } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import { type Act, confirm, requireConsent } from '../consent.ts'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { printOne } from '../print.ts'
import { printKey } from './reveal.ts'
import { ANY_ID } from './words.ts'

const REVOKING: Act = {
  verb: 'revoke',
  doing: 'revoking',
  done: 'revoked',
  outcome: 'refused for ever',
}
const DELETING: Act = {
  verb: 'delete',
  doing: 'deleting',
  done: 'deleted',
  outcome: 'refused for ever and gone from every list',
}

interface Consent {
  readonly yes?: true
}

/** What ends a key for ever. */
export function defineEnd(group: Command): void {
  group
    .command('revoke')
    .argument('<id>', ANY_ID)
    .description('Refuse a key and its tokens from the next request on, for ever.')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('keys revoke 0199aa…', 'keys revoke 0199aa… --yes'))
    .action(async (id: string, consent: Consent, command: Command) => {
      const done = await withConsent(REVOKING, id, consent, ({ keys }) => keys.revoke(id))
      printKey(command, granted(done))
    })

  group
    .command('delete')
    .argument('<id>', ANY_ID)
    .description('Revoke, and remove from the lists: of xdent and practice keys. The audit stays.')
    .option('--yes', 'do not ask')
    .addHelpText('after', examples('keys delete 0199aa…', 'keys delete 0199aa… --yes'))
    .action(async (id: string, consent: Consent, command: Command) => {
      const deleted = await withConsent(DELETING, id, consent, async ({ keys }) => {
        const key = granted(await keys.find(id))
        granted(await keys.remove(key.id))
        return { id: key.id, publicId: key.publicId, deleted: true }
      })
      printOne(command, deleted, [
        ['id', (key) => key.id],
        ['public id', (key) => key.publicId],
        ['deleted', (key) => key.deleted],
      ])
    })
}

/** With --yes, or with the word of who sits at the terminal. */
function withConsent<T>(
  act: Act,
  id: string,
  { yes }: Consent,
  work: (latchkey: Latchkey) => Promise<T>,
): Promise<T> {
  if (!yes) requireConsent(act)
  return withLatchkey(async (latchkey) => {
    if (!yes) await confirm(act, granted(await latchkey.keys.find(id)))
    return work(latchkey)
  })
}

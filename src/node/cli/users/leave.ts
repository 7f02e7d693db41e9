import type { Command } from 'commander'
import type { Latchkey } from '../../../compose.ts'
import type { KeySummary, User } from '../../../service/ports.ts'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { print, say } from '../print.ts'
import { formatTable } from '../table.ts'

/** What becomes of a key whose owner leaves. Both say so in `keys list`. */
type Fate = 'disabled' | 'flagged'

interface Left {
  readonly user: User
  readonly keys: readonly { id: string; publicId: string; name: string; fate: Fate }[]
}

export function defineLeave(group: Command): void {
  group
    .command('leave <id>')
    .description('A person has left. Says what became of the keys, as the account wants it.')
    .addHelpText(
      'after',
      '\n`latchkey accounts departed-keys` sets whether they go on working or are disabled.',
    )
    .addHelpText('after', examples('users leave 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const left = await withLatchkey(async (latchkey): Promise<Left> => {
        const user = granted(await latchkey.accounts.leave(id))
        const keys = await livingKeysOf(latchkey, user.id)
        return { user, keys: keys.map((key) => ({ ...namesOf(key), fate: fateOf(key, user) })) }
      })
      print(command, left, () =>
        formatTable(
          ['key', 'public id', 'name', 'fate'],
          left.keys.map((key) => [key.id, key.publicId, key.name, key.fate]),
        ),
      )
      say(sentence(left))
    })
}

async function livingKeysOf({ keys }: Latchkey, ownerId: string): Promise<KeySummary[]> {
  const living: KeySummary[] = []
  let after: string | undefined
  do {
    const page = await keys.list({ ownerId, after, limit: 1000 })
    living.push(...page.filter(({ status }) => status !== 'revoked'))
    after = page.at(-1)?.id
  } while (after !== undefined)
  return living
}

const namesOf = ({ id, publicId, name }: KeySummary) => ({ id, publicId, name })

/** One that was disabled before stays as it was. */
const fateOf = ({ disabledAt }: KeySummary, { leftAt }: User): Fate =>
  disabledAt === leftAt ? 'disabled' : 'flagged'

function sentence({ user, keys }: Left): string {
  if (keys.length === 0) return `${user.email} has left, and held no living key.`
  const count = (fate: Fate) => keys.filter((key) => key.fate === fate).length
  return (
    `${user.email} has left. Keys that were disabled: ${count('disabled')}; that stay as they are: ` +
    `${count('flagged')}. Hand them over: latchkey keys transfer <id> --to <user>`
  )
}

import type { Command } from 'commander'
import type { User } from '../../../service/ports.ts'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { requireOutput } from '../output.ts'
import { type Columns, print, printOne, say } from '../print.ts'
import { printLink } from './link.ts'

const USER = 'the user'

/** How a person is called, and signs in at the console. */
export function defineSignIn(group: Command, columns: Columns<User>): void {
  group
    .command('invite')
    .argument('<id>', USER)
    .description(
      'Print a one-time link to a first password, or to a new one. The link before it ends.',
    )
    .addHelpText('after', examples('users invite 0199aa…', 'users invite 0199aa… --json'))
    .action(async (id: string, _: object, command: Command) => {
      requireOutput()
      const done = await withLatchkey(({ people }) => people.invite(id))
      printLink(command, granted(done), `latchkey users invite ${id}`)
    })

  group
    .command('set-username')
    .argument('<id>', USER)
    .argument('<username>', 'once in this server')
    .description('Give a person another username. Practice keys are presented with it from now on.')
    .addHelpText('after', examples('users set-username 0199aa… dr'))
    .action(async (id: string, username: string, _: object, command: Command) => {
      const done = await withLatchkey(({ people }) => people.setUsername(id, username))
      printOne(command, granted(done), columns)
    })

  group
    .command('set-email')
    .argument('<id>', USER)
    .argument('<email>', 'once in the account')
    .description('Give a person another e-mail address. Nobody signs in with it.')
    .addHelpText('after', examples('users set-email 0199aa… mara.west@clinic.example'))
    .action(async (id: string, email: string, _: object, command: Command) => {
      const done = await withLatchkey(({ accounts }) => accounts.setEmail(id, email))
      printOne(command, granted(done), columns)
    })

  group
    .command('sign-out')
    .argument('<id>', USER)
    .description('End every session and every token of a person, from the next request on.')
    .addHelpText('after', examples('users sign-out 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const done = granted(await withLatchkey(({ people }) => people.signOut(id)))
      print(command, done, () => `${done.user.email}: sessions and tokens ended: ${done.ended}\n`)
    })

  group
    .command('reset-second-factor')
    .argument('<id>', USER)
    .description('For who has lost device and recovery codes: the password alone is enough again.')
    .addHelpText('after', examples('users reset-second-factor 0199aa…'))
    .action(async (id: string, _: object, command: Command) => {
      const done = await withLatchkey(({ people }) => people.resetSecondFactor(id))
      printOne(command, granted(done), columns)
      say('Make sure that it is really this person who asks.')
    })
}

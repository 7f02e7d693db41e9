import type { Command } from 'commander'
import type { IssuedInvitation } from '../../service/accounts/users.ts'
import { unwrapResult } from './command-failure.ts'
import { printOnce, requireOutput } from './output.ts'
import { formatExamples, formatOne, formatTime, printNote } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

export function defineConsoleCommand(group: Command): void {
  group
    .command('link')
    .description(
      'Print a one-time link that creates the first account and its operator. It expires after an hour, and works only while no operator exists.',
    )
    .addHelpText('after', formatExamples('console link', 'console link --json | jq -r .link'))
    .action(async (_: object, command: Command) => {
      requireOutput()
      const result = await withLatchkey(({ users }) => users.inviteFirstOperator(), {
        canCreate: true,
      })
      printInvitationLink(command, unwrapResult(result), 'latchkey console link')
    })
}

/** Prints a one-time link for the operator to pass on. */
export function printInvitationLink(
  command: Command,
  { link, invitation }: IssuedInvitation,
  renewCommand: string,
): void {
  const { userId, expiresAt } = invitation
  const text = () =>
    formatOne({ link, expiresAt }, [
      ['link', (row) => row.link],
      ['until', (row) => formatTime(row.expiresAt)],
    ])
  const ifLost = `The link was created but not shown: run \`${renewCommand}\` to create another one`
  printOnce(command, { link, userId, expiresAt: formatTime(expiresAt) }, text, ifLost)
  printNote('Keep the link private: it sets the password of the operator. It is shown only once.')
}

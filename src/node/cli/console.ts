import type { Command } from 'commander'
import type { IssuedInvitation } from '../../service/accounts/users.ts'
import { unwrapResult } from './command-failure.ts'
import { printOnce, requireOutput } from './output.ts'
import { formatExamples, formatOne, formatTime, printNote } from './print.ts'
import { withLatchkey } from './with-latchkey.ts'

export function defineCommands(group: Command): void {
  group
    .command('link')
    .description(
      'Print a one-time link, good for an hour, that makes the first account and its operator, while there is none.',
    )
    .addHelpText('after', formatExamples('console link', 'console link --json | jq -r .link'))
    .action(async (_: object, command: Command) => {
      requireOutput()
      const result = await withLatchkey(({ users }) => users.inviteFirstOperator())
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
  const ifLost = `The link was made but not shown: run \`${renewCommand}\` for another one`
  printOnce(command, { link, userId, expiresAt }, text, ifLost)
  printNote('Whoever completes its form first sets the password. It is shown only now.')
}

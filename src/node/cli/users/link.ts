import type { Command } from 'commander'
import type { Invited } from '../../../service/people.ts'
import { printOnce } from '../output.ts'
import { formatOne, say, time } from '../print.ts'

/** A one-time link, to be given to whom it is for. */
export function printLink(
  command: Command,
  { link, invitation }: Invited,
  printsAnother: string,
): void {
  const { userId, expiresAt } = invitation
  const text = () =>
    formatOne({ link, expiresAt }, [
      ['link', (of) => of.link],
      ['until', (of) => time(of.expiresAt)],
    ])
  const ifLost = `The link was made but not shown: run \`${printsAnother}\` for another one`
  printOnce(command, { link, userId, expiresAt }, text, ifLost)
  say('Whoever completes its form first sets the password. It is shown only now.')
}

import type { Command } from 'commander'
import type { Invited } from '../../../service/people.ts'
import { formatOne, print, say, time } from '../print.ts'

/** A one-time link, to be given to whom it is for. */
export function printLink(command: Command, { link, invitation }: Invited): void {
  const { userId, expiresAt } = invitation
  print(command, { link, userId, expiresAt }, () =>
    formatOne({ link, expiresAt }, [
      ['link', (of) => of.link],
      ['until', (of) => time(of.expiresAt)],
    ]),
  )
  say('Whoever opens the link first sets the password. It is shown only now.')
}

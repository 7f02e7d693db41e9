import type { Command } from 'commander'
import { examples } from './examples.ts'
import { granted } from './failure.ts'
import { withLatchkey } from './opening.ts'
import { requireOutput } from './output.ts'
import { printLink } from './users/link.ts'

export function define(group: Command): void {
  group
    .command('link')
    .description(
      'Print a one-time link, good for an hour, that makes the first account and its operator, while there is none.',
    )
    .addHelpText('after', examples('console link', 'console link --json | jq -r .link'))
    .action(async (_: object, command: Command) => {
      requireOutput()
      const done = await withLatchkey(({ people }) => people.inviteFirst())
      printLink(command, granted(done), 'latchkey console link')
    })
}

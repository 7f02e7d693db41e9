import type { Command } from 'commander'
import { defineDisableCommands, defineEditCommands, defineRevokeCommands } from './keys/change.ts'
import { defineCreateCommand } from './keys/create.ts'
import { defineListCommand, defineShowCommand } from './keys/list-and-show.ts'
import { defineSecretCommands } from './keys/secrets.ts'
import { formatExamples } from './print.ts'

/** Commands for keys of any type, in the order of a key's life. */
export function defineCommands(group: Command): void {
  defineCreateCommand(group)
  defineListCommand(group)
  defineShowCommand(group)
  defineEditCommands(group)
  defineSecretCommands(group)
  defineDisableCommands(group)
  defineRevokeCommands(group)
  group
    .addHelpText('after', SECRETS_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'keys list --status enabled',
        'keys rotate-secret 0199aa… --overlap 24h',
        'keys revoke 0199aa… --yes',
      ),
    )
}

const SECRETS_HELP = `
Every change is in force at the next request. A secret is renewed without a gap by rotate-secret with
an overlap, or by a second key: create it, deploy it, revoke the first.
A secret is never an argument: other users of the machine could read it. --secret-stdin takes one.
HL7 over MLLP carries no key: it is not guarded here, and a xenrad key is of no use there.`

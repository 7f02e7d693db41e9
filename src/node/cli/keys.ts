import type { Command } from 'commander'
import { examples } from './examples.ts'
import { defineChange } from './keys/change.ts'
import { defineCreate } from './keys/create.ts'
import { defineEnd } from './keys/end.ts'
import { defineList } from './keys/list.ts'
import { defineSecrets } from './keys/secrets.ts'
import { defineShow } from './keys/show.ts'
import { defineStop } from './keys/stop.ts'

/** The life of a key of any dialect, in the order in which it is lived. */
export function define(group: Command): void {
  defineCreate(group)
  defineList(group)
  defineShow(group)
  defineChange(group)
  defineSecrets(group)
  defineStop(group)
  defineEnd(group)
  group
    .addHelpText('after', RENEWING)
    .addHelpText(
      'after',
      examples(
        'keys list --status enabled',
        'keys rotate-secret 0199aa… --overlap 24h',
        'keys revoke 0199aa… --yes',
      ),
    )
}

const RENEWING = `
Every change is in force at the next request. A secret is renewed without a gap by rotate-secret with
an overlap, or by a second key: create it, deploy it, revoke the first.
A secret is never an argument: other users of the machine could read it. --secret-stdin takes one.
HL7 over MLLP carries no key: it is not guarded here, and a xenrad key is of no use there.`

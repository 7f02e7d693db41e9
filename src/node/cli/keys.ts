import type { Command } from 'commander'
import { formatExamples } from './print.ts'

/** Adds what all commands for keys have in common to the help of the group. */
export function addKeysHelp(group: Command): void {
  group
    .addHelpText('after', KEYS_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'keys list --status enabled',
        'keys rotate-secret 0199aa… --overlap 24h',
        'keys revoke 0199aa… --yes',
      ),
    )
}

const KEYS_HELP = `
Key types, what their keys belong to, and how their secrets are shown:
  redox              --source     exchanged for tokens; shown once
  xenrad             --site       sent with every request; shown once
  opendental         --developer  an office's data; can be viewed again; works once it is assigned
  opendental-portal  --developer  the developer's list of customer keys; shown once
  xdent              its account  sent with every request; shown once
  practice           its owner    the owner needs a username; can be viewed again

An id is the key's id or its public id; put -- before an id that begins with a dash.
Every change takes effect at the next request. To renew a secret without a gap, rotate it with an
overlap, or create a second key, deploy it, and revoke the first.
A secret is never an argument, because other users of the machine could read it: --secret-stdin reads it.
HL7 over MLLP carries no key, so that Latchkey cannot guard it.`

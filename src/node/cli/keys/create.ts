import type { Command } from 'commander'
import type { Dialect } from '../../../domain/dialect.ts'
import type { Access } from '../../../domain/key.ts'
import { examples } from '../examples.ts'
import { granted } from '../failure.ts'
import { readInstant } from '../instants.ts'
import { withLatchkey } from '../opening.ts'
import { requireOutput } from '../output.ts'
import { readSecret } from '../secret.ts'
import { type Places, requirePlace } from './place.ts'
import { presentable, printNew } from './reveal.ts'
import { accessOption, dialectOption, SECRET_STDIN } from './words.ts'

interface Wish extends Places {
  readonly dialect: Dialect
  readonly owner: string
  readonly name: string
  readonly description?: string
  readonly reference?: string
  readonly access?: Access
  readonly publicId?: string
  readonly secretStdin?: true
  readonly expires?: number
}

const DIALECTS_HELP = `
Dialects, what their keys belong to, and what becomes of the secret:
  redox              --source     exchanged for tokens; shown once
  xenrad             --site       sent with every request; shown once
  opendental         --developer  an office's data; can be viewed again; works once it is assigned
  opendental-portal  --developer  the developer's list of customer keys; shown once
  xdent              the account  sent with every request; shown once
  practice           its owner    who needs a username; can be viewed again`

export function defineCreate(group: Command): void {
  group
    .command('create')
    .description('Make a key, or take over one that another system issued.')
    .addOption(dialectOption('whose wire format it is for').default('redox'))
    .requiredOption('--owner <id>', 'the user who answers for it: engineer or administrator')
    .requiredOption('--name <name>', 'what people call it')
    .option('--source <id>', 'the source that it sends for')
    .option('--site <id>', 'the site that it opens')
    .option('--developer <id>', 'the developer under whose key it works')
    .option('--description <text>', 'what it is for')
    .option('--reference <text>', 'its number in a system of yours')
    .addOption(accessOption())
    .option('--public-id <id>', 'the id that another system issued it under')
    .option('--secret-stdin', SECRET_STDIN)
    .option('--expires <date>', 'when it ends: 2027-01-31, or 2027-01-31T12:00Z', readInstant)
    .addHelpText('after', DIALECTS_HELP)
    .addHelpText(
      'after',
      examples(
        'keys create --owner 0199aa… --source 0199bb… --name "nightly job"',
        'keys create --dialect xenrad --owner 0199aa… --site 0199bb… --name "reading room"',
        'keys create --dialect opendental --owner 0199aa… --developer 0199bb… --name "Elm St"',
        'keys create --owner 0199aa… --source 0199bb… --name legacy --public-id abc \\\n' +
          '      --secret-stdin < secret.txt',
      ),
    )
    .action(async (options: Wish, command: Command) => {
      const { owner, source, site, developer, secretStdin, expires, ...rest } = options
      requirePlace(rest.dialect, options)
      const secret = secretStdin && (await readSecret())
      if (secret === undefined) requireOutput()
      const place = { sourceId: source, siteId: site, developerId: developer }
      const wish = { ...rest, ...place, ownerId: owner, secret, expiresAt: expires }
      const revealed = await withLatchkey(async (latchkey) =>
        presentable(latchkey, granted(await latchkey.keys.create(wish))),
      )
      printNew(command, revealed, secret !== undefined)
    })
}

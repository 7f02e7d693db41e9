import type { Command } from 'commander'
import type { AccessLevel } from '../../../domain/key.ts'
import { getKeyTypeTraits, type KeyType } from '../../../domain/key-type.ts'
import { CommandFailure, unwrapResult } from '../command-failure.ts'
import { parseInstant } from '../date-options.ts'
import { requireOutput } from '../output.ts'
import { formatExamples } from '../print.ts'
import { readSecret } from '../prompt.ts'
import { withLatchkey } from '../with-latchkey.ts'
import { createAccessLevelOption, createKeyTypeOption, SECRET_STDIN_HELP } from './options.ts'
import { presentSecret, printNewSecret } from './print-key.ts'

interface CreateKeyOptions extends ParentOptions {
  readonly dialect: KeyType
  readonly owner: string
  readonly name: string
  readonly description?: string
  readonly reference?: string
  readonly access?: AccessLevel
  readonly publicId?: string
  readonly secretStdin?: true
  readonly expires?: number
}

const KEY_TYPES_HELP = `
Dialects, what their keys belong to, and what becomes of the secret:
  redox              --source     exchanged for tokens; shown once
  xenrad             --site       sent with every request; shown once
  opendental         --developer  an office's data; can be viewed again; works once it is assigned
  opendental-portal  --developer  the developer's list of customer keys; shown once
  xdent              the account  sent with every request; shown once
  practice           its owner    who needs a username; can be viewed again`

export function defineCreateCommand(group: Command): void {
  group
    .command('create')
    .description('Make a key, or take over one that another system issued.')
    .addOption(createKeyTypeOption('whose wire format it is for').default('redox'))
    .requiredOption('--owner <id>', 'the user who answers for it: engineer or administrator')
    .requiredOption('--name <name>', 'what people call it')
    .option('--source <id>', 'the source that it sends for')
    .option('--site <id>', 'the site that it opens')
    .option('--developer <id>', 'the developer under whose key it works')
    .option('--description <text>', 'what it is for')
    .option('--reference <text>', 'its number in a system of yours')
    .addOption(createAccessLevelOption())
    .option('--public-id <id>', 'the id that another system issued it under')
    .option('--secret-stdin', SECRET_STDIN_HELP)
    .option('--expires <date>', 'when it ends: 2027-01-31, or 2027-01-31T12:00Z', parseInstant)
    .addHelpText('after', KEY_TYPES_HELP)
    .addHelpText(
      'after',
      formatExamples(
        'keys create --owner 0199aa… --source 0199bb… --name "nightly job"',
        'keys create --dialect xenrad --owner 0199aa… --site 0199bb… --name "reading room"',
        'keys create --dialect opendental --owner 0199aa… --developer 0199bb… --name "Elm St"',
        'keys create --owner 0199aa… --source 0199bb… --name legacy --public-id abc \\\n' +
          '      --secret-stdin < secret.txt',
      ),
    )
    .action(async (options: CreateKeyOptions, command: Command) => {
      const { owner, source, site, developer, secretStdin, expires, ...rest } = options
      requireParentOption(rest.dialect, options)
      const secret = secretStdin && (await readSecret())
      if (secret === undefined) requireOutput()
      const parent = { sourceId: source, siteId: site, developerId: developer }
      const input = { ...rest, ...parent, ownerId: owner, secret, expiresAt: expires }
      const keyWithSecret = await withLatchkey(async (latchkey) =>
        presentSecret(latchkey, unwrapResult(await latchkey.keys.create(input))),
      )
      printNewSecret(command, keyWithSecret, secret !== undefined)
    })
}

/** The options for the resources that a key can belong to, besides its owner. */
export interface ParentOptions {
  readonly source?: string
  readonly site?: string
  readonly developer?: string
}

const PARENT_NAMES = ['source', 'site', 'developer'] as const

/** Refuses, before anything is opened, options that the key type does not have, and missing ones. */
export function requireParentOption(keyType: KeyType, options: ParentOptions): void {
  const { belongsTo } = getKeyTypeTraits(keyType)
  const stray = PARENT_NAMES.find((name) => name !== belongsTo && options[name] !== undefined)
  const missing = belongsTo !== 'owner' && options[belongsTo] === undefined
  if (stray === undefined && !missing) return

  const belongs =
    belongsTo === 'owner'
      ? `keys of ${keyType} belong to their owner alone`
      : `keys of ${keyType} belong to a ${belongsTo}`
  const advice = [
    ...(stray === undefined ? [] : [`leave out --${stray}`]),
    ...(missing ? [`add --${belongsTo} <id>`] : []),
  ]
  throw new CommandFailure('usage', `${belongs}: ${advice.join(' and ')}`)
}

import type { Command } from 'commander'
import { CommandFailure, unwrapResult } from '../command-failure.ts'
import { parseDuration } from '../date-options.ts'
import { requireOutput } from '../output.ts'
import { formatExamples, printNote } from '../print.ts'
import { readSecret } from '../prompt.ts'
import { withLatchkey } from '../with-latchkey.ts'
import { KEY_ID_HELP, SECRET_STDIN_HELP } from './options.ts'
import { presentSecret, printKeyWithSecret, printNewSecret } from './print-key.ts'

interface RotateSecretOptions {
  readonly overlap?: number
  readonly secretStdin?: true
}

/** Commands for a key's secret. */
export function defineSecretCommands(group: Command): void {
  group
    .command('view')
    .argument('<id>', KEY_ID_HELP)
    .description('Show the secret again, of opendental and practice keys. The audit records it.')
    .addHelpText(
      'after',
      formatExamples('keys view 0199aa…', 'keys view 0199aa… --json | jq -r .secret'),
    )
    .action(async (id: string, _: object, command: Command) => {
      const keyWithSecret = await withLatchkey(async (latchkey) => {
        const viewed = await latchkey.keys.viewSecret(id).catch(failUnopenedSecret)
        return presentSecret(latchkey, unwrapResult(viewed))
      })
      printKeyWithSecret(command, keyWithSecret)
      printNote('That you have viewed it is recorded in the audit.')
    })

  group
    .command('rotate-secret')
    .argument('<id>', KEY_ID_HELP)
    .description(
      'Give a key a new secret. Without an overlap the old one, and all tokens, end at once.',
    )
    .option(
      '--overlap <duration>',
      'the old secret works as long: 90s, 30m, 24h, 7d',
      parseDuration,
    )
    .option('--secret-stdin', SECRET_STDIN_HELP)
    .addHelpText(
      'after',
      formatExamples('keys rotate-secret 0199aa…', 'keys rotate-secret 0199aa… --overlap 24h'),
    )
    .action(async (id: string, { overlap, secretStdin }: RotateSecretOptions, command: Command) => {
      const secret = secretStdin && (await readSecret())
      if (secret === undefined) requireOutput()
      const keyWithSecret = await withLatchkey(async (latchkey) => {
        const rotated = await latchkey.keys.rotateSecret(id, { secret, overlapMs: overlap })
        return presentSecret(latchkey, unwrapResult(rotated))
      })
      printNewSecret(command, keyWithSecret, secret !== undefined)
    })
}

function failUnopenedSecret(error: unknown): never {
  throw new CommandFailure(
    'failed',
    'the secret cannot be opened: it was tampered with, or the key ring is not the one that it was sealed with',
    { cause: error },
  )
}

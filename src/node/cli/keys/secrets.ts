import type { Command } from 'commander'
import { examples } from '../examples.ts'
import { CommandFailure, granted } from '../failure.ts'
import { readDuration } from '../instants.ts'
import { withLatchkey } from '../opening.ts'
import { requireOutput } from '../output.ts'
import { say } from '../print.ts'
import { readSecret } from '../secret.ts'
import { presentable, printNew, printRevealed } from './reveal.ts'
import { ANY_ID, SECRET_STDIN } from './words.ts'

interface Rotation {
  readonly overlap?: number
  readonly secretStdin?: true
}

/** What is done with a key's secret. */
export function defineSecrets(group: Command): void {
  group
    .command('view')
    .argument('<id>', ANY_ID)
    .description('Show the secret again, of opendental and practice keys. The audit records it.')
    .addHelpText('after', examples('keys view 0199aa…', 'keys view 0199aa… --json | jq -r .secret'))
    .action(async (id: string, _: object, command: Command) => {
      const revealed = await withLatchkey(async (latchkey) => {
        const viewed = await latchkey.keys.view(id).catch(unopened)
        return presentable(latchkey, granted(viewed))
      })
      printRevealed(command, revealed)
      say('That you have viewed it is recorded in the audit.')
    })

  group
    .command('rotate-secret')
    .argument('<id>', ANY_ID)
    .description(
      'Give a key a new secret. Without an overlap the old one, and all tokens, end at once.',
    )
    .option('--overlap <duration>', 'the old secret works as long: 90s, 30m, 24h, 7d', readDuration)
    .option('--secret-stdin', SECRET_STDIN)
    .addHelpText(
      'after',
      examples('keys rotate-secret 0199aa…', 'keys rotate-secret 0199aa… --overlap 24h'),
    )
    .action(async (id: string, { overlap, secretStdin }: Rotation, command: Command) => {
      const secret = secretStdin && (await readSecret())
      if (secret === undefined) requireOutput()
      const revealed = await withLatchkey(async (latchkey) => {
        const rotated = await latchkey.keys.rotateSecret(id, { secret, overlapMs: overlap })
        return presentable(latchkey, granted(rotated))
      })
      printNew(command, revealed, secret !== undefined)
    })
}

function unopened(error: unknown): never {
  throw new CommandFailure(
    'failed',
    'the secret cannot be opened: it was tampered with, or the key ring is not the one that it was sealed with',
    { cause: error },
  )
}

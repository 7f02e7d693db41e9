import type { Command } from 'commander'
import type { Keys } from '../../../service/keys.ts'
import type { Done } from '../../../service/operator.ts'
import type { KeySummary } from '../../../service/ports.ts'
import { granted } from '../failure.ts'
import { withLatchkey } from '../opening.ts'
import { printKey } from './reveal.ts'

/** The action of a verb that takes a key's id and options, and prints the key as it is then. */
export const verb =
  <Options>(act: (keys: Keys, id: string, options: Options) => Promise<Done<KeySummary>>) =>
  async (id: string, options: Options, command: Command): Promise<void> => {
    const done = await withLatchkey(({ keys }) => act(keys, id, options))
    printKey(command, granted(done))
  }

import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { existingDatabase } from './database.ts'
import { examples } from './examples.ts'
import { formatHolding } from './holding.ts'
import { print, say, wantsJson } from './print.ts'
import { progressBar } from './progress.ts'

export function define(group: Command): void {
  group
    .argument('<file>', 'where to write it, mode 0600')
    .description(
      'Copy the database to a file while servers use it, as it is at one moment, and prove the copy. ' +
        'The key ring is not in it: keep that apart.',
    )
    .option('--force', 'replace the file where it is there')
    .addHelpText('after', examples('backup /backup/latchkey-monday.db', 'backup --force last.db'))
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      const path = existingDatabase()
      const { backUp } = await import('../backup.ts')
      const progress = progressBar('pages', { quiet: wantsJson(command) })
      const holding = await backUp(path, file, { overwrite: force === true, progress }).finally(
        progress.end,
      )
      print(command, holding, () => formatHolding(holding))
      const { keyringPath } = readConfig(process.env)
      say(
        `The key ring, ${keyringPath}, is not in it: without it no token of this database is ` +
          'honoured and no message can be read. Back it up apart.',
      )
    })
}

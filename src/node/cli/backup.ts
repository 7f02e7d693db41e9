import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { formatDatabaseContents, getExistingDatabasePath } from './configured-database.ts'
import { formatExamples, isJsonRequested, printNote, printOutput } from './print.ts'
import { createProgressBar } from './progress-bar.ts'

export function defineCommands(group: Command): void {
  group
    .argument('<file>', 'where to write it, mode 0600')
    .description(
      'Copy the database to a file while servers use it, as it is at one moment, and prove the copy. ' +
        'The key ring is not in it: keep that apart.',
    )
    .option('--force', 'replace the file where it is there')
    .addHelpText(
      'after',
      formatExamples('backup /backup/latchkey-monday.db', 'backup --force last.db'),
    )
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      const path = getExistingDatabasePath()
      const { backUpDatabase } = await import('../backup.ts')
      const progress = createProgressBar('pages', { quiet: isJsonRequested(command) })
      const contents = await backUpDatabase(path, file, {
        overwrite: force === true,
        progress,
      }).finally(progress.end)
      printOutput(command, contents, () => formatDatabaseContents(contents))
      const { keyringPath } = readConfig(process.env)
      printNote(
        `The key ring, ${keyringPath}, is not in it: without it no token of this database is ` +
          'honoured and no message can be read. Back it up apart.',
      )
    })
}

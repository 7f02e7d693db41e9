import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { formatDatabaseContents, getExistingDatabasePath } from './configured-database.ts'
import { formatExamples, isJsonRequested, printNote, printOutput } from './print.ts'
import { createProgressBar } from './progress-bar.ts'

export function defineCommands(group: Command): void {
  group
    .argument('<file>', 'path of the backup, which gets mode 0600')
    .description(
      'Copy the database to a file while servers use it, and verify the copy. The key ring is not ' +
        'included: back it up separately.',
    )
    .option('--force', 'replace an existing file')
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
        `The key ring, ${keyringPath}, is not included. Without it, no token of this database is ` +
          'valid and no message can be read: back it up separately.',
      )
    })
}

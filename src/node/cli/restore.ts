import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { formatDatabaseContents, getDatabaseFilePath } from './configured-database.ts'
import { formatExamples, printNote, printOutput } from './print.ts'

export function defineCommands(group: Command): void {
  group
    .argument('<file>', 'a backup, as `latchkey backup` makes it')
    .description(
      'Replace the database with a backup, completely or not at all. Stop every server first. ' +
        'Refresh tokens that were issued after the backup stay valid.',
    )
    .option('--force', 'replace an existing database, which is renamed with the time')
    .addHelpText(
      'after',
      formatExamples('restore /backup/latchkey-monday.db', 'restore --force last.db'),
    )
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      const path = getDatabaseFilePath()
      const { isBehindAnchor, restoreDatabase } = await import('../restore.ts')
      const restored = restoreDatabase(file, path, { replace: force === true, now: Date.now() })
      printOutput(command, restored, () => formatDatabaseContents(restored))
      if (restored.kept !== null) printNote(`The previous database is now ${restored.kept}.`)
      const { keyringPath } = readConfig(process.env)
      if (!existsSync(keyringPath)) {
        printNote(
          `There is no key ring ${keyringPath}: restore it too, because no server starts without it.`,
        )
      }
      if (await isBehindAnchor(path, keyringPath)) {
        printNote(
          'The audit in this database ends before events that were signed since. No event is sealed until ' +
            'you run `latchkey audit accept-restore`, which is recorded in the audit.',
        )
      }
    })
}

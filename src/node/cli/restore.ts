import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { readConfig } from '../../config.ts'
import { configuredPath } from './database.ts'
import { examples } from './examples.ts'
import { formatHolding } from './holding.ts'
import { print, say } from './print.ts'

export function define(group: Command): void {
  group
    .argument('<file>', 'a backup, as `latchkey backup` makes it')
    .description(
      'Put a backup in the place of the database, all of it or nothing. Every server must be ' +
        'stopped. Refresh tokens that were issued after the backup stay good.',
    )
    .option('--force', 'replace the database that is there; it is kept beside, with the time')
    .addHelpText('after', examples('restore /backup/latchkey-monday.db', 'restore --force last.db'))
    .action(async (file: string, { force }: { force?: true }, command: Command) => {
      const path = configuredPath()
      const { isBehindAnchor, restore } = await import('../restore.ts')
      const restored = restore(file, path, { replace: force === true, now: Date.now() })
      print(command, restored, () => formatHolding(restored))
      if (restored.kept !== null) say(`The database that was there is now ${restored.kept}.`)
      const { keyringPath } = readConfig(process.env)
      if (!existsSync(keyringPath)) {
        say(`There is no key ring ${keyringPath}: restore it too, no server starts without it.`)
      }
      if (await isBehindAnchor(path, keyringPath)) {
        say(
          'The audit in this database ends before events that were signed since. No event is sealed until ' +
            'you run `latchkey audit accept-restore`, which is recorded in the audit.',
        )
      }
    })
}

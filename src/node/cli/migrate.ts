import type { Command } from 'commander'
import type { Config } from '../../config.ts'
import { HISTORY, type Migration, planFrom } from '../../storage/migrations.ts'
import { silent } from '../silent.ts'
import { existingPlace } from './database.ts'
import { examples } from './examples.ts'
import { print } from './print.ts'

export function define(group: Command): void {
  group
    .description(
      'Bring the database to the schema of this Latchkey: each step in one transaction. A server ' +
        'does the same when it starts; a backup before it is wise.',
    )
    .option('--plan', 'show what would happen and change nothing')
    .addHelpText('after', examples('migrate --plan', 'migrate'))
    .action(async ({ plan }: { plan?: true }, command: Command) => {
      const database = existingPlace()
      const { versionAt } = await import('../version.ts')
      const found = (await versionAt(database)) ?? HISTORY.version
      const steps = planFrom(found)
      if (plan !== true && steps.length > 0) await migrate(database)
      const done = plan !== true
      print(command, toJson(found, steps, done), () => toText(found, steps, done))
    })
}

async function migrate(database: Config['database']): Promise<void> {
  // Opening is migrating.
  const { openEngine } = await import('../engine.ts')
  await (await openEngine(database, silent)).close()
}

const toJson = (found: number, steps: readonly Migration[], done: boolean) => ({
  found,
  version: done ? HISTORY.version : found,
  reads: HISTORY.version,
  steps: steps.map(({ to, says }) => ({ to, says })),
})

function toText(found: number, steps: readonly Migration[], done: boolean): string {
  if (steps.length === 0) return `schema version ${found}: nothing to do\n`
  const lines = steps.map(({ to, says }) => `  ${to - 1} → ${to}  ${says}\n`)
  return `${done ? 'migrated' : 'would migrate'}:\n${lines.join('')}`
}

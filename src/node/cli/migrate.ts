import type { Command } from 'commander'
import { HISTORY, type Migration, planFrom } from '../../storage/migrations.ts'
import { existingDatabase } from './database.ts'
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
      const path = existingDatabase()
      const found = await readVersion(path)
      const steps = planFrom(found)
      if (plan !== true && steps.length > 0) await migrate(path)
      const done = plan !== true
      print(command, toJson(found, steps, done), () => toText(found, steps, done))
    })
}

async function readVersion(path: string): Promise<number> {
  const { default: Database } = await import('better-sqlite3')
  const { versionOf } = await import('../sqlite-schema.ts')
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: 10_000 })
  try {
    return versionOf(db) ?? 0
  } finally {
    db.close()
  }
}

/** Opening is migrating. */
async function migrate(path: string): Promise<void> {
  const { openSqlite } = await import('../sqlite.ts')
  await openSqlite(path).close()
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

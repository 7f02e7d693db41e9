import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Config } from '../../config.ts'
import { HISTORY, type Migration, planFrom } from '../../storage/migrations.ts'
import { silent } from '../silent.ts'
import { existingPlace } from './database.ts'
import { examples } from './examples.ts'
import { CommandFailure } from './failure.ts'
import { print, say } from './print.ts'

interface Options {
  readonly plan?: true
  readonly d1?: string
  readonly from?: number
}

export function define(group: Command): void {
  group
    .description(
      'Bring the database to the schema of this Latchkey: each step in one transaction. A server ' +
        'does the same when it starts; a backup before it is wise.',
    )
    .option('--plan', 'show what would happen and change nothing')
    .addOption(
      new Option('--d1 <file>', 'write the SQL for a D1 database instead').conflicts('plan'),
    )
    .option('--from <version>', 'the schema version of that D1 database', readVersion)
    .addHelpText(
      'after',
      '\nThe log of the Worker says which version its D1 database has. So does\n' +
        '  npx wrangler d1 execute latchkey --remote --command "SELECT version FROM schema_version"\n' +
        examples('migrate --plan', 'migrate', 'migrate --d1 migration.sql --from 1'),
    )
    .action(async ({ plan, d1, from }: Options, command: Command) => {
      if ((d1 === undefined) !== (from === undefined)) {
        throw new CommandFailure('usage', '--d1 FILE and --from VERSION belong together')
      }
      if (d1 !== undefined && from !== undefined) return writeFor(d1, from, command)
      const database = existingPlace()
      const { versionAt } = await import('../version.ts')
      const found = (await versionAt(database)) ?? HISTORY.version
      const steps = planFrom(found)
      if (plan !== true && steps.length > 0) await migrate(database)
      const done = plan !== true
      print(command, toJson(found, steps, done), () => toText(found, steps, done))
    })
}

async function writeFor(path: string, found: number, command: Command): Promise<void> {
  const { writeD1Migration } = await import('../d1-migration.ts')
  const steps = writeD1Migration(path, found)
  print(command, toJson(found, steps, false), () => toText(found, steps, false))
  if (steps.length > 0) say(`Now: npx wrangler d1 execute latchkey --remote --file ${path}`)
}

function readVersion(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('It must be the number of a schema version.')
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

import Database from 'better-sqlite3'
import { prepareSqliteSchema } from '../../../src/node/sqlite/schema.ts'
import { createHistoryEndingIn, SAMPLE_HISTORY_6 } from './migrations.ts'

/*
 * A process that migrates: `main.ts PATH` to version 6; `main.ts PATH die` is killed, as by a power
 * cut, when the first step's statements have run and its transaction is not committed.
 */
const [path = '', mode] = process.argv.slice(2)
const database = new Database(path, { timeout: 10_000 })
database.function('die', () => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes when it comes.
  for (;;);
})
const history =
  mode === 'die' ? createHistoryEndingIn('UPDATE accounts SET name = die()') : SAMPLE_HISTORY_6
const appliedMigrations = prepareSqliteSchema(database, history)
process.stdout.write(JSON.stringify(appliedMigrations.map(({ to }) => to)))

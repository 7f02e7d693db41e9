import Database from 'better-sqlite3'
import { prepareSchema } from '../../../src/node/sqlite-schema.ts'
import { endingIn, VERSION_3 } from './histories.ts'

/*
 * A process that migrates: `main.ts PATH` to version 3; `main.ts PATH die` is killed, as by a power
 * cut, when the first step's statements have run and its transaction is not committed.
 */
const [path = '', how] = process.argv.slice(2)
const db = new Database(path, { timeout: 10_000 })
db.function('die', () => {
  process.kill(process.pid, 'SIGKILL')
  // The signal comes when it comes.
  for (;;);
})
const history = how === 'die' ? endingIn('UPDATE accounts SET name = die()') : VERSION_3
const taken = prepareSchema(db, history)
process.stdout.write(JSON.stringify(taken.map(({ to }) => to)))

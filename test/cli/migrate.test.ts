import { existsSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { runCli } from '../support/process.ts'
import { temporaryFolder } from '../support/server.ts'
import { ask } from './command.ts'

test('a database that is up to date has nothing to migrate', async () => {
  const dir = temporaryFolder()
  await ask(dir, ['accounts', 'create', 'Acme Health'])
  const { code, stdout } = await runCli(['migrate'], { dir })
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'schema version 2: nothing to do\n' })
  expect(await ask(dir, ['migrate', '--plan'])).toEqual({
    found: 2,
    version: 2,
    reads: 2,
    steps: [],
  })
})

test('nothing is made where there is no database, and a newer one is refused', async () => {
  const dir = temporaryFolder()
  const path = join(dir, 'latchkey.db')
  const nothing = await runCli(['migrate'], { dir })
  expect(nothing).toEqual({
    code: 1,
    stdout: '',
    stderr: `there is no database ${path}: the first \`latchkey serve\` makes it\n`,
  })
  expect(existsSync(path)).toBe(false)
  await ask(dir, ['accounts', 'create', 'Acme Health'])
  const db = new Database(path)
  db.exec('UPDATE schema_version SET version = 99')
  db.close()
  for (const args of [['migrate'], ['migrate', '--plan']]) {
    const { code, stderr } = await runCli(args, { dir })
    expect(code).toBe(1)
    expect(stderr).toBe(
      'the database has schema version 99, this Latchkey reads version 2: ' +
        'use the Latchkey that wrote it, or a newer one\n',
    )
  }
})

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import Database from 'better-sqlite3'
import { expect, test } from 'vitest'
import { PROGRAM } from '../runner/program.ts'
import { hashWithSha256, toJsonLines } from '../support/imports.ts'
import { createEnvironment } from '../support/process.ts'
import { createTempFolder } from '../support/server.ts'

const ROWS = 1500
const run = promisify(execFile)

test('an import that is killed continues where it stopped, and no key lacks its event or its row', async () => {
  const dir = createTempFolder()
  const env = createEnvironment({ LATCHKEY_DATA: dir })
  const create = async (...args: string[]) => {
    const { stdout } = await run(process.execPath, [PROGRAM, ...args, '--json'], { env })
    return (JSON.parse(stdout) as { id: string }).id
  }
  const accountId = await create('accounts', 'create', '--name', 'Acme Health')
  const email = 'eng@acme.example'
  const inAccount = ['--account', accountId]
  await create('users', 'create', ...inAccount, '--email', email, '--role', 'engineer')
  const rows = Array.from({ length: ROWS }, (_, n) => ({
    type: 'xdent',
    public_id: `old-${n}`,
    owner: email,
    hash: hashWithSha256(`secret ${n}`),
    form: 'sha256',
  }))
  const file = join(dir, 'keys.jsonl')
  writeFileSync(file, toJsonLines(rows))
  const args = [PROGRAM, 'keys', 'import', file, ...inAccount, '--json']
  const start = () => spawn(process.execPath, args, { env, stdio: 'ignore' })

  const db = new Database(join(dir, 'latchkey.db'), { readonly: true })
  const count = (from: string) => db.prepare(`SELECT count(*) FROM ${from}`).pluck().get() as number
  const expectWholeRows = () => {
    const keys = count('keys')
    expect(count('keys JOIN imported_keys ON key_id = keys.id')).toBe(keys)
    expect(count(`keys JOIN audit_events ON audit_events.id = keys.event_id`)).toBe(keys)
    return keys
  }
  const killed = start()
  while (count('keys') < 100) await wait(5)
  killed.kill('SIGKILL')
  await once(killed, 'exit')
  expect(expectWholeRows()).toBeLessThan(ROWS)

  const [code] = await once(start(), 'exit')
  expect(code).toBe(0)
  expect(expectWholeRows()).toBe(ROWS)
  expect(db.prepare('SELECT status, imported, present FROM imports').all()).toEqual([
    { status: 'finished', imported: ROWS, present: 0 },
  ])
  db.close()
})

test('an import that is stopped while its file is read begins nothing', async () => {
  const dir = createTempFolder()
  const env = createEnvironment({ LATCHKEY_DATA: dir })
  // A file that is as long as the test wants.
  const file = join(dir, 'keys.jsonl')
  await run('mkfifo', [file])
  const child = spawn(process.execPath, [PROGRAM, 'keys', 'import', file], { env })
  const printed = text(child.stderr)
  const pipe = await open(file, 'w')
  child.kill('SIGINT')
  let code: number | null = null
  child.once('exit', (exitCode) => {
    code = exitCode
  })
  while (code === null) {
    await pipe.write('{"type":"xdent"}\n').catch(() => undefined)
    await wait(5)
  }
  await pipe.close()
  expect(code).toBe(1)
  expect(await printed).toBe('stopped before the first row: nothing was imported\n')
})

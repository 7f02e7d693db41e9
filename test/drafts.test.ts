import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runStaying } from './support/cli/staying.ts'
import { temporaryFolder } from './support/server.ts'

/** The number of a process that has ended. */
async function deadProcess(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid ?? 0
}

test('a backup, restore, export or rotation removes the drafts that killed ones have left', async () => {
  const dir = temporaryFolder()
  const run = async (...args: string[]) => {
    const { code, stderr } = await runStaying(args, { dir })
    expect(code, stderr).toBe(0)
  }
  await run('accounts', 'create', 'Acme Health')
  const dead = await deadProcess()
  const made = ['backup.db', 'latchkey.db', 'keyring.json', 'audit.jsonl', 'import.sql']
  for (const name of made) {
    for (const end of ['', '-journal', '-wal', '-shm']) {
      writeFileSync(join(dir, `${name}.${dead}.draft${end}`), 'a part of it')
    }
    // Another process is at work on this one.
    writeFileSync(join(dir, `${name}.${process.pid}.draft`), 'under way')
  }
  writeFileSync(join(dir, `other.db.${dead}.draft`), 'of another file')

  await run('backup', join(dir, 'backup.db'))
  await run('keyring', 'rotate', 'sign')
  await run('audit', 'export', join(dir, 'audit.jsonl'))
  const from = `sqlite:${join(dir, 'latchkey.db')}`
  await run('copy', '--from', from, '--to', `d1-import:${join(dir, 'import.sql')}`)
  await run('restore', '--force', join(dir, 'backup.db'))

  const drafts = readdirSync(dir).filter((name) => name.includes('.draft'))
  expect(drafts.sort()).toEqual(
    [...made.map((name) => `${name}.${process.pid}.draft`), `other.db.${dead}.draft`].sort(),
  )
})

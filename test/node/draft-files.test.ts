import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createFolder } from '../../src/node/draft-files.ts'
import { runWarmCli } from '../support/cli/warm-cli.ts'
import { createTempFolder } from '../support/server.ts'

/** The number of a process that has ended. */
async function findDeadProcessId(): Promise<number> {
  const child = spawn('true')
  await once(child, 'exit')
  return child.pid ?? 0
}

test('a backup, restore, export or rotation removes the drafts that killed ones have left', async () => {
  const dir = createTempFolder()
  const runCommand = async (...args: string[]) => {
    const { code, stderr } = await runWarmCli(args, { dir })
    expect(code, stderr).toBe(0)
  }
  await runCommand('accounts', 'create', '--name', 'Acme Health')
  const dead = await findDeadProcessId()
  const made = ['backup.db', 'latchkey.db', 'keyring.json', 'audit.jsonl', 'import.sql']
  for (const name of made) {
    for (const end of ['', '-journal', '-wal', '-shm']) {
      writeFileSync(join(dir, `${name}.${dead}.draft${end}`), 'a part of it')
    }
    // Another process is at work on this one.
    writeFileSync(join(dir, `${name}.${process.pid}.draft`), 'under way')
  }
  writeFileSync(join(dir, `other.db.${dead}.draft`), 'of another file')

  await runCommand('backup', join(dir, 'backup.db'))
  await runCommand('keyring', 'rotate', 'sign', '--now')
  await runCommand('audit', 'export', join(dir, 'audit.jsonl'))
  const from = `sqlite:${join(dir, 'latchkey.db')}`
  await runCommand('copy', '--from', from, '--to', `d1-import:${join(dir, 'import.sql')}`)
  await runCommand('restore', '--force', join(dir, 'backup.db'))

  const drafts = readdirSync(dir).filter((name) => name.includes('.draft'))
  expect(drafts.sort()).toEqual(
    [...made.map((name) => `${name}.${process.pid}.draft`), `other.db.${dead}.draft`].sort(),
  )
})

test('a new folder and its new parents are its owner’s alone, and one that is there is left alone', () => {
  const dir = createTempFolder()
  const path = join(dir, 'a', 'b')
  createFolder(path)
  createFolder(path)
  for (const folder of [path, join(dir, 'a')]) expect(statSync(folder).mode & 0o777).toBe(0o700)
})

test('a folder that cannot be created is an error', () => {
  const file = join(createTempFolder(), 'file')
  writeFileSync(file, '')
  expect(() => createFolder(file)).toThrow('EEXIST')
  expect(() => createFolder(join(file, 'data'))).toThrow(/EEXIST|ENOTDIR/)
  // Linux has no such folder, nor can one be created.
  expect(() => createFolder('/proc/latchkey/data')).toThrow()
})

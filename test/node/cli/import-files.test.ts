import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { runJsonError, seedCliAccount } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { hashWithSha256 } from '../../support/imports.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
const folder = join(createTempFolder(), 'folder.csv')
mkdirSync(folder, { mode: 0o700 })
let seeded: Awaited<ReturnType<typeof seedCliAccount>>
beforeAll(async () => {
  seeded = await seedCliAccount(dir)
})

function writeFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe('latchkey keys import', () => {
  const importFile = (file: string, ...more: string[]) =>
    runWarmCli(['keys', 'import', file, '--account', seeded.account.id, ...more], { dir })

  test('asks for a secret that proves the form only while there are hashes to import', async () => {
    const hash = hashWithSha256('a secret of the old portal')
    const file = writeFile(
      'keys.csv',
      `type,public_id,hash,form,owner\nxdent,old-1,${hash},sha256,eng@acme.example\n`,
    )
    const checked = await importFile(file, '--dry-run')
    expect(checked).toMatchObject({
      stdout: '1 row: 1 can be imported, 0 already there, 0 invalid\n',
      stderr: expect.stringContaining('No row proves the form of its hash'),
    })
    await importFile(file)
    const repeated = await importFile(file, '--dry-run')
    expect(repeated).toMatchObject({
      stdout: '1 row: 0 can be imported, 1 already there, 0 invalid\n',
      stderr: '',
    })
  })

  test('is undone but for the keys that were used, and the option that deletes them is named', async () => {
    const file = writeFile(
      'used.csv',
      'type,public_id,secret,owner\nxdent,used-1,a-secret-of-the-old-portal,eng@acme.example\n',
    )
    const { stderr } = await importFile(file)
    const [, id = ''] = /imports undo (\S+)`/.exec(stderr) ?? []
    executeSql(
      join(dir, 'latchkey.db'),
      "UPDATE keys SET last_used_at = 1 WHERE public_id = 'used-1'",
    )
    const undo = ['imports', 'undo', id, '--yes']
    const kept = await runWarmCli(undo, { dir })
    expect(kept.stdout).toMatch(/^kept +1$/m)
    expect(kept.stderr).toBe('Keys that were used stay: add --includes-used to delete them too.\n')
    const deleted = await runWarmCli([...undo, '--includes-used'], { dir })
    expect([deleted.stderr, deleted.stdout]).toEqual(['', expect.stringMatching(/^kept +0$/m)])
  })

  test('that was interrupted is unfinished, and the command that continues it is named', async () => {
    const file = writeFile(
      'interrupted.csv',
      'type,public_id,secret,owner\nxdent,cut-1,a-secret-of-the-old-portal,eng@acme.example\n',
    )
    const { stderr } = await importFile(file)
    const [, id = ''] = /imports undo (\S+)`/.exec(stderr) ?? []
    const remedy = 'To continue it, run `latchkey keys import FILE` again'
    const show = ['imports', 'show', id]
    expect((await runWarmCli(show, { dir })).stderr).toBe('')
    // As a process leaves it that is killed.
    executeSql(
      join(dir, 'latchkey.db'),
      `UPDATE imports SET status = 'running', finished_at = NULL WHERE id = '${id}'`,
    )
    for (const args of [show, ['imports', 'list']]) {
      const { stdout, stderr } = await runWarmCli(args, { dir })
      expect([stdout, stderr]).toEqual([
        expect.stringMatching(/ unfinished\s/),
        expect.stringContaining(remedy),
      ])
    }
    const continued = await importFile(file)
    expect(continued.stdout).toBe('1 row: 1 imported, 0 already there, 0 invalid\n')
    expect((await runWarmCli(['imports', 'list'], { dir })).stderr).toBe('')
  })

  test('refuses an empty pepper, also if no row names it', async () => {
    const file = writeFile('no-pepper.csv', 'type,owner\n')
    const pepper = writeFile('pepper.txt', '\n')
    const { code, stderr } = await importFile(file, '--pepper', `old=${pepper}`)
    expect([code, stderr]).toEqual([2, `the pepper old is empty: write it into ${pepper}\n`])
  })
})

test.each([
  ['keys', 'import', folder],
  ['keys', 'import', folder, '--pepper', `old=${folder}`],
  ['audit', 'verify', '--file', folder],
  ['restore', '--force', folder],
  ['token', '--profile', 'nightly', '--file', folder],
])('a folder in place of a file is refused with the remedy: %j', async (...args) => {
  const { code, message } = await runJsonError(dir, args)
  expect(code).toBe(1)
  expect(message).toMatch(
    / is a folder( where a file is needed)?: name a file$|^there is a folder where/,
  )
})

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { temporaryFolder } from '../support/server.ts'
import { ask } from './command.ts'

const dir = temporaryFolder()
afterAll(() => rmSync(dir, { recursive: true }))

const run = (...args: string[]) => runStaying(args, { dir })
const backup = join(dir, 'yesterday.db')
/** The command line seals before it exports, as a server does every few seconds. */
const seal = () => ask(dir, ['audit', 'export', join(dir, 'audit.jsonl'), '--force'])
const amiss = async () => {
  const { stdout } = await run('doctor', '--json')
  const findings = JSON.parse(stdout) as { check: string; status: string; message: string }[]
  return findings.filter(({ check }) => check === 'audit')
}

test('after a restore of an older copy, restore, doctor and verify name accept-restore, which mends it', async () => {
  await ask(dir, ['accounts', 'create', 'Before'])
  await seal()
  await ask(dir, ['backup', backup])
  expect((await run('restore', backup, '--force')).stderr).not.toContain('accept-restore')
  await ask(dir, ['accounts', 'create', 'Since'])
  await seal()
  expect(await run('audit', 'accept-restore')).toMatchObject({
    code: 0,
    stdout: 'the audit reaches its anchor: there is nothing to accept\n',
  })

  const restored = await run('restore', backup, '--force')
  expect(restored.code).toBe(0)
  expect(restored.stderr).toContain('until you run `latchkey audit accept-restore`')
  expect(await amiss()).toEqual([
    expect.objectContaining({
      status: 'fail',
      message: expect.stringMatching(/is an older copy.*`latchkey audit accept-restore`/),
    }),
  ])
  const broken = await run('audit', 'verify')
  expect(broken.code).toBe(1)
  expect(broken.stdout).toMatch(/^THE AUDIT IS BROKEN: .*\n {2}events? .* gone: .*accept-restore/)

  const accepted = await run('audit', 'accept-restore')
  expect(accepted).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^Sealing continues after event \d+\. The previous anchor was at event \d+\.\n$/,
    ),
  })
  await seal()
  expect((await run('audit', 'verify')).stdout).toMatch(
    /^The audit is whole: .*; the anchor is at event \d+\.\n$/,
  )
  expect(await amiss()).toMatchObject([{ status: 'ok' }])

  rmSync(join(dir, 'keyring.json.audit-anchor'))
  expect((await run('audit', 'verify')).stdout).toContain('no anchor outside the database')
  expect(await amiss()).toMatchObject([
    { status: 'warn', message: expect.stringContaining('there is no anchor') },
  ])
})

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runJson } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
afterAll(() => rmSync(dir, { recursive: true }))

const runCommand = (...args: string[]) => runWarmCli(args, { dir })
const backup = join(dir, 'yesterday.db')
/** The command line seals before it exports, as a server does every few seconds. */
const sealAudit = () => runJson(dir, ['audit', 'export', join(dir, 'audit.jsonl'), '--force'])
const listDoctorProblems = async () => {
  const { stdout } = await runCommand('doctor', '--json')
  const { items: findings } = JSON.parse(stdout) as {
    items: { check: string; status: string; message: string }[]
  }
  return findings.filter(({ check }) => check === 'audit')
}

test('after a restore of an older copy, restore, doctor and verify name accept-restore, which mends it', async () => {
  await runJson(dir, ['accounts', 'create', '--name', 'Before'])
  await sealAudit()
  await runJson(dir, ['backup', backup])
  expect((await runCommand('restore', backup, '--force')).stderr).not.toContain('accept-restore')
  await runJson(dir, ['accounts', 'create', '--name', 'Since'])
  await sealAudit()
  expect(await runCommand('audit', 'accept-restore')).toMatchObject({
    code: 0,
    stdout: 'the audit reaches its anchor: there is nothing to accept\n',
  })

  const restored = await runCommand('restore', backup, '--force')
  expect(restored.code).toBe(0)
  expect(restored.stderr).toContain('until you run `latchkey audit accept-restore`')
  expect(await listDoctorProblems()).toEqual([
    expect.objectContaining({
      status: 'fail',
      message: expect.stringMatching(/is an older copy.*`latchkey audit accept-restore`/),
    }),
  ])
  const broken = await runCommand('audit', 'verify')
  expect(broken.code).toBe(1)
  expect(broken.stdout).toMatch(
    /^The audit is NOT whole: .*\n {2}events? .* gone: .*accept-restore/,
  )

  const accepted = await runCommand('audit', 'accept-restore')
  expect(accepted).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(
      /^Sealing continues after event \d+\. The previous anchor was at event \d+\.\n$/,
    ),
  })
  await sealAudit()
  expect((await runCommand('audit', 'verify')).stdout).toMatch(
    /^The audit is whole: .*; the anchor is at event \d+\.\n$/,
  )
  expect(await listDoctorProblems()).toMatchObject([{ status: 'ok' }])

  rmSync(join(dir, 'keyring.json.audit-anchor'))
  expect((await runCommand('audit', 'verify')).stdout).toContain('no anchor outside the database')
  expect(await listDoctorProblems()).toMatchObject([
    { status: 'warn', message: expect.stringContaining('there is no anchor') },
  ])
})

import { beforeAll, expect, test } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  runJson, runJsonList,
  runJsonError,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
const SECRET = 'a secret from another system, 1987'
let createKeyArgs: string[]
let account: CliRow
let keyId: string

beforeAll(async () => {
  const seeded = await seedCliAccount(dir)
  account = seeded.account
  createKeyArgs = [
    '--dialect',
    'redox',
    '--owner',
    seeded.owner.id,
    '--source',
    seeded.source.id,
    '--name',
    'nightly job',
  ]
})

test('a secret is never taken from the command line', async () => {
  for (const verb of [
    ['create', ...createKeyArgs],
    ['rotate-secret', 'some-id'],
  ]) {
    const { code, stdout, stderr } = await runWarmCli(['keys', ...verb, '--secret', SECRET], {
      dir,
    })
    expect({ code, stdout, stderr }).toEqual({
      code: 2,
      stdout: '',
      stderr: "unknown option '--secret'\n",
    })
  }
})

test('an imported key keeps its id and secret, is found by either id, and its secret is not echoed', async () => {
  const imported = [...createKeyArgs, '--public-id', '-legacy/key#1', '--secret-stdin']
  imported.splice(imported.indexOf('--public-id'), 2, '--public-id=-legacy/key#1')
  const { key, ...rest } = await runJson<CliKeyWithSecret>(
    dir,
    ['keys', 'create', ...imported],
    `${SECRET}\r\n`,
  )
  keyId = key.id
  expect(rest).toEqual({})
  expect(key).toMatchObject({ publicId: '-legacy/key#1', status: 'enabled', expiresAt: null })
  const whole = { ...key, ownerLeftAt: null, uses: [] }
  expect(await runJson(dir, ['keys', 'show', key.id])).toEqual(whole)
  const printed = await runWarmCli(['keys', 'show', '--json', '--', '-legacy/key#1'], { dir })
  expect(JSON.parse(printed.stdout)).toEqual(whole)

  const repeat = await runWarmCli(['keys', 'create', ...createKeyArgs], { dir })
  expect(repeat.code).toBe(1)
  expect(repeat.stderr).toContain('has a key already')
})

test('a new secret is shown once, on stdout, and the sentence that says so is on stderr', async () => {
  const before = Date.now()
  const rotated = await runWarmCli(['keys', 'rotate-secret', keyId, '--overlap', '90s', '--json'], {
    dir,
  })
  const { key: changed, secret } = JSON.parse(rotated.stdout) as CliKeyWithSecret
  expect(secret).toMatch(/^lk_[\w-]{49}$/)
  expect(rotated.stderr).toBe(
    'The secret is shown only now: keep it where its user will read it.\n',
  )
  expect(Number(changed.previousSecretEndsAt) - before).toBeGreaterThanOrEqual(90_000)
  const printed = await runWarmCli(['keys', 'show', keyId], { dir })
  expect(printed.stdout).not.toContain(secret)
})

test('revoking needs a person at a terminal, or --yes', async () => {
  const { code, stdout, stderr } = await runWarmCli(['keys', 'revoke', keyId], { dir })
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr: 'revoking is final and nobody is at a terminal to confirm it: add --yes\n',
  })
  const [key] = await runJsonList(dir, ['keys', 'list', '--account', account.id])
  expect(key).toMatchObject({ id: keyId, status: 'enabled' })
})

test('a member may not hold a key', async () => {
  const of = ['--account', account.id]
  const [member, source] = await Promise.all([
    runJson(dir, ['users', 'create', ...of, '--email', 'm@acme.example', '--role', 'member']),
    runJson(dir, ['sources', 'create', ...of, '--name', 'other']),
  ])
  const args = ['--dialect', 'redox', '--owner', member.id, '--source', source.id, '--name', 'no', '--json']
  const { code, stdout, stderr } = await runWarmCli(['keys', 'create', ...args], { dir })
  expect({ code, stdout, stderr: JSON.parse(stderr) }).toEqual({
    code: 1,
    stdout: '',
    stderr: {
      error: {
        problem: 'invalid',
        message: 'm@acme.example is member: only an engineer or administrator may hold a key',
      },
    },
  })
})

test('an account of a region that another server serves is made only where that is said', async () => {
  const create = ['accounts', 'create', '--name', 'Abroad', '--region', 'eu']
  const { code, problem, message } = await runJsonError(dir, create)
  expect({ code, problem }).toEqual({ code: 1, problem: 'invalid' })
  expect(message).toMatch(/^this server serves the region us,.*\(--other-region\)$/)
  const made = await runJson(dir, [...create, '--other-region'])
  expect(made).toMatchObject({ name: 'Abroad', region: 'eu' })
  const after = ['accounts', 'list', '--after', account.id]
  expect(await runJsonList(dir, after)).toEqual([made])
})

test('a long list says how to go on, and going on ends it', async () => {
  const first = await runWarmCli(['users', 'list', '--limit', '1', '--json'], { dir })
  const [user] = JSON.parse(first.stdout) as CliRow[]
  const command = `latchkey users list --limit 1 --json --after ${user?.id}`
  expect(first.stderr).toBe(`There is more: ${command}\n`)
  const rest = await runWarmCli(command.split(' ').slice(1), { dir })
  expect(rest.stderr).toBe('')
  expect(JSON.parse(rest.stdout)).toMatchObject([{ email: 'm@acme.example' }])
})

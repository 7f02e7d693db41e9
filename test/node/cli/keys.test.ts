import { beforeAll, expect, test } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  runJson,
  runJsonError,
  runJsonList,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
const SECRET = 'a secret from another system, 1987'
let createKeyArgs: string[]
let account: CliRow
let keyId: string
let ownerId: string

beforeAll(async () => {
  const seeded = await seedCliAccount(dir)
  account = seeded.account
  ownerId = seeded.owner.id
  createKeyArgs = [
    '--key-type',
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
      stderr: expect.stringMatching(/^unknown option '--secret'/),
    })
  }
})

test('an imported key keeps its id and secret, is found by either id, and its secret is not printed', async () => {
  const imported = [...createKeyArgs, '--public-id', '-legacy/key#1', '--secret-stdin']
  imported.splice(imported.indexOf('--public-id'), 2, '--public-id=-legacy/key#1')
  const { key, ...rest } = await runJson<CliKeyWithSecret>(
    dir,
    ['keys', 'create', ...imported],
    `${SECRET}\r\n`,
  )
  keyId = key.id
  expect(rest).toEqual({ secret: null, credential: null })
  expect(key).toMatchObject({ publicId: '-legacy/key#1', status: 'enabled', expiresAt: null })
  expect(await runJson(dir, ['keys', 'show', key.id])).toEqual(key)
  const printed = await runWarmCli(['keys', 'show', '--json', '--', '-legacy/key#1'], { dir })
  expect(JSON.parse(printed.stdout)).toEqual(key)

  const repeat = await runWarmCli(['keys', 'create', ...createKeyArgs], { dir })
  expect(repeat.code).toBe(1)
  expect(repeat.stderr).toContain('has a key already')
})

test('a new secret is printed once on stdout, and stderr names the command for another one', async () => {
  const before = Date.now()
  const rotated = await runWarmCli(['keys', 'rotate-secret', keyId, '--overlap', '90s', '--json'], {
    dir,
  })
  const { key: changed, secret } = JSON.parse(rotated.stdout) as CliKeyWithSecret
  expect(secret).toMatch(/^lk_[\w-]{49}$/)
  expect(rotated.stderr).toBe(
    `Keep this. If it is lost, run \`latchkey keys rotate-secret ${keyId}\`.\n`,
  )
  expect(Date.parse(String(changed.previousSecretEndsAt)) - before).toBeGreaterThanOrEqual(90_000)
  const printed = await runWarmCli(['keys', 'show', keyId], { dir })
  expect(printed.stdout).not.toContain(secret)
})

test('a second rotation with an overlap reports that the earlier overlap has ended', async () => {
  const rotate = ['keys', 'rotate-secret', keyId, '--overlap', '90s']
  const { previousSecretEndsAt } = await runJson(dir, ['keys', 'show', keyId])
  const rotated = await runWarmCli([...rotate, '--json'], { dir })
  expect(rotated.stderr).toContain(
    `An earlier overlap, until ${previousSecretEndsAt}, has ended: the secret before the last one no longer works.\n`,
  )
  expect(JSON.parse(rotated.stdout)).toMatchObject({ endedOverlapAt: previousSecretEndsAt })
})

test('keys revoke needs a confirmation at a terminal, or --yes', async () => {
  const { code, stdout, stderr } = await runWarmCli(['keys', 'revoke', keyId], { dir })
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr:
      'this cannot be undone, and there is no terminal to confirm it (Revoke a key): add --yes\n',
  })
  const [key] = await runJsonList(dir, ['keys', 'list', '--account', account.id])
  expect(key).toMatchObject({ id: keyId, status: 'enabled' })
})

test('a member cannot own a key', async () => {
  const of = ['--account', account.id]
  const [member, source] = await Promise.all([
    runJson(dir, ['users', 'create', ...of, '--email', 'm@acme.example', '--role', 'member']),
    runJson(dir, ['sources', 'create', ...of, '--name', 'other']),
  ])
  const args = [
    '--key-type',
    'redox',
    '--owner',
    member.id,
    '--source',
    source.id,
    '--name',
    'no',
    '--json',
  ]
  const { code, stdout, stderr } = await runWarmCli(['keys', 'create', ...args], { dir })
  expect({ code, stdout, stderr: JSON.parse(stderr) }).toEqual({
    code: 2,
    stdout: '',
    stderr: {
      error: {
        problem: 'invalid',
        message:
          '--owner: m@acme.example is member: only an engineer or an administrator can own a key',
      },
    },
  })
})

test('an account in the region of another server needs --other-region', async () => {
  const create = ['accounts', 'create', '--name', 'Abroad', '--region', 'eu']
  const { code, problem, message } = await runJsonError(dir, create)
  expect({ code, problem }).toEqual({ code: 2, problem: 'invalid' })
  expect(message).toMatch(
    /^--other-region: this server serves the region us,.* another server serves it$/,
  )
  const made = await runJson(dir, [...create, '--other-region'])
  expect(made).toMatchObject({ name: 'Abroad', region: 'eu' })
  const after = ['accounts', 'list', '--after', account.id]
  expect(await runJsonList(dir, after)).toEqual([made])
})

test('a long list names its cursor in JSON, and in text the command for the next page', async () => {
  const list = ['users', 'list', '--limit', '1']
  const first = await runJson<{ items: CliRow[]; next: string | null }>(dir, list)
  expect(first.next).toBe(first.items[0]?.id)
  const text = await runWarmCli(list, { dir })
  expect(text.stderr).toBe(`There is more: latchkey ${list.join(' ')} --after ${first.next}\n`)
  const next = text.stderr.trimEnd().split(' ').slice(4)
  const rest = await runWarmCli([...next, '--json'], { dir })
  expect(rest.stderr).toBe('')
  expect(JSON.parse(rest.stdout)).toMatchObject({
    items: [{ email: 'm@acme.example' }],
    next: null,
  })
  expect((await runWarmCli(next, { dir })).stderr).toBe('')
})

test('the command for the next page quotes its arguments for a shell, and names one cursor', async () => {
  const sources = ['sources', 'list', '--account', account.id, '--limit', '1']
  const [first] = await runJsonList(dir, sources)
  await runJson(dir, ['sources', 'create', '--account', account.id, '--name', 'third'])
  const second = await runWarmCli([...sources, `--after=${first?.id}`], { dir })
  const [row] = await runJsonList(dir, [...sources, '--after', String(first?.id)])
  expect(second.stderr).toBe(`There is more: latchkey ${sources.join(' ')} --after ${row?.id}\n`)
  const keys = ['keys', 'list', '--text', "it's", '--limit', '1']
  for (const name of ["it's one", "it's two"]) {
    const { key } = await runJson<CliKeyWithSecret>(dir, [
      ...['keys', 'create', '--key-type', 'xdent', '--owner', ownerId, '--name', name],
    ])
    expect(key.name).toBe(name)
  }
  const { stderr } = await runWarmCli(keys, { dir })
  expect(stderr).toContain("latchkey keys list --text 'it'\\''s' --limit 1 --after ")
})

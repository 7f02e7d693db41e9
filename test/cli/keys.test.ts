import { beforeAll, expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { temporaryFolder } from '../support/server.ts'
import { ask, type Revealed, type Row, refused, seed } from './command.ts'

const dir = temporaryFolder()
const SECRET = 'a secret from another system, 1987'
let wish: string[]
let account: Row
let keyId: string

beforeAll(async () => {
  const seeded = await seed(dir)
  account = seeded.account
  wish = ['--owner', seeded.owner.id, '--source', seeded.source.id, '--name', 'nightly job']
})

test('a secret is never taken from the command line', async () => {
  for (const verb of [
    ['create', ...wish],
    ['rotate-secret', 'some-id'],
  ]) {
    const { code, stdout, stderr } = await runStaying(['keys', ...verb, '--secret', SECRET], {
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
  const imported = [...wish, '--public-id', '-legacy/key#1', '--secret-stdin']
  imported.splice(imported.indexOf('--public-id'), 2, '--public-id=-legacy/key#1')
  const { key, ...rest } = await ask<Revealed>(
    dir,
    ['keys', 'create', ...imported],
    `${SECRET}\r\n`,
  )
  keyId = key.id
  expect(rest).toEqual({})
  expect(key).toMatchObject({ publicId: '-legacy/key#1', status: 'enabled', expiresAt: null })
  const whole = { ...key, ownerLeftAt: null, uses: [] }
  expect(await ask(dir, ['keys', 'show', key.id])).toEqual(whole)
  const shown = await runStaying(['keys', 'show', '--json', '--', '-legacy/key#1'], { dir })
  expect(JSON.parse(shown.stdout)).toEqual(whole)

  const again = await runStaying(['keys', 'create', ...wish], { dir })
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('has a key already')
})

test('a new secret is shown once, on stdout, and the sentence that says so is on stderr', async () => {
  const before = Date.now()
  const rotated = await runStaying(['keys', 'rotate-secret', keyId, '--overlap', '90s', '--json'], {
    dir,
  })
  const { key: changed, secret } = JSON.parse(rotated.stdout) as Revealed
  expect(secret).toMatch(/^lk_[\w-]{49}$/)
  expect(rotated.stderr).toBe(
    'The secret is shown only now: keep it where its user will read it.\n',
  )
  expect(Number(changed.previousSecretEndsAt) - before).toBeGreaterThanOrEqual(90_000)
  const shown = await runStaying(['keys', 'show', keyId], { dir })
  expect(shown.stdout).not.toContain(secret)
})

test('revoking needs a person at a terminal, or --yes', async () => {
  const { code, stdout, stderr } = await runStaying(['keys', 'revoke', keyId], { dir })
  expect({ code, stdout, stderr }).toEqual({
    code: 2,
    stdout: '',
    stderr: 'revoking is final and nobody is at a terminal to confirm it: add --yes\n',
  })
  const [key] = await ask<Row[]>(dir, ['keys', 'list', '--account', account.id])
  expect(key).toMatchObject({ id: keyId, status: 'enabled' })
})

test('a member may not hold a key', async () => {
  const of = ['--account', account.id]
  const [member, source] = await Promise.all([
    ask(dir, ['users', 'add', ...of, '--email', 'm@acme.example', '--role', 'member']),
    ask(dir, ['sources', 'create', ...of, '--name', 'other']),
  ])
  const args = ['--owner', member.id, '--source', source.id, '--name', 'no', '--json']
  const { code, stdout, stderr } = await runStaying(['keys', 'create', ...args], { dir })
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
  const create = ['accounts', 'create', 'Abroad', '--region', 'eu']
  const { code, problem, message } = await refused(dir, create)
  expect({ code, problem }).toEqual({ code: 1, problem: 'invalid' })
  expect(message).toMatch(/^this server serves the region us,.*\(--other-region\)$/)
  const made = await ask(dir, [...create, '--other-region'])
  expect(made).toMatchObject({ name: 'Abroad', region: 'eu' })
  const after = ['accounts', 'list', '--after', account.id]
  expect(await ask<Row[]>(dir, after)).toEqual([made])
})

test('a long list says how to go on, and going on ends it', async () => {
  const first = await runStaying(['users', 'list', '--limit', '1', '--json'], { dir })
  const [user] = JSON.parse(first.stdout) as Row[]
  const command = `latchkey users list --limit 1 --json --after ${user?.id}`
  expect(first.stderr).toBe(`There is more: ${command}\n`)
  const rest = await runStaying(command.split(' ').slice(1), { dir })
  expect(rest.stderr).toBe('')
  expect(JSON.parse(rest.stdout)).toMatchObject([{ email: 'm@acme.example' }])
})

import { beforeEach, describe, expect, test } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  runJson,
  runJsonError,
} from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { createTempFolder } from '../../support/server.ts'

const dir = createTempFolder()
let account: string
let accountArgs: string[]

beforeEach(async () => {
  account = (await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])).id
  accountArgs = ['--account', account]
})

test('sites and developers are made for an account, and listed by it', async () => {
  const [site, developer] = await Promise.all([
    runJson(dir, ['sites', 'create', ...accountArgs, '--name', ' Elm Street ']),
    runJson(dir, ['developers', 'create', ...accountArgs, '--name', 'Acme Dental Apps']),
  ])
  expect(site).toMatchObject({ accountId: account, name: 'Elm Street' })
  expect(developer.developerKey).toMatch(/^[A-Z0-9]{16}$/)
  const lists = [
    ['sites', site],
    ['developers', developer],
  ] as const
  for (const [group, row] of lists) {
    expect(await runJson(dir, [group, 'list', ...accountArgs])).toEqual([row])
    expect(await runJson(dir, [group, 'list', '--account', 'another'])).toEqual([])
  }
})

test('an id is typed in any case, as an argument and as an option, and a name keeps its own', async () => {
  const [name, up] = [crypto.randomUUID().toUpperCase(), (text: string) => text.toUpperCase()]
  const site = await runJson(dir, ['sites', 'create', '--account', up(account), '--name', name])
  expect(site).toMatchObject({ accountId: account, name })
  expect(await runJson(dir, ['sites', 'list', '--account', up(account)])).toEqual([site])
  expect(await runJson(dir, ['accounts', 'close', up(account)])).toMatchObject({ id: account })
})

test('a site and a developer are removed as long as no key is of them', async () => {
  const user = [
    'users',
    'create',
    ...accountArgs,
    '--email',
    'eng@acme.example',
    '--role',
    'engineer',
  ]
  const owner = (await runJson(dir, user)).id
  const lists = [
    ['sites', 'xenrad', '--site'],
    ['developers', 'opendental', '--developer'],
  ] as const
  for (const [group, dialect, option] of lists) {
    const [used, unused] = [
      await runJson(dir, [group, 'create', ...accountArgs, '--name', 'Used']),
      await runJson(dir, [group, 'create', ...accountArgs, '--name', 'Unused']),
    ]
    const keyArgs = ['--dialect', dialect, '--owner', owner, option, used.id, '--name', 'a key']
    await runJson(dir, ['keys', 'create', ...keyArgs])
    expect(await runJsonError(dir, [group, 'remove', used.id])).toMatchObject({
      problem: 'conflict',
    })
    expect(await runJson(dir, [group, 'remove', unused.id])).toEqual(unused)
    expect(await runJson(dir, [group, 'list', ...accountArgs])).toEqual([used])
  }
})

test('a site or developer that cannot be is refused', async () => {
  const key = String(
    (await runJson(dir, ['developers', 'create', ...accountArgs, '--name', 'A'])).developerKey,
  )
  const duplicateKeyArgs = [
    'developers',
    'create',
    ...accountArgs,
    '--name',
    'B',
    '--developer-key',
  ]
  const [takenError, short, blank, nowhere] = await Promise.all([
    runJsonError(dir, [...duplicateKeyArgs, key]),
    runJsonError(dir, [...duplicateKeyArgs, 'short']),
    runJsonError(dir, ['sites', 'create', ...accountArgs, '--name', ' ']),
    runJsonError(dir, ['sites', 'create', '--account', 'none', '--name', 'Elm Street']),
  ])
  expect(takenError).toEqual({
    code: 1,
    problem: 'conflict',
    message: `another developer has the key ${key}`,
  })
  expect(short.message).toBe('a developer key is 8 to 64 of A–Z, a–z and 0–9')
  expect(blank.message).toBe('the name must not be blank')
  expect(nowhere).toEqual({ code: 1, problem: 'not_found', message: 'there is no account none' })
})

describe('addresses', () => {
  /** The sentence on stderr. */
  async function runAllowlistCommand(...args: string[]): Promise<string> {
    const { code, stderr } = await runWarmCli(['addresses', ...args, ...accountArgs], { dir })
    expect(code).toBe(0)
    return stderr
  }

  test('each command says what is in force after it', async () => {
    const anywhere = 'keys of Acme Health work from anywhere.\n'
    expect(await runAllowlistCommand('list')).toBe(`Not enforced: ${anywhere}`)
    expect(await runAllowlistCommand('enforce')).toBe(
      `Enforced, but the list is empty: ${anywhere}`,
    )
    expect(await runAllowlistCommand('add', '203.0.113.0/24', '--note', 'head office')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await runAllowlistCommand('add', '2001:DB8::1')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24, 2001:db8::1/128 only.\n',
    )
    // However it is written.
    expect(await runAllowlistCommand('remove', '2001:db8:0::1')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await runAllowlistCommand('open')).toBe(`Not enforced: ${anywhere}`)
    expect(await runJson(dir, ['ip-allowlist', 'list', ...accountArgs])).toMatchObject([
      { network: '203.0.113.0/24', note: 'head office' },
    ])
    expect(await runAllowlistCommand('enforce')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await runAllowlistCommand('remove', '203.0.113.0/24')).toBe(
      `Enforced, but the list is empty: ${anywhere}`,
    )
  })

  test('what is no network, or not on the list, is refused', async () => {
    const rule = await runJson(dir, ['ip-allowlist', 'add', '10.0.0.0/8', ...accountArgs])
    const [twice, wide, stranger, nobody] = await Promise.all([
      runJsonError(dir, ['ip-allowlist', 'add', '10.0.0.0/8', ...accountArgs]),
      runJsonError(dir, ['ip-allowlist', 'add', '10.0.0.1/8', ...accountArgs]),
      runJsonError(dir, ['ip-allowlist', 'delete', '10.0.0.0/9', ...accountArgs]),
      runJsonError(dir, ['ip-allowlist', 'enforce', '--account', 'none']),
    ])
    expect(twice).toEqual({
      code: 1,
      problem: 'conflict',
      message: '10.0.0.0/8 is in the list already',
    })
    expect(wide.problem).toBe('invalid')
    expect(stranger).toEqual({
      code: 1,
      problem: 'not_found',
      message: `10.0.0.0/9 is not on the list of ${account}`,
    })
    expect(nobody.message).toBe('there is no account none')
    expect(await runJson(dir, ['ip-allowlist', 'delete', rule.id, ...accountArgs])).toEqual(rule)
  })
})

describe('an owner who leaves', () => {
  /** Two living keys, one of them disabled before, and one that is revoked. */
  async function createKeyOwner() {
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = await runJson(dir, [
      ...['users', 'create', ...accountArgs, '--email', email, '--role', 'engineer'],
    ])
    const key = async (name: string) => {
      const keyArgs = ['--dialect', 'xdent', '--owner', owner.id, '--name', name]
      return (await runJson<CliKeyWithSecret>(dir, ['keys', 'create', ...keyArgs])).key
    }
    const [working, stopped, revoked] = [await key('a'), await key('b'), await key('c')]
    await runJson(dir, ['keys', 'disable', stopped.id])
    await runJson(dir, ['keys', 'revoke', revoked.id, '--yes'])
    return { owner, email, working, stopped }
  }

  test('leaves keys that work on, and say so in the list', async () => {
    const { owner, email, working, stopped } = await createKeyOwner()
    const { stdout, stderr } = await runWarmCli(['users', 'deactivate', owner.id, '--json'], {
      dir,
    })
    const { user, keys } = JSON.parse(stdout) as { user: CliRow; keys: CliRow[] }
    expect(keys).toEqual([
      { id: working.id, publicId: working.publicId, name: 'a', fate: 'flagged' },
      { id: stopped.id, publicId: stopped.publicId, name: 'b', fate: 'flagged' },
    ])
    expect(stderr).toBe(
      `${email} has left. Keys that were disabled: 0; that stay as they are: 2. ` +
        'Hand them over: latchkey keys edit <id> --owner <user>\n',
    )
    const listed = await runWarmCli(['keys', 'list', ...accountArgs], { dir })
    const flagged = listed.stdout.split('\n').map((line) => line.includes('owner left'))
    expect(flagged).toEqual([false, true, true, false, false])
    const printed = await runJson(dir, ['keys', 'show', working.id])
    expect(printed).toMatchObject({ status: 'enabled', ownerLeftAt: user.leftAt })

    expect(await runJsonError(dir, ['users', 'deactivate', owner.id])).toEqual({
      code: 1,
      problem: 'conflict',
      message: `${email} has left already`,
    })
    const create = ['keys', 'create', '--dialect', 'xdent', '--owner', owner.id, '--name', 'd']
    expect((await runJsonError(dir, create)).message).toBe(`${email} has left`)
  })

  test('takes the enabled keys along, where the account wants it', async () => {
    const chosen = await runJson(dir, ['accounts', 'set-offboarding-policy', account, 'disable'])
    expect(chosen.departedKeys).toBe('disable')
    const { owner, working } = await createKeyOwner()
    const { keys } = await runJson<{ keys: CliRow[] }>(dir, ['users', 'deactivate', owner.id])
    expect(keys.map(({ name, fate }) => [name, fate])).toEqual([
      ['a', 'disabled'],
      ['b', 'flagged'],
    ])
    const printed = await runJson(dir, ['keys', 'show', working.id])
    expect(printed).toMatchObject({ status: 'disabled', disabledBy: 'operator' })
  })

  test('who held no key leaves in silence', async () => {
    const user = await runJson(dir, [
      ...['users', 'create', ...accountArgs, '--email', 'm@acme.example', '--role', 'member'],
    ])
    const { stderr } = await runWarmCli(['users', 'deactivate', user.id], { dir })
    expect(stderr).toBe('m@acme.example has left, and held no living key.\n')
  })
})

test('what becomes of departed keys is one of two things', async () => {
  const [choice, nobody] = await Promise.all([
    runJsonError(dir, ['accounts', 'set-offboarding-policy', account, 'burn']),
    runJsonError(dir, ['accounts', 'set-offboarding-policy', 'none', 'keep']),
  ])
  expect(choice.code).toBe(2)
  expect(choice.message).toContain('Allowed choices are keep, disable.')
  expect(nobody.message).toBe('there is no account none')
})

test('a username is one person’s in the whole server', async () => {
  const user = (email: string, username: string) => [
    'users',
    'create',
    ...accountArgs,
    '--email',
    email,
    '--role',
    'engineer',
    '--username',
    username,
  ]
  expect(await runJson(dir, user('a@acme.example', 'dr.bixby'))).toMatchObject({
    username: 'dr.bixby',
  })
  expect((await runJsonError(dir, user('b@acme.example', 'dr.bixby'))).problem).toBe('conflict')
  expect((await runJsonError(dir, user('b@acme.example', 'dr:bixby'))).message).toBe(
    'a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @',
  )
})

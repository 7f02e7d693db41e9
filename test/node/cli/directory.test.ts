import { beforeEach, describe, expect, test } from 'vitest'
import {
  type CliKeyWithSecret,
  type CliRow,
  runJson,
  runJsonError,
  runJsonList,
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

test('sites and developers are created in an account, and listed by account', async () => {
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
    expect(await runJsonList(dir, [group, 'list', ...accountArgs])).toEqual([row])
    expect(await runJsonError(dir, [group, 'list', '--account', 'another'])).toEqual({
      code: 1,
      problem: 'not_found',
      message: 'there is no account another',
    })
    expect(await runJson(dir, [group, 'show', row.id])).toEqual(row)
    const renamed = await runJson(dir, [group, 'rename', row.id, 'Another name'])
    expect(renamed).toEqual({ ...row, name: 'Another name' })
  }
})

test('an id is accepted in upper case as an argument and as an option, and a name keeps its case', async () => {
  const [name, up] = [crypto.randomUUID().toUpperCase(), (text: string) => text.toUpperCase()]
  const site = await runJson(dir, ['sites', 'create', '--account', up(account), '--name', name])
  expect(site).toMatchObject({ accountId: account, name })
  expect(await runJsonList(dir, ['sites', 'list', '--account', up(account)])).toEqual([site])
  expect(await runJson(dir, ['accounts', 'close', up(account)])).toMatchObject({ id: account })
})

test('a site and a developer are deleted only if no key belongs to them', async () => {
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
  for (const [group, keyType, option] of lists) {
    const [used, unused] = [
      await runJson(dir, [group, 'create', ...accountArgs, '--name', 'Used']),
      await runJson(dir, [group, 'create', ...accountArgs, '--name', 'Unused']),
    ]
    const keyArgs = ['--key-type', keyType, '--owner', owner, option, used.id, '--name', 'a key']
    await runJson(dir, ['keys', 'create', ...keyArgs])
    expect(await runJsonError(dir, [group, 'delete', used.id, '--yes'])).toMatchObject({
      code: 1,
      problem: 'conflict',
    })
    expect(await runJson(dir, [group, 'delete', unused.id, '--yes'])).toEqual({
      id: unused.id,
      deleted: true,
    })
    expect(await runJsonList(dir, [group, 'list', ...accountArgs])).toEqual([used])
  }
})

test('an invalid site or developer is rejected', async () => {
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
  expect(short.message).toBe('--developer-key: a developer key is 8 to 64 of A–Z, a–z and 0–9')
  expect(blank.message).toBe('--name: the name must not be blank')
  expect(nowhere).toEqual({ code: 1, problem: 'not_found', message: 'there is no account none' })
})

describe('the IP allowlist of an account', () => {
  const listNetworks = () =>
    runJson<{ enforced: boolean; items: CliRow[] }>(dir, ['ip-allowlist', 'list', ...accountArgs])
  const add = (network: string, ...more: string[]) => [
    ...['ip-allowlist', 'add', ...accountArgs, '--network', network],
    ...more,
  ]

  test('is enforced and no longer enforced, and lists its networks in either case', async () => {
    expect(await listNetworks()).toEqual({ enforced: false, items: [], next: null })
    expect(await runJson(dir, ['ip-allowlist', 'enforce', account])).toMatchObject({
      id: account,
      ipAllowlistEnforced: true,
    })
    expect(await listNetworks()).toEqual({ enforced: true, items: [], next: null })
    const office = await runJson(dir, add('203.0.113.0/24', '--note', 'head office'))
    expect(office).toMatchObject({ network: '203.0.113.0/24', note: 'head office' })
    const host = await runJson(dir, add('2001:DB8::1'))
    expect(host).toMatchObject({ network: '2001:db8::1/128', note: '' })
    expect(await listNetworks()).toMatchObject({ enforced: true, items: [office, host] })
    expect(await runJson(dir, ['ip-allowlist', 'delete', host.id])).toEqual({
      id: host.id,
      deleted: true,
    })
    expect(await runJson(dir, ['ip-allowlist', 'stop-enforcing', account])).toMatchObject({
      ipAllowlistEnforced: false,
    })
    expect(await listNetworks()).toMatchObject({ enforced: false, items: [office] })
  })

  test('is printed as text with the state of its enforcement', async () => {
    const { id, createdAt } = await runJson(dir, add('203.0.113.0/24', '--note', 'head office'))
    await runJson(dir, ['ip-allowlist', 'enforce', account])
    const { stdout } = await runWarmCli(['ip-allowlist', 'list', ...accountArgs], { dir })
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['enforced', 'yes'],
      ['ID', 'NETWORK', 'NOTE', 'CREATED AT'],
      [id, '203.0.113.0/24', 'head office', createdAt],
      [''],
    ])
  })

  test('rejects a text that is no network, a network that it lists already, and an unknown id', async () => {
    await runJson(dir, add('10.0.0.0/8'))
    const unknown = crypto.randomUUID()
    const [twice, wide, stranger, nobody] = await Promise.all([
      runJsonError(dir, add('10.0.0.0/8')),
      runJsonError(dir, add('10.0.0.1/8')),
      runJsonError(dir, ['ip-allowlist', 'delete', unknown]),
      runJsonError(dir, ['ip-allowlist', 'enforce', 'none']),
    ])
    expect(twice).toEqual({
      code: 1,
      problem: 'conflict',
      message: '10.0.0.0/8 is in the list already',
    })
    expect(wide).toMatchObject({ code: 2, problem: 'invalid' })
    expect(stranger).toMatchObject({ code: 1, problem: 'not_found' })
    expect(stranger.message).toContain(unknown)
    expect(nobody.message).toBe('there is no account none')
  })
})

describe('the deactivation of a user', () => {
  /** Creates an enabled key, a disabled key, and a revoked key. */
  async function createKeyOwner() {
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = await runJson(dir, [
      ...['users', 'create', ...accountArgs, '--email', email, '--role', 'engineer'],
    ])
    const key = async (name: string) => {
      const keyArgs = ['--key-type', 'xdent', '--owner', owner.id, '--name', name]
      return (await runJson<CliKeyWithSecret>(dir, ['keys', 'create', ...keyArgs])).key
    }
    const [working, stopped, revoked] = [await key('a'), await key('b'), await key('c')]
    await runJson(dir, ['keys', 'disable', stopped.id])
    await runJson(dir, ['keys', 'revoke', revoked.id, '--yes'])
    return { owner, email, working, stopped }
  }

  test('leaves the keys of the user enabled, and the list of the keys flags them', async () => {
    const { owner, email, working, stopped } = await createKeyOwner()
    const { user, keys } = await runJson<{ user: CliRow; keys: CliRow[] }>(dir, [
      ...['users', 'deactivate', owner.id, '--yes'],
    ])
    expect(user).toEqual({ ...owner, deactivatedAt: expect.stringMatching(/^20..-.*Z$/) })
    expect(keys).toEqual([
      { id: working.id, publicId: working.publicId, name: 'a', status: 'enabled' },
      { id: stopped.id, publicId: stopped.publicId, name: 'b', status: 'disabled' },
    ])
    const listed = await runWarmCli(['keys', 'list', ...accountArgs], { dir })
    const [heading, ...rows] = listed.stdout.trimEnd().split('\n')
    expect(heading).toContain('OWNER DEACTIVATED AT')
    expect(rows).toHaveLength(3)
    for (const row of rows) expect(row).toContain(user.deactivatedAt)
    const left = ['keys', 'list', ...accountArgs, '--owner-left', 'true', '--status', 'enabled']
    expect(await runJsonList(dir, left)).toMatchObject([
      { id: working.id, status: 'enabled', owner: { email, deactivatedAt: user.deactivatedAt } },
    ])
    const colleague = await runJson(dir, [
      ...['users', 'create', ...accountArgs, '--email', 'c@acme.example', '--role', 'engineer'],
    ])
    await runJson(dir, ['keys', 'edit', working.id, '--owner', colleague.id])
    expect(await runJsonList(dir, left)).toEqual([])

    expect(await runJsonError(dir, ['users', 'deactivate', owner.id, '--yes'])).toEqual({
      code: 1,
      problem: 'conflict',
      message: `${email} is already deactivated`,
    })
    expect(await runJsonError(dir, ['users', 'invite', owner.id])).toEqual({
      code: 1,
      problem: 'conflict',
      message: `${email} is deactivated: add a new user`,
    })
    const create = ['keys', 'create', '--key-type', 'xdent', '--owner', owner.id, '--name', 'd']
    expect((await runJsonError(dir, create)).message).toBe(`--owner: ${email} is deactivated`)
  })

  test('disables the enabled keys of the user, if the policy of the account is to disable', async () => {
    const chosen = await runJson(dir, ['accounts', 'set-offboarding-policy', account, 'disable'])
    expect(chosen.offboardingPolicy).toBe('disable')
    const { owner, working } = await createKeyOwner()
    const { keys } = await runJson<{ keys: CliRow[] }>(dir, [
      'users',
      'deactivate',
      owner.id,
      '--yes',
    ])
    expect(keys.map(({ name, status }) => [name, status])).toEqual([
      ['a', 'disabled'],
      ['b', 'disabled'],
    ])
    const printed = await runJson(dir, ['keys', 'show', working.id])
    expect(printed).toMatchObject({ status: 'disabled', disabledBy: 'operator' })
  })

  test('of a user without keys lists no key', async () => {
    const user = await runJson(dir, [
      ...['users', 'create', ...accountArgs, '--email', 'm@acme.example', '--role', 'member'],
    ])
    expect(await runJson(dir, ['users', 'deactivate', user.id, '--yes'])).toMatchObject({
      keys: [],
    })
  })
})

test('the offboarding policy of an account is keep or disable', async () => {
  const [choice, nobody] = await Promise.all([
    runJsonError(dir, ['accounts', 'set-offboarding-policy', account, 'burn']),
    runJsonError(dir, ['accounts', 'set-offboarding-policy', 'none', 'keep']),
  ])
  expect(choice.code).toBe(2)
  expect(choice.message).toContain('Allowed choices are keep, disable.')
  expect(nobody.message).toBe('there is no account none')
})

test('a username is unique on the server', async () => {
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
    '--username: a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @',
  )
})

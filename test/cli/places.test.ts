import { beforeEach, describe, expect, test } from 'vitest'
import { runStaying } from '../support/cli/staying.ts'
import { temporaryFolder } from '../support/server.ts'
import { ask, type Revealed, type Row, refused } from './command.ts'

const dir = temporaryFolder()
let account: string
let of: string[]

beforeEach(async () => {
  account = (await ask(dir, ['accounts', 'create', 'Acme Health'])).id
  of = ['--account', account]
})

test('sites and developers are made for an account, and listed by it', async () => {
  const [site, developer] = await Promise.all([
    ask(dir, ['sites', 'create', ...of, '--name', ' Elm Street ']),
    ask(dir, ['developers', 'create', ...of, '--name', 'Acme Dental Apps']),
  ])
  expect(site).toMatchObject({ accountId: account, name: 'Elm Street' })
  expect(developer.developerKey).toMatch(/^[A-Z0-9]{16}$/)
  const lists = [
    ['sites', site],
    ['developers', developer],
  ] as const
  for (const [group, row] of lists) {
    expect(await ask(dir, [group, 'list', ...of])).toEqual([row])
    expect(await ask(dir, [group, 'list', '--account', 'another'])).toEqual([])
  }
})

test('an id is typed in any case, as an argument and as an option, and a name keeps its own', async () => {
  const [name, up] = [crypto.randomUUID().toUpperCase(), (text: string) => text.toUpperCase()]
  const site = await ask(dir, ['sites', 'create', '--account', up(account), '--name', name])
  expect(site).toMatchObject({ accountId: account, name })
  expect(await ask(dir, ['sites', 'list', '--account', up(account)])).toEqual([site])
  expect(await ask(dir, ['accounts', 'close', up(account)])).toMatchObject({ id: account })
})

test('a site and a developer are removed as long as no key is of them', async () => {
  const user = ['users', 'add', ...of, '--email', 'eng@acme.example', '--role', 'engineer']
  const owner = (await ask(dir, user)).id
  const lists = [
    ['sites', 'xenrad', '--site'],
    ['developers', 'opendental', '--developer'],
  ] as const
  for (const [group, dialect, option] of lists) {
    const [used, unused] = [
      await ask(dir, [group, 'create', ...of, '--name', 'Used']),
      await ask(dir, [group, 'create', ...of, '--name', 'Unused']),
    ]
    const wish = ['--dialect', dialect, '--owner', owner, option, used.id, '--name', 'a key']
    await ask(dir, ['keys', 'create', ...wish])
    expect(await refused(dir, [group, 'remove', used.id])).toMatchObject({ problem: 'conflict' })
    expect(await ask(dir, [group, 'remove', unused.id])).toEqual(unused)
    expect(await ask(dir, [group, 'list', ...of])).toEqual([used])
  }
})

test('a site or developer that cannot be is refused', async () => {
  const key = String((await ask(dir, ['developers', 'create', ...of, '--name', 'A'])).developerKey)
  const again = ['developers', 'create', ...of, '--name', 'B', '--developer-key']
  const [taken, short, blank, nowhere] = await Promise.all([
    refused(dir, [...again, key]),
    refused(dir, [...again, 'short']),
    refused(dir, ['sites', 'create', ...of, '--name', ' ']),
    refused(dir, ['sites', 'create', '--account', 'none', '--name', 'Elm Street']),
  ])
  expect(taken).toEqual({
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
  async function said(...args: string[]): Promise<string> {
    const { code, stderr } = await runStaying(['addresses', ...args, ...of], { dir })
    expect(code).toBe(0)
    return stderr
  }

  test('each command says what is in force after it', async () => {
    const anywhere = 'keys of Acme Health work from anywhere.\n'
    expect(await said('list')).toBe(`Not enforced: ${anywhere}`)
    expect(await said('enforce')).toBe(`Enforced, but the list is empty: ${anywhere}`)
    expect(await said('add', '203.0.113.0/24', '--note', 'head office')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await said('add', '2001:DB8::1')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24, 2001:db8::1/128 only.\n',
    )
    // However it is written.
    expect(await said('remove', '2001:db8:0::1')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await said('open')).toBe(`Not enforced: ${anywhere}`)
    expect(await ask(dir, ['addresses', 'list', ...of])).toMatchObject([
      { network: '203.0.113.0/24', note: 'head office' },
    ])
    expect(await said('enforce')).toBe(
      'Enforced: keys of Acme Health work from 203.0.113.0/24 only.\n',
    )
    expect(await said('remove', '203.0.113.0/24')).toBe(
      `Enforced, but the list is empty: ${anywhere}`,
    )
  })

  test('what is no network, or not on the list, is refused', async () => {
    const rule = await ask(dir, ['addresses', 'add', '10.0.0.0/8', ...of])
    const [twice, wide, stranger, nobody] = await Promise.all([
      refused(dir, ['addresses', 'add', '10.0.0.0/8', ...of]),
      refused(dir, ['addresses', 'add', '10.0.0.1/8', ...of]),
      refused(dir, ['addresses', 'remove', '10.0.0.0/9', ...of]),
      refused(dir, ['addresses', 'enforce', '--account', 'none']),
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
    expect(await ask(dir, ['addresses', 'remove', rule.id, ...of])).toEqual(rule)
  })
})

describe('an owner who leaves', () => {
  /** Two living keys, one of them disabled before, and one that is revoked. */
  async function holder() {
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = await ask(dir, [
      ...['users', 'create', ...of, '--email', email, '--role', 'engineer'],
    ])
    const key = async (name: string) => {
      const wish = ['--dialect', 'xdent', '--owner', owner.id, '--name', name]
      return (await ask<Revealed>(dir, ['keys', 'create', ...wish])).key
    }
    const [working, stopped, revoked] = [await key('a'), await key('b'), await key('c')]
    await ask(dir, ['keys', 'disable', stopped.id])
    await ask(dir, ['keys', 'revoke', revoked.id, '--yes'])
    return { owner, email, working, stopped }
  }

  test('leaves keys that work on, and say so in the list', async () => {
    const { owner, email, working, stopped } = await holder()
    const { stdout, stderr } = await runStaying(['users', 'leave', owner.id, '--json'], { dir })
    const { user, keys } = JSON.parse(stdout) as { user: Row; keys: Row[] }
    expect(keys).toEqual([
      { id: working.id, publicId: working.publicId, name: 'a', fate: 'flagged' },
      { id: stopped.id, publicId: stopped.publicId, name: 'b', fate: 'flagged' },
    ])
    expect(stderr).toBe(
      `${email} has left. Keys that were disabled: 0; that stay as they are: 2. ` +
        'Hand them over: latchkey keys transfer <id> --to <user>\n',
    )
    const listed = await runStaying(['keys', 'list', ...of], { dir })
    const flagged = listed.stdout.split('\n').map((line) => line.includes('owner left'))
    expect(flagged).toEqual([false, true, true, false, false])
    const shown = await ask(dir, ['keys', 'show', working.id])
    expect(shown).toMatchObject({ status: 'enabled', ownerLeftAt: user.leftAt })

    expect(await refused(dir, ['users', 'leave', owner.id])).toEqual({
      code: 1,
      problem: 'conflict',
      message: `${email} has left already`,
    })
    const create = ['keys', 'create', '--dialect', 'xdent', '--owner', owner.id, '--name', 'd']
    expect((await refused(dir, create)).message).toBe(`${email} has left`)
  })

  test('takes the enabled keys along, where the account wants it', async () => {
    const chosen = await ask(dir, ['accounts', 'departed-keys', account, 'disable'])
    expect(chosen.departedKeys).toBe('disable')
    const { owner, working } = await holder()
    const { keys } = await ask<{ keys: Row[] }>(dir, ['users', 'leave', owner.id])
    expect(keys.map(({ name, fate }) => [name, fate])).toEqual([
      ['a', 'disabled'],
      ['b', 'flagged'],
    ])
    const shown = await ask(dir, ['keys', 'show', working.id])
    expect(shown).toMatchObject({ status: 'disabled', disabledBy: 'operator' })
  })

  test('who held no key leaves in silence', async () => {
    const user = await ask(dir, [
      ...['users', 'create', ...of, '--email', 'm@acme.example', '--role', 'member'],
    ])
    const { stderr } = await runStaying(['users', 'leave', user.id], { dir })
    expect(stderr).toBe('m@acme.example has left, and held no living key.\n')
  })
})

test('what becomes of departed keys is one of two things', async () => {
  const [choice, nobody] = await Promise.all([
    refused(dir, ['accounts', 'departed-keys', account, 'burn']),
    refused(dir, ['accounts', 'departed-keys', 'none', 'keep']),
  ])
  expect(choice.code).toBe(2)
  expect(choice.message).toContain('Allowed choices are keep, disable.')
  expect(nobody.message).toBe('there is no account none')
})

test('a username is one person’s in the whole server', async () => {
  const user = (email: string, username: string) => [
    'users',
    'create',
    ...of,
    '--email',
    email,
    '--role',
    'engineer',
    '--username',
    username,
  ]
  expect(await ask(dir, user('a@acme.example', 'dr.bixby'))).toMatchObject({ username: 'dr.bixby' })
  expect((await refused(dir, user('b@acme.example', 'dr.bixby'))).problem).toBe('conflict')
  expect((await refused(dir, user('b@acme.example', 'dr:bixby'))).message).toBe(
    'a username is 1 to 64 of a–z, A–Z, 0–9, dot, dash, underscore and @',
  )
})

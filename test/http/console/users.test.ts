import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ConsoleClient,
  seedConsoleClient,
  signInToConsole,
} from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import {
  enrollTotpApp,
  findSignedInUser,
  PASSWORD,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

let server: TestServer
let administrator: ConsoleClient & { readonly testUser: TestUser }
let accountId: string

beforeAll(async () => {
  server = await createTestServer()
  administrator = await seedConsoleClient(server, 'administrator')
  accountId = administrator.testUser.accountId
})
afterAll(() => server.close())

const USERS_PATH = '/console/users'
/** Changing how another user signs in requires the password of the user who changes it. */
const REAUTH_FIELDS = { 'your-password': PASSWORD }
const getUserPath = (id: string, verb = '') => `${USERS_PATH}/${id}${verb === '' ? '' : `/${verb}`}`
const seedAccountClient = (role: 'administrator' | 'engineer' | 'member' | 'operator') =>
  seedConsoleClient(server, role, accountId)

describe('a change of a person takes effect at once', () => {
  test('a role changed while the user is signed in is in force at their next click', async () => {
    const engineer = await seedAccountClient('engineer')
    const { id } = engineer.testUser.user
    const maker = unwrap(await server.developers.add({ accountId, name: 'Maker' }))
    const NEW = '/console/keys/new'
    expect((await engineer.get(NEW)).status).toBe(200)
    const changed = await administrator.fill(getUserPath(id), getUserPath(id, 'set-role'), {
      role: 'member',
      ...REAUTH_FIELDS,
    })
    expect(changed.location).toBe(`${getUserPath(id)}?flash=users.setRole`)
    expect((await engineer.get(NEW)).status).toBe(403)
    expect((await engineer.send(NEW, { name: 'x' })).status).toBe(403)
    const { text, html } = await engineer.get(`/console/developers/${maker.id}`)
    expect(text).toContain('member, Acme Health')
    expect(html).not.toContain(NEW)
  })

  test('a deactivated user is signed out, and cannot sign in', async () => {
    const gone = await seedAccountClient('engineer')
    const { id, email } = gone.testUser.user
    expect((await gone.get('/console/me')).status).toBe(200)
    const confirmationPage = await administrator.get(getUserPath(id, 'deactivate'))
    expect(confirmationPage.text).toContain(`Deactivate ${email}?`)
    const left = await administrator.send(getUserPath(id, 'deactivate'))
    expect(left.location).toBe(`${getUserPath(id)}?flash=users.deactivate`)
    expect((await gone.get('/console/users')).location).toContain('/console/sign-in')
    expect((await gone.send('/console/theme')).status).toBe(401)
    const { username, password } = gone.testUser
    expect((await gone.send('/console/sign-in', { username, password })).status).toBe(401)
    const { text, html } = await administrator.get(getUserPath(id))
    expect(text).toContain('Deactivated')
    expect(text).not.toContain('1 browser or token')
    expect(html).not.toContain(getUserPath(id, 'set-role'))
    expect((await administrator.send(getUserPath(id, 'deactivate'))).status).toBe(409)
  })

  test('a user who is signed out everywhere is asked for the password at their next click', async () => {
    const out = await seedAccountClient('engineer')
    const { id } = out.testUser.user
    const done = await administrator.send(getUserPath(id, 'sign-out'))
    expect(done.location).toBe(`${getUserPath(id)}?flash=users.signOut`)
    expect((await out.get('/console/me')).location).toContain('/console/sign-in')
    await signInToConsole(server, out.testUser)
  })

  test('a second factor is reset after it was asked for once more', async () => {
    const { testUser } = await seedAccountClient('engineer')
    const { id } = testUser.user
    await enrollTotpApp(
      server,
      await findSignedInUser(server, (await signInUser(server, testUser)).secret),
    )
    expect((await administrator.get(getUserPath(id))).text).toContain('Second factor On')
    const verb = getUserPath(id, 'reset-second-factor')
    const reset = await administrator.fill(verb, verb, REAUTH_FIELDS)
    expect(reset.location).toBe(`${getUserPath(id)}?flash=users.resetSecondFactor`)
    await signInToConsole(server, testUser)
    expect((await administrator.send(verb, REAUTH_FIELDS)).status).toBe(409)
  })
})

test('a user is deleted once they are deactivated and own no key', async () => {
  const { testUser } = await seedAccountClient('engineer')
  const { id, email } = testUser.user
  const [here, deletion] = [getUserPath(id), getUserPath(id, 'delete')]
  expect((await administrator.get(here)).html).not.toContain(deletion)
  expect((await administrator.send(deletion)).status).toBe(409)
  const active = await administrator.get(deletion)
  expect(active.text).toContain('The user is active: deactivate them first')
  expect(active.html).not.toContain(`action="${deletion}"`)
  const site = unwrap(await server.sites.add({ accountId, name: 'North Clinic' }))
  const input = { keyType: 'xenrad', ownerId: id, siteId: site.id, name: 'RIS' } as const
  const { key } = unwrap(await server.keys.create(input))
  unwrap(await server.users.deactivate(id))
  expect((await administrator.send(deletion)).status).toBe(409)
  const owner = await administrator.get(deletion)
  expect(owner.text).toContain('active or revoked, prevent this.')
  expect(owner.html).toContain(`href="/console/keys?owner=${id}"`)
  const { testUser: other } = await seedAccountClient('engineer')
  unwrap(await server.keys.edit(key.id, { ownerId: other.user.id }))
  expect((await administrator.get(deletion)).text).toContain(`Delete ${email}?`)
  const deleted = await administrator.fill(deletion, deletion)
  expect(deleted.location).toBe(`${USERS_PATH}?flash=users.delete`)
  expect((await administrator.get(here)).status).toBe(404)
})

describe('a one-time link', () => {
  test('is shown once to the administrator, and signs the new user in', async () => {
    const email = `${crypto.randomUUID()}@acme.example`
    const { html } = await administrator.get(`${USERS_PATH}/new`)
    expect(html).toContain('name="invite" value="yes" checked')
    const form = { accountId, email, username: `u-${crypto.randomUUID()}` }
    const input = { ...form, role: 'member', invite: 'yes', ...REAUTH_FIELDS }
    const invitationPage = await administrator.send(`${USERS_PATH}/new`, input)
    expect(invitationPage.status).toBe(200)
    expect(invitationPage.headers.get('cache-control')).toBe('no-store')
    const link = /data-copy="(https:[^"]+)"/.exec(invitationPage.html)?.[1] ?? ''
    expect(link).toMatch(/^https:\/\/console\.example\/console\/welcome\/lk_/)
    const again = await administrator.send(`${USERS_PATH}/new`, input)
    expect(again.status).toBe(409)
    expect(again.html).toContain(`value="${email}"`)
    expect(again.html).not.toContain('/console/welcome/')
    const typed = { password: PASSWORD, repeat: PASSWORD }
    const set = await administrator.send(new URL(link).pathname, typed)
    expect(set.location).toBe('/console/sign-in?flash=password-set')
    expect((await administrator.get(set.location ?? '')).text).toContain('Your password is set.')
    await signInToConsole(server, { username: form.username, password: PASSWORD })
  })

  test('is made anew by another form, and not by the same form again', async () => {
    const { testUser } = await seedAccountClient('member')
    const { id } = testUser.user
    const page = await administrator.get(getUserPath(id, 'invite'))
    const form = { seen: page.getFieldValue('seen') ?? '', ...REAUTH_FIELDS }
    const invitationPage = await administrator.send(getUserPath(id, 'invite'), form)
    expect(invitationPage.html).toContain('/console/welcome/')
    const again = await administrator.send(getUserPath(id, 'invite'), form)
    expect(again.status).toBe(409)
    expect(again.html).not.toContain('/console/welcome/')
    expect(again.text).toContain('A link was created after this page was loaded')
  })
})

describe('no user raises another above their own role', () => {
  test('an administrator is not offered to make an operator, and is refused it', async () => {
    const { html } = await administrator.get(`${USERS_PATH}/new`)
    expect([...html.matchAll(/name="role" value="(\w+)"/g)].map(([, role]) => role)).toEqual([
      'member',
      'engineer',
      'administrator',
    ])
    const email = `${crypto.randomUUID()}@acme.example`
    const form = { accountId, email, role: 'operator', ...REAUTH_FIELDS }
    const refused = await administrator.send(`${USERS_PATH}/new`, form)
    expect(refused.status).toBe(403)
    expect(refused.text).toContain('Your role does not allow you to assign the role operator.')
  })

  test('an operator of the account is shown, not changed', async () => {
    const { testUser } = await seedAccountClient('operator')
    const { id } = testUser.user
    const { text, html } = await administrator.get(getUserPath(id))
    expect(text).toContain('Only another operator can change this user.')
    expect(html).not.toContain(`action="${getUserPath(id)}`)
    for (const verb of ['invite', 'deactivate', 'sign-out', 'reset-second-factor']) {
      const form = { seen: (await findLastInvitation(id)) ?? '', ...REAUTH_FIELDS }
      expect([verb, (await administrator.send(getUserPath(id, verb), form)).status]).toEqual([
        verb,
        403,
      ])
    }
    const demoted = { seen: 'operator', role: 'member', ...REAUTH_FIELDS }
    expect((await administrator.send(getUserPath(id, 'set-role'), demoted)).status).toBe(403)
  })

  test('no user changes their own access on the users page', async () => {
    const { id } = administrator.testUser.user
    const { html } = await administrator.get(getUserPath(id))
    expect(html).not.toContain(`action="${getUserPath(id)}`)
    expect(html).toContain('href="/console/me"')
    const raised = { seen: 'administrator', role: 'member', ...REAUTH_FIELDS }
    expect((await administrator.send(getUserPath(id, 'set-role'), raised)).status).toBe(403)
  })

  const findLastInvitation = async (subject: string) =>
    (await server.storage.listEvents({ subject, action: 'user.invited', limit: 1 }))[0]?.id
})

test('the second of two users who change one role sees both roles', async () => {
  const { testUser } = await seedAccountClient('member')
  const { id } = testUser.user
  unwrap(await server.users.setRole(id, 'engineer'))
  const late = { seen: 'member', role: 'administrator', ...REAUTH_FIELDS }
  const refused = await administrator.send(getUserPath(id, 'set-role'), late)
  expect(refused.status).toBe(409)
  expect(refused.text).toContain('it is “engineer” now, and you typed “administrator”')
  expect(refused.html).toMatch(/value="administrator" required checked/)
  const insists = await administrator.send(getUserPath(id, 'set-role'), {
    ...late,
    seen: 'engineer',
  })
  expect(insists.status).toBe(303)
})

test('a taken username is refused, and stays in the form', async () => {
  const [one, other] = [await seedAccountClient('member'), await seedAccountClient('member')]
  const { id } = one.testUser.user
  const typed = { username: other.testUser.username }
  const refused = await administrator.fill(getUserPath(id), getUserPath(id, 'set-username'), typed)
  expect(refused.status).toBe(409)
  expect(refused.html).toContain(`name="username" type="text" value="${other.testUser.username}"`)
  const long = { username: '<b>'.repeat(3_000) }
  const unfit = await administrator.fill(getUserPath(id), getUserPath(id, 'set-username'), long)
  expect(unfit.status).toBe(422)
  expect(unfit.html).not.toContain('<b>')
  const newFields = { username: `new-${crypto.randomUUID()}` }
  const set = await administrator.fill(getUserPath(id), getUserPath(id, 'set-username'), newFields)
  expect(set.location).toBe(`${getUserPath(id)}?flash=saved`)
})

test('an e-mail address is set, once in the account, and what was typed stays in the form', async () => {
  const [one, other] = [await seedAccountClient('member'), await seedAccountClient('member')]
  const { id } = one.testUser.user
  const takenEmailFields = { email: other.testUser.user.email }
  const refused = await administrator.fill(
    getUserPath(id),
    getUserPath(id, 'set-email'),
    takenEmailFields,
  )
  expect(refused.status).toBe(409)
  expect(refused.text).toContain('is already a user of this account.')
  expect(refused.getFieldValue('email')).toBe(takenEmailFields.email)
  expect(
    (await administrator.fill(getUserPath(id), getUserPath(id, 'set-email'), { email: 'none' }))
      .status,
  ).toBe(422)
  const newFields = { email: `new-${crypto.randomUUID()}@acme.example` }
  const set = await administrator.fill(getUserPath(id), getUserPath(id, 'set-email'), newFields)
  expect(set.location).toBe(`${getUserPath(id)}?flash=saved`)
  expect((await administrator.get(getUserPath(id))).text).toContain(newFields.email)
  const late = { seen: one.testUser.user.email, email: 'late@acme.example' }
  expect((await administrator.send(getUserPath(id, 'set-email'), late)).status).toBe(409)
})

test('the list shows which users can sign in, are invited or deactivated, and when each was last seen', async () => {
  const admin = await seedConsoleClient(server, 'administrator')
  const of = admin.testUser.accountId
  const email = (name: string) => `${name}-${crypto.randomUUID()}@acme.example`
  const add = async (name: string) =>
    unwrap(await server.users.add({ accountId: of, email: email(name), role: 'member' }))
  const [invited, gone, silent] = [await add('invited'), await add('gone'), await add('silent')]
  unwrap(await server.users.invite(invited.id))
  unwrap(await server.users.deactivate(gone.id))
  const { text } = await admin.get(USERS_PATH)
  expect(text).toContain(`${admin.testUser.username} administrator ✓ Can sign in 0 just now`)
  expect(text).toContain(`${invited.email} member ! Invited 0 never`)
  expect(text).toContain(`${gone.email} member × Deactivated 0 never`)
  expect(text).toContain(`${silent.email} member Cannot sign in 0 never`)
  const found = await admin.get(`${USERS_PATH}?q=INVITED-`)
  expect(found.text).toContain(invited.email)
  expect(found.text).not.toContain(silent.email)
  expect((await admin.get(`${USERS_PATH}?q=nobody-at-all`)).text).toContain('No user found')
})

test('what each role may is the table that the server goes by', async () => {
  const { text } = await administrator.get(`${USERS_PATH}/roles`)
  const [member = '', engineer = '', administrators = '', operator = ''] =
    /member (Reads:.*) engineer (Everything.*) administrator (Everything.*) operator (Everything.*)/
      .exec(text)
      ?.slice(1) ?? []
  expect(member).toContain('See keys, never their secrets')
  expect(engineer).toContain('View secrets that can be viewed again')
  expect(administrators).toContain('Change sites and developers')
  expect(operator).toContain('Create, close, reopen and delete accounts')
})

test('members see users, and cannot change them', async () => {
  const member = await seedAccountClient('member')
  const { id } = administrator.testUser.user
  const { html, status } = await member.get(USERS_PATH)
  expect(status).toBe(200)
  expect(html).not.toContain(`href="${USERS_PATH}/new"`)
  for (const verb of [
    'set-role',
    'set-username',
    'set-email',
    'delete',
    'invite',
    'sign-out',
    'deactivate',
    'reset-second-factor',
  ]) {
    expect([verb, (await member.send(getUserPath(id, verb))).status]).toEqual([verb, 403])
  }
  expect((await member.get(`${USERS_PATH}/new`)).status).toBe(403)
})

import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from 'vitest'
import type { PageContext } from '../../../src/http/console/context.ts'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { MINUTE_MS } from '../../support/time.ts'
import {
  enrollTotpApp,
  findSignedInUser,
  generateTotpCode,
  PASSWORD,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10000' })
})
afterAll(() => server.close())

type Administrator = ConsoleClient & { readonly testUser: TestUser }
interface Form {
  readonly page: string
  readonly typed?: Readonly<Record<string, string>>
}

/** A user of the administrator's account with an authenticator app. */
async function seedColleague({ testUser: { accountId } }: Administrator): Promise<TestUser> {
  const { testUser } = await seedConsoleClient(server, 'engineer', accountId)
  await enrollTotpApp(
    server,
    await findSignedInUser(server, (await signInUser(server, testUser)).secret),
  )
  return testUser
}

/** Every form that grants access or raises it, with its input. */
const FORMS: [string, (admin: Administrator) => Promise<Form>][] = [
  [
    'an API token',
    async () => ({ page: '/console/me/tokens/new', typed: { name: 'nightly <job>', days: '30' } }),
  ],
  ['a password', async () => ({ page: '/console/me/password' })],
  [
    'a new person with a link',
    async ({ testUser: { accountId } }) => ({
      page: '/console/users/new',
      typed: { accountId, email: `${crypto.randomUUID()}@acme.example`, role: 'engineer' },
    }),
  ],
  [
    'another role',
    async (admin) => ({
      page: `/console/users/${(await seedColleague(admin)).user.id}/set-role`,
      typed: { seen: 'engineer', role: 'administrator' },
    }),
  ],
  [
    'a one-time link',
    async (admin) => ({ page: `/console/users/${(await seedColleague(admin)).user.id}/invite` }),
  ],
  [
    'a reset of another’s second factor',
    async (admin) => ({
      page: `/console/users/${(await seedColleague(admin)).user.id}/reset-second-factor`,
    }),
  ],
]

/** Builds the form's fields from its page, without the reauthentication proof. */
async function buildFormFields(admin: Administrator, { page, typed = {} }: Form) {
  if (page === '/console/me/password') {
    const newPassword = 'six other words that nobody guesses'
    return { 'new-password': newPassword, repeat: newPassword }
  }
  const seenLast = page.endsWith('/invite')
    ? (await admin.get(page)).getFieldValue('seen')
    : undefined
  return { ...typed, ...(seenLast === undefined ? {} : { seen: seenLast }) }
}

const listActions = async ({ testUser }: Administrator) => {
  const events = await server.storage.listEvents({ actor: testUser.user.id, limit: 100 })
  return events.map(({ action }) => action).filter((action) => action !== 'session.started')
}

// Held by the compiler: a screen that forgets to ask for the proof has no verb to call.
test('the services of a session have no method that gives access to others', () => {
  expectTypeOf<PageContext['services']['users']>().not.toHaveProperty('setRole')
  expectTypeOf<PageContext['services']['users']>().not.toHaveProperty('invite')
  expectTypeOf<PageContext['services']['users']>().not.toHaveProperty('inviteFirstOperator')
  expectTypeOf<PageContext['services']['users']>().not.toHaveProperty('resetSecondFactor')
})

describe('without the password, an open browser or its cookie gives no access beyond the session:', () => {
  test.each(FORMS)('%s', async (_, formOf) => {
    const admin = await seedConsoleClient(server, 'administrator')
    const form = await formOf(admin)
    const fields = await buildFormFields(admin, form)
    const before = await listActions(admin)

    for (const guess of [undefined, '', 'not the password']) {
      const proof = guess === undefined ? {} : { 'your-password': guess }
      const refused = await admin.send(form.page, { ...fields, ...proof })
      expect(refused.status).toBe(422)
      expect(refused.text).toContain('The password is wrong.')
      // The form keeps its input, except the password.
      if (form.typed?.email) expect(refused.getFieldValue('email')).toBe(form.typed.email)
      if (form.typed?.name) expect(refused.getFieldValue('name')).toBe(form.typed.name)
      if (form.typed?.role) {
        expect(refused.html).toMatch(new RegExp(`value="${form.typed.role}" required checked`))
      }
      expect(refused.getFieldValue('your-password')).toBe('')
      expect(refused.html).not.toContain('not the password')
    }
    expect(await listActions(admin)).toEqual(before)

    const sent = await admin.send(form.page, { ...fields, 'your-password': PASSWORD })
    expect([200, 303]).toContain(sent.status)
    expect(await listActions(admin)).not.toEqual(before)
  })

  test('setting up a second factor, and taking it away', async () => {
    const admin = await seedConsoleClient(server, 'administrator')
    const NEW = '/console/me/second-factor/new'
    const page = await admin.get(NEW)
    const key = /data-copy="([^"]+)" aria-label="Copy the setup key"/.exec(page.html)?.[1] ?? ''
    const fields = () => ({
      pending: page.getFieldValue('pending') ?? '',
      code: generateTotpCode(key, server.clock()),
    })
    const thief = await admin.send(NEW, { ...fields(), 'your-password': 'a guess' })
    expect(thief.status).toBe(422)
    expect(thief.text).toContain('The password is wrong.')
    expect((await admin.get('/console/me')).text).toContain('Set up second factor')
    const set = await admin.send(NEW, { ...fields(), 'your-password': PASSWORD })
    expect(set.text).toContain('Your recovery codes')

    server.clock.advance(MINUTE_MS)
    const REMOVE = '/console/me/second-factor/remove'
    expect((await admin.get(REMOVE)).html).toContain('autocomplete="one-time-code"')
    const seedLoneAdministrator = await admin.send(REMOVE, { 'your-password': PASSWORD })
    expect(seedLoneAdministrator.status).toBe(422)
    expect(seedLoneAdministrator.text).toContain('The code is wrong')
    const code = generateTotpCode(key, server.clock())
    const removed = await admin.send(REMOVE, { 'your-password': PASSWORD, 'your-code': code })
    expect(removed.location).toBe('/console/me?flash=second-factor-removed')
  })
})

test('the message is at the field, which has the focus, and password managers find the username', async () => {
  const admin = await seedConsoleClient(server, 'administrator')
  const { html } = await admin.send('/console/me/tokens/new', { name: 'job', days: '30' })
  const [field = ''] = /<input id="your-password"[^>]*>/.exec(html) ?? []
  for (const attribute of [
    'type="password"',
    'autocomplete="current-password"',
    'required',
    'autofocus',
    'aria-invalid="true"',
    'aria-describedby="your-password-error"',
  ]) {
    expect(field).toContain(attribute)
  }
  expect(html).toContain('<p class="error" id="your-password-error">The password is wrong.</p>')
  expect(html.match(/ autofocus/g)).toHaveLength(1)
  expect(html).toContain(
    `value="${admin.testUser.username}" autocomplete="username" readonly hidden`,
  )
})

test('too many wrong passwords are refused as at the sign-in, with the time to wait', async () => {
  const admin = await seedConsoleClient(server, 'administrator')
  const NEW = '/console/me/tokens/new'
  const guess = { name: 'job', days: '30', 'your-password': 'a guess' }
  // Five attempts in a known browser, and five under the username.
  for (let n = 0; n < 10; n++) expect((await admin.send(NEW, guess)).status).toBe(422)
  const locked = await admin.send(NEW, { ...guess, 'your-password': PASSWORD })
  expect(locked.status).toBe(429)
  expect(locked.text).toContain('Too many failed attempts: try again in')
  expect(locked.getFieldValue('name')).toBe('job')
  const { username, password } = admin.testUser
  expect((await admin.send('/console/sign-in', { username, password })).status).toBe(429)
})

test('a new password ends every other browser and every token, and not this one', async () => {
  const admin = await seedConsoleClient(server, 'administrator')
  const elsewhere = await signInUser(server, admin.testUser)
  const newPassword = 'six other words that nobody guesses'
  const fields = { 'new-password': newPassword, repeat: newPassword, 'your-password': PASSWORD }
  const changed = await admin.send('/console/me/password', fields)
  expect(changed.location).toBe('/console/me?flash=password-changed')
  expect((await admin.get('/console/me')).status).toBe(200)
  expect(await server.signInServices.sessions.find(elsewhere.secret, 'browser')).toBe(null)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeTestServer, createCountingArgon2 } from '../../support/composed-server.ts'
import { unwrap } from '../../support/server.ts'
import {
  createSignInInput,
  createTestCaller,
  enrollTotpApp,
  PASSWORD,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

/** How often one address may fail is another matter. */
const argon2 = createCountingArgon2()
let server: Awaited<ReturnType<typeof composeTestServer>>
beforeAll(async () => {
  server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
})
afterAll(() => server.close())

/** One and the same refusal, for the work of two computations. */
async function expectSameRefusal(what: string, username: string, password: string) {
  const before = argon2.verified
  const answer = await server.signInServices.signIn(
    createSignInInput({ username, password }),
    createTestCaller(),
  )
  expect([what, answer]).toEqual([what, { ok: false, failure: { reason: 'wrong' } }])
  expect([what, argon2.verified - before]).toEqual([what, 2])
}

/** Reasons for which the right password is refused. */
const damaged: [string, (testUser: TestUser) => Promise<unknown>][] = [
  ['has left', async ({ user }) => unwrap(await server.users.deactivate(user.id))],
  [
    'is of a closed account',
    async ({ accountId }) => unwrap(await server.accounts.setStatus(accountId, 'closed')),
  ],
]

describe('signing in', () => {
  test('refuses an unknown username and a wrong password with one answer, for the same work', async () => {
    const testUser = await seedUser(server)
    await expectSameRefusal('wrong password', testUser.username, 'quite another sentence')
    await expectSameRefusal('wrong by a letter', testUser.username, `${PASSWORD}x`)
    await expectSameRefusal('lone surrogate', testUser.username, '\ud800')
    await expectSameRefusal('very long', testUser.username, 'x'.repeat(5000))
    await expectSameRefusal('nobody', `user-${crypto.randomUUID()}`, PASSWORD)
    await expectSameRefusal('nobody, lone surrogate', `user-${crypto.randomUUID()}`, '\ud800')
    for (const name of ['', '\0', '\ud800', ' ', 'x'.repeat(5000), "' OR 1=1 --", '__proto__']) {
      await expectSameRefusal(name, name, PASSWORD)
    }
    await signInUser(server, testUser)
  })

  test.each(damaged)(
    'refuses a user who %s like an unknown one, with the right or a wrong password',
    async (_, spoil) => {
      const testUser = await seedUser(server)
      await spoil(testUser)
      await expectSameRefusal('right', testUser.username, PASSWORD)
      await expectSameRefusal('wrong', testUser.username, 'quite another sentence')
    },
  )

  test('refuses a user without a password like an unknown one', async () => {
    const accountId = unwrap(await server.accounts.create({ name: 'Acme' })).id
    const username = `user-${crypto.randomUUID()}`
    const email = 'new@acme.example'
    unwrap(await server.users.add({ accountId, email, role: 'member', username }))
    await expectSameRefusal('no password', username, PASSWORD)
    await expectSameRefusal('an empty one', username, '')
  })

  test('reports the reason to the operator, and not to the user', async () => {
    const testUser = await seedUser(server)
    unwrap(await server.accounts.setStatus(testUser.accountId, 'closed'))
    await expectSameRefusal('closed', testUser.username, PASSWORD)
    const caller = createTestCaller('198.51.100.9')
    await server.signInServices.signIn(
      createSignInInput({ username: 'nobody-at-all', password: PASSWORD }),
      caller,
    )
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: testUser.user.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'session.refused',
      facts: { reason: 'account_closed', address: '203.0.113.7' },
    })
    const explained = unwrap(await server.audit.explain(caller.requestId))
    expect(explained.decisions.map(({ sentence }) => sentence)).toEqual([
      'Signing in was refused: no user has that username.',
    ])
    // The username field may contain a password by mistake, so it must not be recorded.
    expect(JSON.stringify(explained)).not.toContain('nobody-at-all')
  })

  test('names a second factor only after the right password', async () => {
    const testUser = await seedUser(server)
    const { signedIn } = await signInUser(server, testUser)
    await enrollTotpApp(server, signedIn)
    await expectSameRefusal('wrong password, no code', testUser.username, 'quite another sentence')
    const answer = await server.signInServices.signIn(
      createSignInInput(testUser),
      createTestCaller(),
    )
    expect(answer).toMatchObject({ ok: false, failure: { reason: 'code_needed' } })
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/ring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../support/time.ts'
import {
  createSignInInput,
  createTestCaller,
  findSignedInUser,
  PASSWORD,
  reauthenticateUser,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

const NEW_PASSWORD = 'six other words that nobody guesses'

let server: TestServer
/** Another process on the same database. */
let other: TestServer
let testUser: TestUser
beforeEach(async () => {
  server = await createTestServer()
  other = await createTestServer({}, { dir: server.dir, clock: server.clock })
  other.keyring.replace(server.ring)
  testUser = await seedUser(server)
})
afterEach(async () => {
  await other.storage.close()
  await server.close()
})

const isSessionActive = async (secret: string, at = other) =>
  (await at.signInServices.sessions.find(secret, 'browser')) !== null

describe('a session', () => {
  test('identifies its user in every process', async () => {
    const { secret } = await signInUser(server, testUser)
    expect(await findSignedInUser(other, secret)).toMatchObject({
      user: { id: testUser.user.id, role: 'administrator' },
      account: { id: testUser.accountId, name: 'Acme Health', status: 'open' },
      session: { kind: 'browser', name: 'Mozilla/5.0' },
    })
    for (const wrong of ['', 'x', `${secret}x`, secret.slice(0, -1), '\0', '\ud800']) {
      expect([wrong, await isSessionActive(wrong)]).toEqual([wrong, false])
    }
  })

  test('ends after an hour unseen, and after twelve however often it is seen', async () => {
    const { secret } = await signInUser(server, testUser)
    server.clock.advance(HOUR_MS - 1)
    expect(await isSessionActive(secret)).toBe(true)
    for (let n = 0; n < 22; n++) {
      server.clock.advance(HOUR_MS / 2)
      expect(await isSessionActive(secret)).toBe(true)
    }
    server.clock.advance(1)
    expect(await isSessionActive(secret)).toBe(false)

    const idle = await signInUser(server, testUser)
    server.clock.advance(HOUR_MS)
    expect(await isSessionActive(idle.secret)).toBe(false)
    expect(await server.signInServices.sessions.list(idle.signedIn)).toEqual([])
  })

  test('is written as seen once a minute, not at each request', async () => {
    const { secret, signedIn } = await signInUser(server, testUser)
    const readSeenAt = async () => (await server.signInServices.sessions.list(signedIn))[0]?.seenAt
    const began = await readSeenAt()
    server.clock.advance(MINUTE_MS - 1)
    await findSignedInUser(server, secret)
    expect(await readSeenAt()).toBe(began)
    server.clock.advance(1)
    await findSignedInUser(server, secret)
    expect(await readSeenAt()).toBe(server.clock())
  })

  test('shows at once what an operator has changed: role, account, departure', async () => {
    const { secret } = await signInUser(server, testUser)
    unwrap(await server.users.setRole(testUser.user.id, 'member'))
    expect((await findSignedInUser(other, secret)).user.role).toBe('member')
    unwrap(await server.accounts.setStatus(testUser.accountId, 'closed'))
    expect(await isSessionActive(secret)).toBe(false)
    unwrap(await server.accounts.setStatus(testUser.accountId, 'open'))
    expect(await isSessionActive(secret)).toBe(true)
    unwrap(await server.users.deactivate(testUser.user.id))
    expect(await isSessionActive(secret)).toBe(false)
  })

  test('is over everywhere once it is signed out, and the others live on', async () => {
    const [one, two] = [await signInUser(server, testUser), await signInUser(server, testUser)]
    await server.signInServices.sessions.signOut(one.signedIn, createTestCaller())
    expect([await isSessionActive(one.secret), await isSessionActive(two.secret)]).toEqual([
      false,
      true,
    ])
    expect(
      await server.signInServices.sessions.signOutEverywhere(two.signedIn, createTestCaller()),
    ).toBe(1)
    expect(await isSessionActive(two.secret)).toBe(false)
  })

  test('is ended by its owner alone', async () => {
    const ownSession = await signInUser(server, testUser)
    const otherSession = await signInUser(server, await seedUser(server))
    const { sessions } = server.signInServices
    const theft = await sessions.end(
      ownSession.signedIn,
      otherSession.signedIn.session.id,
      createTestCaller(),
    )
    expect(theft).toMatchObject({ ok: false, failure: { reason: 'conflict' } })
    expect(await isSessionActive(otherSession.secret)).toBe(true)
    unwrap(
      await sessions.end(
        otherSession.signedIn,
        otherSession.signedIn.session.id,
        createTestCaller(),
      ),
    )
    expect(await isSessionActive(otherSession.secret)).toBe(false)
  })

  test('is ended by an operator, from the command line or elsewhere', async () => {
    const { secret } = await signInUser(server, testUser)
    expect(unwrap(await other.users.signOut(testUser.user.id)).ended).toBe(1)
    expect(await isSessionActive(secret, server)).toBe(false)
  })

  test('lives through a rotation of the key ring, and so does the token of its forms', async () => {
    const { secret } = await signInUser(server, testUser)
    const { sessions } = server.signInServices
    const token = sessions.createFormToken(secret)
    expect(sessions.isFormToken(secret, token)).toBe(true)
    const rotated = await rotateRing(nodePrimitives, server.ring, 'digest', server.clock())
    server.keyring.replace(rotated)
    expect(await isSessionActive(secret, server)).toBe(true)
    expect(sessions.isFormToken(secret, token)).toBe(true)
    expect(sessions.createFormToken(secret)).not.toBe(token)

    const stranger = await signInUser(server, testUser)
    for (const wrong of [
      '',
      token.slice(0, -1),
      `${token}x`,
      sessions.createFormToken(stranger.secret),
    ]) {
      expect(sessions.isFormToken(secret, wrong)).toBe(false)
    }
  })

  test('is in no file as it is in the cookie, nor is what its forms carry', async () => {
    const { secret } = await signInUser(server, testUser)
    const storedSession = await server.storage.findSession([secret], server.clock())
    expect(storedSession).toBe(null)
    const token = server.signInServices.sessions.createFormToken(secret)
    expect(await server.storage.findSession([token], server.clock())).toBe(null)
  })
})

describe('a new password', () => {
  test('takes the old one, ends every other session and every token, and no more the old is good', async () => {
    const [one, two] = [await signInUser(server, testUser), await signInUser(server, testUser)]
    const { passwords, apiTokens } = server.signInServices
    const token = unwrap(
      await apiTokens.issue(
        await reauthenticateUser(server, one.signedIn),
        { name: 'job', days: 1 },
        createTestCaller(),
      ),
    )

    unwrap(
      await passwords.change(
        await reauthenticateUser(server, one.signedIn),
        NEW_PASSWORD,
        createTestCaller(),
      ),
    )
    expect([await isSessionActive(one.secret), await isSessionActive(two.secret)]).toEqual([
      true,
      false,
    ])
    expect(await other.signInServices.sessions.find(token.secret, 'token')).toBe(null)

    const before = await server.signInServices.signIn(
      createSignInInput(testUser),
      createTestCaller(),
    )
    expect(before).toEqual({ ok: false, failure: { reason: 'wrong' } })
    await signInUser(server, { ...testUser, password: NEW_PASSWORD })
  })

  test.each([
    ['too short', 'short', /at least 15/],
    ['the username', null, /must not be a name/],
    ['the one before', PASSWORD, /current password/],
  ])('is not %s', async (_, newPassword, message) => {
    const { signedIn } = await signInUser(server, testUser)
    const proved = await reauthenticateUser(server, signedIn)
    const input = newPassword ?? testUser.username
    const changed = await server.signInServices.passwords.change(proved, input, createTestCaller())
    expect(changed).toMatchObject({ ok: false, failure: { reason: 'unfit', field: 'password' } })
    expect(JSON.stringify(changed)).toMatch(message)
  })
})

describe('a token of a person', () => {
  const input = { name: 'nightly report', days: 30 }

  test('acts for its user in programs until it expires or the user revokes it, seen or not', async () => {
    const { signedIn } = await signInUser(server, testUser)
    const { secret, token } = unwrap(
      await server.signInServices.apiTokens.issue(
        await reauthenticateUser(server, signedIn),
        input,
        createTestCaller(),
      ),
    )
    expect(await server.signInServices.sessions.list(signedIn)).toHaveLength(2)
    server.clock.advance(30 * DAY_MS - 1)
    expect((await findSignedInUser(other, secret, 'token')).user.id).toBe(testUser.user.id)
    server.clock.advance(1)
    expect(await other.signInServices.sessions.find(secret, 'token')).toBe(null)

    const secondSignIn = await signInUser(server, testUser)
    const second = unwrap(
      await server.signInServices.apiTokens.issue(
        await reauthenticateUser(server, secondSignIn.signedIn),
        input,
        createTestCaller(),
      ),
    )
    unwrap(
      await server.signInServices.sessions.end(
        secondSignIn.signedIn,
        second.token.id,
        createTestCaller(),
      ),
    )
    expect(await other.signInServices.sessions.find(second.secret, 'token')).toBe(null)
    expect(token.id).not.toBe(second.token.id)
  })

  test('is no browser’s session, nor the other way round', async () => {
    const { secret, signedIn } = await signInUser(server, testUser)
    const token = unwrap(
      await server.signInServices.apiTokens.issue(
        await reauthenticateUser(server, signedIn),
        input,
        createTestCaller(),
      ),
    )
    expect(await server.signInServices.sessions.find(token.secret, 'browser')).toBe(null)
    expect(await server.signInServices.sessions.find(secret, 'token')).toBe(null)
  })

  test.each([0, -1, 1.5, 367, Number.NaN, Number.POSITIVE_INFINITY])(
    'is not for %d days',
    async (days) => {
      const { signedIn } = await signInUser(server, testUser)
      const issued = await server.signInServices.apiTokens.issue(
        await reauthenticateUser(server, signedIn),
        { name: 'x', days },
        createTestCaller(),
      )
      expect(issued).toMatchObject({ failure: { reason: 'unfit', field: 'days' } })
    },
  )
})

test('every change of a user’s access is in the audit under that user’s id', async () => {
  const { signedIn } = await signInUser(server, testUser)
  const { sessions, passwords, apiTokens } = server.signInServices
  unwrap(
    await apiTokens.issue(
      await reauthenticateUser(server, signedIn),
      { name: 'job', days: 1 },
      createTestCaller(),
    ),
  )
  unwrap(
    await passwords.change(
      await reauthenticateUser(server, signedIn),
      NEW_PASSWORD,
      createTestCaller(),
    ),
  )
  const caller = createTestCaller('198.51.100.3')
  await sessions.signOut(signedIn, caller)
  const events = await server.storage.listEvents({ subject: testUser.user.id, limit: 100 })
  expect(events.map(({ action, actor }) => [action, actor]).reverse()).toEqual([
    ['user.created', 'operator'],
    ['user.invited', 'operator'],
    ...['user.first_password', 'session.started', 'user.token_issued'].map((action) => [
      ...[action, testUser.user.id],
    ]),
    ...['user.password_changed', 'session.ended'].map((action) => [action, testUser.user.id]),
  ])
  expect(events[0]).toMatchObject({
    requestId: caller.requestId,
    facts: { address: '198.51.100.3' },
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SignedInUser } from '../../../src/service/ports/sign-in.ts'
import { composeTestServer, createCountingArgon2 } from '../../support/composed-server.ts'
import { unwrap } from '../../support/server.ts'
import { MINUTE_MS } from '../../support/time.ts'
import {
  createSignInInput,
  createTestCaller,
  enrollTotpApp,
  findSignedInUser,
  generateTotpCode,
  PASSWORD,
  reauthenticateUser,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

const argon2 = createCountingArgon2()
let server: Awaited<ReturnType<typeof composeTestServer>>
let testUser: TestUser
let signedInUser: SignedInUser
beforeEach(async () => {
  server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  testUser = await seedUser(server)
  signedInUser = (await signInUser(server, testUser)).signedIn
})
afterEach(() => server.close())

async function reauthenticateStatus(password: string, code = '', of = signedInUser) {
  const answer = await server.signInServices.reauthenticate(
    of,
    { password, code },
    createTestCaller(),
  )
  return answer.ok ? 'proved' : answer.failure
}

const wrong = { reason: 'wrong' }
const codeWrong = { reason: 'code_wrong' }

describe('a signed-in user reauthenticates', () => {
  test('by the password, and by nothing else', async () => {
    expect(await reauthenticateStatus(PASSWORD)).toBe('proved')
    for (const other of ['', 'not it', `${PASSWORD} `, '\ud800', 'x'.repeat(5000)]) {
      expect([other, await reauthenticateStatus(other)]).toEqual([other, wrong])
      await reauthenticateStatus(PASSWORD)
    }
  })

  test('for as much work as at the sign-in, wrong or impossible', async () => {
    for (const other of ['not it', '\ud800']) {
      const before = argon2.verified
      await reauthenticateStatus(other)
      expect(argon2.verified - before).toBe(2)
    }
  })

  test('by the password and a code where there is a second factor: each code once, recovery codes too', async () => {
    const app = await enrollTotpApp(server, signedInUser)
    server.clock.advance(MINUTE_MS)
    const code = generateTotpCode(app.secret, server.clock())
    expect(await reauthenticateStatus(PASSWORD)).toEqual(codeWrong)
    expect(await reauthenticateStatus('not it', code)).toEqual(wrong)
    expect(await reauthenticateStatus(PASSWORD, '000000')).toEqual(codeWrong)
    expect(await reauthenticateStatus(PASSWORD, code)).toBe('proved')
    expect(await reauthenticateStatus(PASSWORD, code)).toEqual(codeWrong)
    expect(await reauthenticateStatus(PASSWORD, app.recoveryCodes[0])).toBe('proved')
    expect(await reauthenticateStatus(PASSWORD, app.recoveryCodes[0])).toEqual(codeWrong)
  })

  test('is not accepted as another user with the same username since', async () => {
    const other = await seedUser(server, { password: 'six other words that nobody guesses' })
    const before = testUser.username
    unwrap(await server.users.setUsername(testUser.user.id, `old-${before}`))
    unwrap(await server.users.setUsername(other.user.id, before))
    expect(await reauthenticateStatus('six other words that nobody guesses')).toEqual(wrong)
  })

  test('not after deactivation', async () => {
    unwrap(await server.users.deactivate(testUser.user.id))
    expect(await reauthenticateStatus(PASSWORD)).toEqual(wrong)
  })
})

describe('a stranger at an open browser', () => {
  test('guesses no faster than at the sign-in, and from both together no faster', async () => {
    for (let n = 0; n < 2; n++) expect(await reauthenticateStatus(`guess ${n}`)).toEqual(wrong)
    for (let n = 0; n < 3; n++) {
      await server.signInServices.signIn(
        createSignInInput({ ...testUser, password: `guess ${n}, too` }),
        createTestCaller(),
      )
    }
    const before = argon2.verified
    expect(await reauthenticateStatus(PASSWORD)).toEqual({ reason: 'locked', retryAfterSeconds: 1 })
    expect(argon2.verified).toBe(before)
    server.clock.advance(1000)
    expect(await reauthenticateStatus(PASSWORD)).toBe('proved')
  })

  test('guesses no code faster either', async () => {
    await enrollTotpApp(server, signedInUser)
    for (let n = 0; n < 5; n++)
      expect(await reauthenticateStatus(PASSWORD, '000000')).toEqual(codeWrong)
    expect(await reauthenticateStatus(PASSWORD, '000000')).toMatchObject({ reason: 'locked' })
  })

  test('is seen in the audit, by name', async () => {
    await reauthenticateStatus('a guess')
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: testUser.user.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'session.refused',
      facts: { reason: 'password_wrong', address: '203.0.113.7' },
    })
  })
})

test('a token proves nothing, whatever it sends: it is no way to further tokens', async () => {
  const input = { name: 'nightly report', days: 30 }
  const { secret } = unwrap(
    await server.signInServices.apiTokens.issue(
      await reauthenticateUser(server, signedInUser),
      input,
      createTestCaller(),
    ),
  )
  const program = await findSignedInUser(server, secret, 'token')
  expect(await reauthenticateStatus(PASSWORD, '', program)).toMatchObject({ reason: 'conflict' })
  expect(await server.signInServices.secondFactor.startSetup(program)).toMatchObject({
    failure: { reason: 'conflict' },
  })
})

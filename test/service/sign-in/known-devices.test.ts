import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/ring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { composeTestServer, createCountingArgon2 } from '../../support/composed-server.ts'
import { unwrap } from '../../support/server.ts'
import {
  createSignInInput,
  createTestCaller,
  enrollTotpApp,
  generateTotpCode,
  PASSWORD,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

/*
 * A device cookie marks a browser in which a user has signed in before.
 */

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const WRONG_PASSWORD = 'quite another sentence'
const NEW_PASSWORD = 'six other words that nobody guesses'
const HOME_ADDRESS = '203.0.113.7'

const argon2 = createCountingArgon2()
let server: Awaited<ReturnType<typeof composeTestServer>>
let testUser: TestUser
let device: string
beforeEach(async () => {
  server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  testUser = await seedUser(server)
  device = await signInForDevice(testUser)
})
afterEach(() => server.close())

const signInForDevice = async (eachUser: TestUser) =>
  unwrap(await server.signInServices.signIn(createSignInInput(eachUser), createTestCaller())).device

interface Try {
  readonly password?: string
  readonly device?: string | undefined
  readonly address?: string
}
async function signInStatus(
  eachUser: Pick<TestUser, 'username'>,
  { password = PASSWORD, device: mark, address }: Try,
) {
  const input = { ...createSignInInput({ ...eachUser, password }), device: mark }
  const answer = await server.signInServices.signIn(input, createTestCaller(address))
  return answer.ok ? 'in' : answer.failure
}

const wrong = { reason: 'wrong' }
const locked = { reason: 'locked' }

/** Until the name is locked, wherever one comes from. */
async function failSignIns({ username }: Pick<TestUser, 'username'>) {
  for (let n = 0; n < 60; n++) {
    const answer = await signInStatus(
      { username },
      { password: WRONG_PASSWORD, address: `192.0.2.${n}` },
    )
    if (answer !== 'in' && answer.reason === 'locked') break
  }
  expect(await signInStatus({ username }, {})).toMatchObject(locked)
}

describe('failures of strangers with a username', () => {
  test('never keep the user out of a browser that they have signed in with', async () => {
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device })).toBe('in')
    // The name stays locked for unknown browsers, while the known browser can still sign in.
    expect(await signInStatus(testUser, {})).toMatchObject(locked)
    expect(await signInStatus(testUser, { device, password: WRONG_PASSWORD })).toEqual(wrong)
    expect(await signInStatus(testUser, { device })).toBe('in')
  })

  test('do not keep the user out from their own address either', async () => {
    await server.close()
    server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    testUser = await seedUser(server)
    device = await signInForDevice(testUser)
    for (let n = 0; n < 20; n++)
      await signInStatus({ username: `name-${n}` }, { password: WRONG_PASSWORD })
    expect(await signInStatus(testUser, {})).toMatchObject(locked)
    expect(await signInStatus(testUser, { device })).toBe('in')
  })

  test('do not hinder the user in a session, nor at the second factor', async () => {
    const { signedIn } = await signInUser(server, testUser)
    const app = await enrollTotpApp(server, signedIn)
    await failSignIns(testUser)
    const reauthenticateStatus = (mark?: string) =>
      server.signInServices.reauthenticate(
        signedIn,
        { password: PASSWORD, code: app.recoveryCodes[0] ?? '', device: mark },
        createTestCaller(),
      )
    expect(await reauthenticateStatus()).toMatchObject({ failure: locked })
    unwrap(await reauthenticateStatus(device))

    server.clock.advance(MINUTE)
    await failSignIns(testUser)
    const asked = await server.signInServices.signIn(
      { ...createSignInInput(testUser), device },
      createTestCaller(),
    )
    if (asked.ok || asked.failure.reason !== 'code_needed') throw new Error('no code was needed')
    const code = generateTotpCode(app.secret, server.clock())
    const input = { ticket: asked.failure.ticket, code, userAgent: '' }
    expect(await server.signInServices.signInWithCode(input, createTestCaller())).toMatchObject({
      failure: locked,
    })
    unwrap(await server.signInServices.signInWithCode({ ...input, device }, createTestCaller()))
  })

  test('are forgotten when the user sets a new password by a link', async () => {
    await failSignIns(testUser)
    const { secret } = unwrap(await server.users.invite(testUser.user.id))
    unwrap(
      await server.signInServices.acceptInvitation(
        secret,
        { password: NEW_PASSWORD },
        createTestCaller(),
      ),
    )
    expect(await signInStatus(testUser, { password: NEW_PASSWORD })).toBe('in')
  })
})

describe('a browser that is known', () => {
  test('opens nothing: password and second factor are asked for as ever', async () => {
    expect(await signInStatus(testUser, { device, password: WRONG_PASSWORD })).toEqual(wrong)
    await enrollTotpApp(server, (await signInUser(server, testUser)).signedIn)
    expect(await signInStatus(testUser, { device })).toMatchObject({ reason: 'code_needed' })
  })

  test('is known for one name alone, and only by a mark that is whole', async () => {
    const other = await seedUser(server)
    await failSignIns(other)
    expect(await signInStatus(other, { device })).toMatchObject(locked)
    await failSignIns(testUser)
    const [until = '', nonce = '', ...digest] = device.split('.')
    for (const mark of [
      '',
      'x',
      '\0',
      '....',
      device.slice(0, -1),
      `${device}x`,
      [Number(until) + 1, nonce, ...digest].join('.'),
      [until, `${nonce}x`, ...digest].join('.'),
      [until, nonce].join('.'),
    ]) {
      expect([mark, await signInStatus(testUser, { device: mark })]).toMatchObject([mark, locked])
    }
    expect(await signInStatus(testUser, { device })).toBe('in')
  })

  test('reveals no existing usernames, by answer or by work', async () => {
    const nobody = { username: `user-${crypto.randomUUID()}` }
    const other = await seedUser(server)
    for (const eachUser of [nobody, other]) {
      for (let n = 0; n < 5; n++) {
        const before = argon2.verified
        expect(await signInStatus(eachUser, { device, password: WRONG_PASSWORD })).toEqual(wrong)
        expect(argon2.verified - before).toBe(2)
      }
      expect(await signInStatus(eachUser, { device, password: WRONG_PASSWORD })).toEqual({
        ...locked,
        retryAfterSeconds: 1,
      })
    }
  })

  test('is known for a year, through rotations of the key ring, and until the user has a new password', async () => {
    const rotated = await rotateRing(nodePrimitives, server.ring, 'digest', server.clock())
    server.keyring.replace(rotated)
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device })).toBe('in')

    const { signedIn } = unwrap(
      await server.signInServices.signIn(
        { ...createSignInInput(testUser), device },
        createTestCaller(),
      ),
    )
    const proof = { password: PASSWORD, code: '', device }
    const proved = unwrap(
      await server.signInServices.reauthenticate(signedIn, proof, createTestCaller()),
    )
    const next = unwrap(
      await server.signInServices.passwords.change(proved, NEW_PASSWORD, createTestCaller()),
    )
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device, password: NEW_PASSWORD })).toMatchObject(locked)
    expect(await signInStatus(testUser, { device: next, password: NEW_PASSWORD })).toBe('in')

    server.clock.advance(365 * DAY)
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device: next, password: NEW_PASSWORD })).toMatchObject(
      locked,
    )
  })

  test('is no longer known after a password was set by a link', async () => {
    const { secret } = unwrap(await server.users.invite(testUser.user.id))
    unwrap(
      await server.signInServices.acceptInvitation(
        secret,
        { password: NEW_PASSWORD },
        createTestCaller(),
      ),
    )
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device, password: NEW_PASSWORD })).toMatchObject(locked)
  })
})

describe('a thief of the cookie of a known browser', () => {
  test('has five guesses with it, and then those of every stranger, until a day has passed', async () => {
    for (let n = 0; n < 5; n++) {
      expect(
        await signInStatus(testUser, { device, password: WRONG_PASSWORD, address: HOME_ADDRESS }),
      ).toEqual(wrong)
    }
    // None of these were counted under the name: there, the fifth is the first that costs a wait.
    for (let n = 0; n < 5; n++) {
      expect(
        await signInStatus(testUser, { device, password: WRONG_PASSWORD, address: HOME_ADDRESS }),
      ).toEqual(wrong)
    }
    expect(await signInStatus(testUser, { device, address: HOME_ADDRESS })).toMatchObject(locked)
    server.clock.advance(DAY)
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device })).toBe('in')
  })

  test('gains nothing by a hundred at once', async () => {
    const before = argon2.verified
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        signInStatus(testUser, { device, password: `${WRONG_PASSWORD} ${n}` }),
      ),
    )
    const judged = answers.filter((answer) => answer !== 'in' && answer.reason === 'wrong')
    expect(judged.length).toBeLessThanOrEqual(10)
    expect(argon2.verified - before).toBe(2 * judged.length)
  })

  test('gets no further guesses by sign-ins of its owner, who gets a new cookie each time', async () => {
    for (let n = 0; n < 5; n++) await signInStatus(testUser, { device, password: WRONG_PASSWORD })
    const another = await signInForDevice(testUser)
    expect(another).not.toBe(device)
    await failSignIns(testUser)
    expect(await signInStatus(testUser, { device })).toMatchObject(locked)
    expect(await signInStatus(testUser, { device: another })).toBe('in')
  })
})

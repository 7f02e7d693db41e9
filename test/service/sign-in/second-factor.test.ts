import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/ring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import type { SignedInUser } from '../../../src/service/ports/sign-in.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { MINUTE_MS } from '../../support/time.ts'
import {
  createSignInInput,
  createTestCaller,
  enrollTotpApp,
  generateTotpCode,
  reauthenticateUser,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

let server: TestServer
let testUser: TestUser
let signedIn: SignedInUser
let app: Awaited<ReturnType<typeof enrollTotpApp>>
beforeEach(async () => {
  server = await createTestServer()
  testUser = await seedUser(server)
  signedIn = (await signInUser(server, testUser)).signedIn
  app = await enrollTotpApp(server, signedIn)
  server.clock.advance(MINUTE_MS)
})
afterEach(() => server.close())

const currentCode = () => generateTotpCode(app.secret, server.clock())

async function signInStatus(withCode: string | undefined) {
  const answer = await server.signInServices.signIn(
    { ...createSignInInput(testUser), code: withCode },
    createTestCaller(),
  )
  return answer.ok ? 'in' : answer.failure.reason
}

async function createTicket(): Promise<string> {
  const answer = await server.signInServices.signIn(createSignInInput(testUser), createTestCaller())
  if (answer.ok || answer.failure.reason !== 'code_needed') throw new Error('no code was needed')
  return answer.failure.ticket
}

const signInWithTicket = async (text: string, its: string) => {
  const answer = await server.signInServices.signInWithCode(
    { ticket: text, code: its, userAgent: '' },
    createTestCaller(),
  )
  return answer.ok ? 'in' : answer.failure.reason
}

describe('a second factor', () => {
  test('is asked for after the password, and taken with it or after it', async () => {
    expect(await signInStatus(undefined)).toBe('code_needed')
    expect(await signInStatus('000000')).toBe('code_wrong')
    expect(await signInStatus(currentCode())).toBe('in')
    server.clock.advance(MINUTE_MS)
    expect(await signInWithTicket(await createTicket(), currentCode())).toBe('in')
  })

  test('takes no code twice, whichever way it comes, nor one from before it', async () => {
    const first = currentCode()
    server.clock.advance(30_000)
    const second = currentCode()
    expect(await signInStatus(second)).toBe('in')
    expect(await signInStatus(second)).toBe('code_wrong')
    expect(await signInWithTicket(await createTicket(), second)).toBe('code_wrong')
    // Still within the window, and overtaken.
    expect(await signInStatus(first)).toBe('code_wrong')
  })

  test('takes no code that has confirmed the app', async () => {
    const other = await seedUser(server)
    const session = (await signInUser(server, other)).signedIn
    const { secret } = await enrollTotpApp(server, session)
    const shown = generateTotpCode(secret, server.clock())
    const tryTotpCode = async (text: string) => {
      const answer = await server.signInServices.signIn(
        { ...createSignInInput(other), code: text },
        createTestCaller(),
      )
      return answer.ok ? 'in' : answer.failure.reason
    }
    expect(await tryTotpCode(shown)).toBe('code_wrong')
    server.clock.advance(30_000)
    expect(await tryTotpCode(shown)).toBe('code_wrong')
    expect(await tryTotpCode(generateTotpCode(secret, server.clock()))).toBe('in')
  })

  test('of which wrong codes are tried delays its address, for every username', async () => {
    const strict = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '6' })
    const people = [await seedUser(strict), await seedUser(strict)]
    for (const each of people)
      await enrollTotpApp(strict, (await signInUser(strict, each)).signedIn)
    const tryTotpCode = async (each: TestUser, address: string) => {
      const answer = await strict.signInServices.signIn(
        { ...createSignInInput(each), code: '000000' },
        createTestCaller(address),
      )
      return answer.ok ? 'in' : answer.failure.reason
    }
    for (const each of people) {
      // Fewer than one name is held up for.
      for (let n = 0; n < 3; n++) {
        expect(await tryTotpCode(each, `2001:db8::${n}`)).toBe('code_wrong')
      }
    }
    const third = await seedUser(strict)
    expect(await tryTotpCode(third, '2001:db8::ffff')).toBe('locked')
    expect(await tryTotpCode(third, '2001:db8:0:1::1')).toBe('in')
    await strict.close()
  })

  test('accepts one of many concurrent uses of a code', async () => {
    const its = currentCode()
    const text = await createTicket()
    const answers = await Promise.all([1, 2, 3].map(() => signInWithTicket(text, its)))
    expect(answers.filter((answer) => answer === 'in')).toHaveLength(1)
  })

  test('is guessed at no faster than a password, the right one before it or not', async () => {
    for (let n = 0; n < 4; n++) expect(await signInStatus('000000')).toBe('code_wrong')
    expect(await signInStatus(undefined)).toBe('code_needed')
    expect(await signInStatus('000000')).toBe('locked')
    server.clock.advance(1000)
    const text = await createTicket()
    expect(await signInWithTicket(text, '000000')).toBe('locked')
  })

  test('has a ticket that is good for minutes, for one person, and until the password changes', async () => {
    const text = await createTicket()
    expect(await signInWithTicket(`${text.slice(0, -2)}AA`, currentCode())).toBe('wrong')
    expect(await signInWithTicket('', currentCode())).toBe('wrong')
    server.clock.advance(5 * MINUTE_MS)
    expect(await signInWithTicket(text, currentCode())).toBe('wrong')

    const fresh = await createTicket()
    const newPassword = 'six other words that nobody guesses'
    const proved = await reauthenticateUser(server, signedIn, app.recoveryCodes[0])
    unwrap(await server.signInServices.passwords.change(proved, newPassword, createTestCaller()))
    expect(await signInWithTicket(fresh, currentCode())).toBe('wrong')
  })

  test('has ten recovery codes, each good once, as they were written down', async () => {
    expect(new Set(app.recoveryCodes).size).toBe(10)
    const [first = '', second = ''] = app.recoveryCodes
    expect(first).toMatch(/^([A-Z0-9]{4}-){3}[A-Z0-9]{4}$/)
    expect(await signInStatus(first)).toBe('in')
    expect(await signInStatus(first)).toBe('code_wrong')
    expect(await signInStatus(second.toLowerCase().replaceAll('-', ' '))).toBe('in')
    expect(
      await server.signInServices.secondFactor.countUnusedRecoveryCodes(testUser.user.id),
    ).toBe(8)
  })

  test('accepts one of many concurrent uses of a recovery code', async () => {
    const text = await createTicket()
    const [its = ''] = app.recoveryCodes
    const answers = await Promise.all([1, 2, 3].map(() => signInWithTicket(text, its)))
    expect(answers.filter((answer) => answer === 'in')).toHaveLength(1)
  })

  test('lives through a rotation of the key ring, recovery codes too', async () => {
    let { ring } = server
    for (const use of ['seal', 'digest'] as const) {
      ring = await rotateRing(nodePrimitives, ring, use, server.clock())
    }
    server.keyring.replace(ring)
    expect(await signInStatus(currentCode())).toBe('in')
    expect(await signInStatus(app.recoveryCodes[0])).toBe('in')
  })

  test('is removed by its owner, or by an operator if it was lost', async () => {
    const { secondFactor } = server.signInServices
    unwrap(
      await secondFactor.remove(
        await reauthenticateUser(server, signedIn, currentCode()),
        createTestCaller(),
      ),
    )
    expect(await signInStatus(undefined)).toBe('in')
    expect(await signInStatus(app.recoveryCodes[0])).toBe('in')

    await enrollTotpApp(server, signedIn)
    expect(await signInStatus(undefined)).toBe('code_needed')
    unwrap(await server.users.resetSecondFactor(testUser.user.id))
    expect(await signInStatus(undefined)).toBe('in')
    const secondReset = await server.users.resetSecondFactor(testUser.user.id)
    expect(secondReset).toMatchObject({ failure: { problem: 'conflict' } })
  })
})

describe('setting up an app', () => {
  test('is refused while there is one: a stranger at an open browser cannot replace it', async () => {
    const { secondFactor } = server.signInServices
    const conflict = { ok: false, failure: { reason: 'conflict' } }
    expect(await secondFactor.startSetup(signedIn)).toMatchObject(conflict)
    const proved = await reauthenticateUser(server, signedIn, app.recoveryCodes[0])
    const late = await secondFactor.confirmSetup(
      proved,
      { pending: 'x', code: currentCode() },
      createTestCaller(),
    )
    expect(late).toMatchObject(conflict)
  })

  test('stores nothing until the same user enters the right code of the app within the hour', async () => {
    const { secondFactor } = server.signInServices
    const owner = (await signInUser(server, await seedUser(server))).signedIn
    const stranger = (await signInUser(server, await seedUser(server))).signedIn
    const { pending, secret, uri, qr } = unwrap(await secondFactor.startSetup(owner))
    expect(uri).toContain(secret)
    expect(qr.path).toMatch(/^M4 4h7v1h-7z/)
    expect(pending).not.toContain(secret)
    const confirmApp = async (of: SignedInUser, its: string) =>
      secondFactor.confirmSetup(
        await reauthenticateUser(server, of),
        { pending, code: its },
        createTestCaller(),
      )

    expect(await confirmApp(owner, '000000')).toMatchObject({ failure: { field: 'code' } })
    const right = generateTotpCode(secret, server.clock())
    expect(await confirmApp(stranger, right)).toMatchObject({ failure: { reason: 'conflict' } })
    expect(await secondFactor.countUnusedRecoveryCodes(owner.user.id)).toBe(null)
    server.clock.advance(60 * MINUTE_MS)
    const late = generateTotpCode(secret, server.clock())
    expect(await confirmApp(owner, late)).toMatchObject({ failure: { reason: 'conflict' } })
  })
})

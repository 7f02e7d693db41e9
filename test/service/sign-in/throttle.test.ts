import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { composeTestServer, createCountingArgon2 } from '../../support/composed-server.ts'
import { DAY_MS } from '../../support/time.ts'
import {
  createSignInInput,
  createTestCaller,
  PASSWORD,
  seedUser,
  type TestUser,
} from '../../support/users.ts'

let argon2: ReturnType<typeof createCountingArgon2>
let server: Awaited<ReturnType<typeof composeTestServer>>
let testUser: TestUser
beforeEach(async () => {
  argon2 = createCountingArgon2()
  server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  testUser = await seedUser(server)
})
afterEach(() => server.close())

async function signInStatus(
  username: string,
  password = 'quite another sentence',
  address?: string,
) {
  const answer = await server.signInServices.signIn(
    createSignInInput({ username, password }),
    createTestCaller(address),
  )
  return answer.ok ? 'in' : answer.failure
}

const EXPECTED_WRONG = { reason: 'wrong' }
const expectedLocked = (retryAfterSeconds: number) => ({ reason: 'locked', retryAfterSeconds })

describe('a caller that fails to sign in repeatedly', () => {
  test.each(['somebody', 'nobody'])('waits longer each time, as %s', async (who) => {
    const name = who === 'somebody' ? testUser.username : 'nobody-at-all'
    for (let n = 0; n < 5; n++) expect(await signInStatus(name)).toEqual(EXPECTED_WRONG)
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
      expect(await signInStatus(name)).toEqual(expectedLocked(seconds))
      server.clock.advance(seconds * 1000 - 1)
      expect(await signInStatus(name)).toEqual(expectedLocked(1))
      server.clock.advance(1)
      expect(await signInStatus(name)).toEqual(EXPECTED_WRONG)
    }
  })

  test('is refused with the right password too until the lock ends, without work', async () => {
    for (let n = 0; n < 5; n++) await signInStatus(testUser.username)
    const before = argon2.verified
    expect(await signInStatus(testUser.username, PASSWORD)).toEqual(expectedLocked(1))
    expect(argon2.verified).toBe(before)
    server.clock.advance(1000)
    expect(await signInStatus(testUser.username, PASSWORD)).toBe('in')
  })

  test('has all attempts again after a success, and after a day', async () => {
    for (let n = 0; n < 4; n++) await signInStatus(testUser.username)
    expect(await signInStatus(testUser.username, PASSWORD)).toBe('in')
    for (let n = 0; n < 5; n++)
      expect(await signInStatus(testUser.username)).toEqual(EXPECTED_WRONG)
    expect(await signInStatus(testUser.username)).toEqual(expectedLocked(1))
    server.clock.advance(DAY_MS)
    for (let n = 0; n < 5; n++)
      expect(await signInStatus(testUser.username)).toEqual(EXPECTED_WRONG)
    expect(await signInStatus(testUser.username)).toEqual(expectedLocked(1))
  })

  test('does not lock out other addresses, until failures come from many', async () => {
    for (let n = 0; n < 5; n++) await signInStatus(testUser.username, 'x', '198.51.100.1')
    expect(await signInStatus(testUser.username, 'x', '198.51.100.1')).toEqual(expectedLocked(1))
    // One household has a /64 of addresses, and is one place.
    for (let n = 0; n < 5; n++) await signInStatus(testUser.username, 'x', `2001:db8::${n}`)
    expect(await signInStatus(testUser.username, 'x', '2001:db8::ffff')).toEqual(expectedLocked(1))
    for (let n = 10; n < 50; n++) await signInStatus(testUser.username, 'x', `192.0.2.${n}`)
    expect(await signInStatus(testUser.username, PASSWORD, '203.0.113.99')).toEqual(
      expectedLocked(1),
    )
    server.clock.advance(1000)
    expect(await signInStatus(testUser.username, PASSWORD, '203.0.113.99')).toBe('in')
  })

  test('has no more attempts in a hundred concurrent requests', async () => {
    const before = argon2.verified
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        signInStatus(testUser.username, `guess number ${n}, long`),
      ),
    )
    const judged = answers.filter((answer) => answer !== 'in' && answer.reason === 'wrong')
    expect(judged.length).toBeLessThanOrEqual(5)
    expect(argon2.verified - before).toBe(2 * judged.length)
  })

  test('is limited by its address, whatever usernames it tries', async () => {
    await server.close()
    server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    for (let n = 0; n < 10; n++) expect(await signInStatus(`name-${n}`)).toEqual(EXPECTED_WRONG)
    expect(await signInStatus('another')).toEqual(expectedLocked(300))
  })

  test('is stopped by its address when it tries a hundred names at once', async () => {
    await server.close()
    server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    const before = argon2.verified
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => signInStatus(`name-${n}`)),
    )
    const isWrongAnswer = (answer: (typeof answers)[number]) =>
      answer !== 'in' && answer.reason === 'wrong'
    const judged = answers.filter(isWrongAnswer)
    // Those that two cores have begun when the tenth is counted are judged too.
    expect(judged.length).toBeLessThanOrEqual(14)
    expect(argon2.verified - before).toBe(2 * judged.length)
    expect(answers.filter((answer) => !isWrongAnswer(answer))).toEqual(
      Array(100 - judged.length).fill(expectedLocked(300)),
    )
  })
})

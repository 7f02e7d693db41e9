import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { SignedIn } from '../../../src/service/ports/people.ts'
import { composedServer, countingArgon2 } from '../../support/composed.ts'
import {
  codeAt,
  from,
  got,
  himself,
  PASSWORD,
  type Person,
  seedPerson,
  seen,
  setUpApp,
  signIn,
  typed,
} from '../../support/people.ts'
import { done } from '../../support/server.ts'

const MINUTE = 60_000

const argon2 = countingArgon2()
let server: Awaited<ReturnType<typeof composedServer>>
let person: Person
let who: SignedIn
beforeEach(async () => {
  server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  person = await seedPerson(server)
  who = (await signIn(server, person)).signedIn
})
afterEach(() => server.close())

async function proves(password: string, code = '', of = who) {
  const answer = await server.access.again(of, { password, code }, from())
  return answer.ok ? 'proved' : answer.failure
}

const wrong = { reason: 'wrong' }
const codeWrong = { reason: 'code_wrong' }

describe('who is signed in proves that it is he', () => {
  test('by his password, and by nothing else', async () => {
    expect(await proves(PASSWORD)).toBe('proved')
    for (const other of ['', 'not it', `${PASSWORD} `, '\ud800', 'x'.repeat(5000)]) {
      expect([other, await proves(other)]).toEqual([other, wrong])
      await proves(PASSWORD)
    }
  })

  test('for as much work as at the sign-in, wrong or impossible', async () => {
    for (const other of ['not it', '\ud800']) {
      const before = argon2.verified
      await proves(other)
      expect(argon2.verified - before).toBe(2)
    }
  })

  test('by a code too where he has a second factor, each once, a recovery code as well', async () => {
    const app = await setUpApp(server, who)
    server.clock.turn(MINUTE)
    const code = codeAt(app.secret, server.clock())
    expect(await proves(PASSWORD)).toEqual(codeWrong)
    expect(await proves('not it', code)).toEqual(wrong)
    expect(await proves(PASSWORD, '000000')).toEqual(codeWrong)
    expect(await proves(PASSWORD, code)).toBe('proved')
    expect(await proves(PASSWORD, code)).toEqual(codeWrong)
    expect(await proves(PASSWORD, app.recoveryCodes[0])).toBe('proved')
    expect(await proves(PASSWORD, app.recoveryCodes[0])).toEqual(codeWrong)
  })

  test('not as somebody who has his username by now', async () => {
    const other = await seedPerson(server, { password: 'six other words that nobody guesses' })
    const before = person.username
    done(await server.people.setUsername(person.user.id, `old-${before}`))
    done(await server.people.setUsername(other.user.id, before))
    expect(await proves('six other words that nobody guesses')).toEqual(wrong)
  })

  test('no longer when he has left', async () => {
    done(await server.accounts.leave(person.user.id))
    expect(await proves(PASSWORD)).toEqual(wrong)
  })
})

describe('who sits down at a browser that was left open', () => {
  test('guesses no faster than at the sign-in, and from both together no faster', async () => {
    for (let n = 0; n < 2; n++) expect(await proves(`guess ${n}`)).toEqual(wrong)
    for (let n = 0; n < 3; n++) {
      await server.access.signIn(typed({ ...person, password: `guess ${n}, too` }), from())
    }
    const before = argon2.verified
    expect(await proves(PASSWORD)).toEqual({ reason: 'locked', retryAfterSeconds: 1 })
    expect(argon2.verified).toBe(before)
    server.clock.turn(1000)
    expect(await proves(PASSWORD)).toBe('proved')
  })

  test('guesses no code faster either', async () => {
    await setUpApp(server, who)
    for (let n = 0; n < 5; n++) expect(await proves(PASSWORD, '000000')).toEqual(codeWrong)
    expect(await proves(PASSWORD, '000000')).toMatchObject({ reason: 'locked' })
  })

  test('is seen in the audit, by name', async () => {
    await proves('a guess')
    await server.record()
    const [event] = await server.storage.listEvents({ subject: person.user.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'session.refused',
      facts: { reason: 'password_wrong', address: '203.0.113.7' },
    })
  })
})

test('a token proves nothing, whatever it sends: it is no way to further tokens', async () => {
  const wish = { name: 'nightly report', days: 30 }
  const { secret } = got(await server.access.tokens.issue(await himself(server, who), wish, from()))
  const program = await seen(server, secret, 'token')
  expect(await proves(PASSWORD, '', program)).toMatchObject({ reason: 'conflict' })
  expect(await server.access.secondFactor.begin(program)).toMatchObject({
    failure: { reason: 'conflict' },
  })
})

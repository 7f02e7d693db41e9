import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/keyring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { composedServer, countingArgon2 } from '../../support/composed.ts'
import {
  codeAt,
  from,
  got,
  PASSWORD,
  type Person,
  seedPerson,
  setUpApp,
  signIn,
  typed,
} from '../../support/people.ts'
import { done } from '../../support/server.ts'

/*
 * What a browser is known by after somebody has signed in there.
 */

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const GUESS = 'quite another sentence'
const WISHED = 'six other words that nobody guesses'
const HOME = '203.0.113.7'

const argon2 = countingArgon2()
let server: Awaited<ReturnType<typeof composedServer>>
let person: Person
let device: string
beforeEach(async () => {
  server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  person = await seedPerson(server)
  device = await known(person)
})
afterEach(() => server.close())

const known = async (who: Person) => got(await server.access.signIn(typed(who), from())).device

interface Try {
  readonly password?: string
  readonly device?: string | undefined
  readonly address?: string
}
async function tries(
  who: Pick<Person, 'username'>,
  { password = PASSWORD, device: mark, address }: Try,
) {
  const wish = { ...typed({ ...who, password }), device: mark }
  const answer = await server.access.signIn(wish, from(address))
  return answer.ok ? 'in' : answer.failure
}

const wrong = { reason: 'wrong' }
const locked = { reason: 'locked' }

/** Until the name is locked, wherever one comes from. */
async function strangersFail({ username }: Pick<Person, 'username'>) {
  for (let n = 0; n < 60; n++) {
    const answer = await tries({ username }, { password: GUESS, address: `192.0.2.${n}` })
    if (answer !== 'in' && answer.reason === 'locked') break
  }
  expect(await tries({ username }, {})).toMatchObject(locked)
}

describe('strangers who fail under a name', () => {
  test('never keep its owner out of the browser that he has signed in with', async () => {
    await strangersFail(person)
    expect(await tries(person, { device })).toBe('in')
    // It is still locked for everybody else, and he is still let in.
    expect(await tries(person, {})).toMatchObject(locked)
    expect(await tries(person, { device, password: GUESS })).toEqual(wrong)
    expect(await tries(person, { device })).toBe('in')
  })

  test('do not do so from his own address either', async () => {
    await server.close()
    server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    person = await seedPerson(server)
    device = await known(person)
    for (let n = 0; n < 20; n++) await tries({ username: `name-${n}` }, { password: GUESS })
    expect(await tries(person, {})).toMatchObject(locked)
    expect(await tries(person, { device })).toBe('in')
  })

  test('do not hinder him in his session, nor at his second factor', async () => {
    const { signedIn } = await signIn(server, person)
    const app = await setUpApp(server, signedIn)
    await strangersFail(person)
    const proves = (mark?: string) =>
      server.access.again(
        signedIn,
        { password: PASSWORD, code: app.recoveryCodes[0] ?? '', device: mark },
        from(),
      )
    expect(await proves()).toMatchObject({ failure: locked })
    got(await proves(device))

    server.clock.turn(MINUTE)
    await strangersFail(person)
    const asked = await server.access.signIn({ ...typed(person), device }, from())
    if (asked.ok || asked.failure.reason !== 'code_needed') throw new Error('no code was needed')
    const code = codeAt(app.secret, server.clock())
    const wish = { ticket: asked.failure.ticket, code, userAgent: '' }
    expect(await server.access.signInWithCode(wish, from())).toMatchObject({ failure: locked })
    got(await server.access.signInWithCode({ ...wish, device }, from()))
  })

  test('are forgotten when he sets a new password by a link', async () => {
    await strangersFail(person)
    const { secret } = done(await server.people.invite(person.user.id))
    got(await server.access.accept(secret, { password: WISHED }, from()))
    expect(await tries(person, { password: WISHED })).toBe('in')
  })
})

describe('a browser that is known', () => {
  test('opens nothing: password and second factor are asked for as ever', async () => {
    expect(await tries(person, { device, password: GUESS })).toEqual(wrong)
    await setUpApp(server, (await signIn(server, person)).signedIn)
    expect(await tries(person, { device })).toMatchObject({ reason: 'code_needed' })
  })

  test('is known for one name alone, and only by a mark that is whole', async () => {
    const other = await seedPerson(server)
    await strangersFail(other)
    expect(await tries(other, { device })).toMatchObject(locked)
    await strangersFail(person)
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
      expect([mark, await tries(person, { device: mark })]).toMatchObject([mark, locked])
    }
    expect(await tries(person, { device })).toBe('in')
  })

  test('tells nothing about which names there are, by answer or by work', async () => {
    const nobody = { username: `user-${crypto.randomUUID()}` }
    const other = await seedPerson(server)
    for (const who of [nobody, other]) {
      for (let n = 0; n < 5; n++) {
        const before = argon2.verified
        expect(await tries(who, { device, password: GUESS })).toEqual(wrong)
        expect(argon2.verified - before).toBe(2)
      }
      expect(await tries(who, { device, password: GUESS })).toEqual({
        ...locked,
        retryAfterSeconds: 1,
      })
    }
  })

  test('is known for a year, through rotations of the key ring, and until he has a new password', async () => {
    const rotated = await rotateRing(nodePrimitives, server.ring, 'digest', server.clock())
    server.keyring.replace(rotated)
    await strangersFail(person)
    expect(await tries(person, { device })).toBe('in')

    const { signedIn } = got(await server.access.signIn({ ...typed(person), device }, from()))
    const proof = { password: PASSWORD, code: '', device }
    const proved = got(await server.access.again(signedIn, proof, from()))
    const next = got(await server.access.passwords.change(proved, WISHED, from()))
    await strangersFail(person)
    expect(await tries(person, { device, password: WISHED })).toMatchObject(locked)
    expect(await tries(person, { device: next, password: WISHED })).toBe('in')

    server.clock.turn(365 * DAY)
    await strangersFail(person)
    expect(await tries(person, { device: next, password: WISHED })).toMatchObject(locked)
  })

  test('is no longer known to who has set a password by a link', async () => {
    const { secret } = done(await server.people.invite(person.user.id))
    got(await server.access.accept(secret, { password: WISHED }, from()))
    await strangersFail(person)
    expect(await tries(person, { device, password: WISHED })).toMatchObject(locked)
  })
})

describe('who has copied the mark of a browser', () => {
  test('guesses five times with it, then as anybody does, until a day has passed', async () => {
    for (let n = 0; n < 5; n++) {
      expect(await tries(person, { device, password: GUESS, address: HOME })).toEqual(wrong)
    }
    // None of these were counted under the name: there, the fifth is the first that costs a wait.
    for (let n = 0; n < 5; n++) {
      expect(await tries(person, { device, password: GUESS, address: HOME })).toEqual(wrong)
    }
    expect(await tries(person, { device, address: HOME })).toMatchObject(locked)
    server.clock.turn(DAY)
    await strangersFail(person)
    expect(await tries(person, { device })).toBe('in')
  })

  test('gains nothing by a hundred at once', async () => {
    const before = argon2.verified
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => tries(person, { device, password: `${GUESS} ${n}` })),
    )
    const judged = answers.filter((answer) => answer !== 'in' && answer.reason === 'wrong')
    expect(judged.length).toBeLessThanOrEqual(10)
    expect(argon2.verified - before).toBe(2 * judged.length)
  })

  test('is not let go on by its owner, who gets another one each time', async () => {
    for (let n = 0; n < 5; n++) await tries(person, { device, password: GUESS })
    const another = await known(person)
    expect(another).not.toBe(device)
    await strangersFail(person)
    expect(await tries(person, { device })).toMatchObject(locked)
    expect(await tries(person, { device: another })).toBe('in')
  })
})

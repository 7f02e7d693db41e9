import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { rotateRing } from '../../../src/crypto/keyring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import type { SignedIn } from '../../../src/service/ports/people.ts'
import {
  codeAt,
  from,
  got,
  himself,
  type Person,
  seedPerson,
  setUpApp,
  signIn,
  typed,
} from '../../support/people.ts'
import { done, type TestServer, testServer } from '../../support/server.ts'

const MINUTE = 60_000

let server: TestServer
let person: Person
let who: SignedIn
let app: Awaited<ReturnType<typeof setUpApp>>
beforeEach(async () => {
  server = await testServer()
  person = await seedPerson(server)
  who = (await signIn(server, person)).signedIn
  app = await setUpApp(server, who)
  server.clock.turn(MINUTE)
})
afterEach(() => server.close())

const code = () => codeAt(app.secret, server.clock())

async function comesIn(withCode: string | undefined) {
  const answer = await server.access.signIn({ ...typed(person), code: withCode }, from())
  return answer.ok ? 'in' : answer.failure.reason
}

async function ticket(): Promise<string> {
  const answer = await server.access.signIn(typed(person), from())
  if (answer.ok || answer.failure.reason !== 'code_needed') throw new Error('no code was needed')
  return answer.failure.ticket
}

const withTicket = async (text: string, its: string) => {
  const answer = await server.access.signInWithCode(
    { ticket: text, code: its, userAgent: '' },
    from(),
  )
  return answer.ok ? 'in' : answer.failure.reason
}

describe('a second factor', () => {
  test('is asked for after the password, and taken with it or after it', async () => {
    expect(await comesIn(undefined)).toBe('code_needed')
    expect(await comesIn('000000')).toBe('code_wrong')
    expect(await comesIn(code())).toBe('in')
    server.clock.turn(MINUTE)
    expect(await withTicket(await ticket(), code())).toBe('in')
  })

  test('takes no code twice, whichever way it comes, nor one from before it', async () => {
    const first = code()
    server.clock.turn(30_000)
    const second = code()
    expect(await comesIn(second)).toBe('in')
    expect(await comesIn(second)).toBe('code_wrong')
    expect(await withTicket(await ticket(), second)).toBe('code_wrong')
    // Still within the window, and overtaken.
    expect(await comesIn(first)).toBe('code_wrong')
  })

  test('takes no code that has confirmed the app', async () => {
    const other = await seedPerson(server)
    const session = (await signIn(server, other)).signedIn
    const { secret } = await setUpApp(server, session)
    const shown = codeAt(secret, server.clock())
    const tryCode = async (text: string) => {
      const answer = await server.access.signIn({ ...typed(other), code: text }, from())
      return answer.ok ? 'in' : answer.failure.reason
    }
    expect(await tryCode(shown)).toBe('code_wrong')
    server.clock.turn(30_000)
    expect(await tryCode(shown)).toBe('code_wrong')
    expect(await tryCode(codeAt(secret, server.clock()))).toBe('in')
  })

  test('of which wrong codes are tried delays its address, for every username', async () => {
    const strict = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '6' })
    const people = [await seedPerson(strict), await seedPerson(strict)]
    for (const each of people) await setUpApp(strict, (await signIn(strict, each)).signedIn)
    const tryCode = async (each: Person, address: string) => {
      const answer = await strict.access.signIn({ ...typed(each), code: '000000' }, from(address))
      return answer.ok ? 'in' : answer.failure.reason
    }
    for (const each of people) {
      // Fewer than one name is held up for.
      for (let n = 0; n < 3; n++) {
        expect(await tryCode(each, `2001:db8::${n}`)).toBe('code_wrong')
      }
    }
    const third = await seedPerson(strict)
    expect(await tryCode(third, '2001:db8::ffff')).toBe('locked')
    expect(await tryCode(third, '2001:db8:0:1::1')).toBe('in')
    await strict.close()
  })

  test('lets one in of many who use one code at once', async () => {
    const its = code()
    const text = await ticket()
    const answers = await Promise.all([1, 2, 3].map(() => withTicket(text, its)))
    expect(answers.filter((answer) => answer === 'in')).toHaveLength(1)
  })

  test('is guessed at no faster than a password, the right one before it or not', async () => {
    for (let n = 0; n < 4; n++) expect(await comesIn('000000')).toBe('code_wrong')
    expect(await comesIn(undefined)).toBe('code_needed')
    expect(await comesIn('000000')).toBe('locked')
    server.clock.turn(1000)
    const text = await ticket()
    expect(await withTicket(text, '000000')).toBe('locked')
  })

  test('has a ticket that is good for minutes, for one person, and until the password changes', async () => {
    const text = await ticket()
    expect(await withTicket(`${text.slice(0, -2)}AA`, code())).toBe('wrong')
    expect(await withTicket('', code())).toBe('wrong')
    server.clock.turn(5 * MINUTE)
    expect(await withTicket(text, code())).toBe('wrong')

    const fresh = await ticket()
    const wished = 'six other words that nobody guesses'
    const proved = await himself(server, who, app.recoveryCodes[0])
    got(await server.access.passwords.change(proved, wished, from()))
    expect(await withTicket(fresh, code())).toBe('wrong')
  })

  test('has ten recovery codes, each good once, as they were written down', async () => {
    expect(new Set(app.recoveryCodes).size).toBe(10)
    const [first = '', second = ''] = app.recoveryCodes
    expect(first).toMatch(/^([A-Z0-9]{4}-){3}[A-Z0-9]{4}$/)
    expect(await comesIn(first)).toBe('in')
    expect(await comesIn(first)).toBe('code_wrong')
    expect(await comesIn(second.toLowerCase().replaceAll('-', ' '))).toBe('in')
    expect(await server.access.secondFactor.left(person.user.id)).toBe(8)
  })

  test('lets one in of many who use one recovery code at once', async () => {
    const text = await ticket()
    const [its = ''] = app.recoveryCodes
    const answers = await Promise.all([1, 2, 3].map(() => withTicket(text, its)))
    expect(answers.filter((answer) => answer === 'in')).toHaveLength(1)
  })

  test('lives through a rotation of the key ring, recovery codes too', async () => {
    let { ring } = server
    for (const use of ['seal', 'digest'] as const) {
      ring = await rotateRing(nodePrimitives, ring, use, server.clock())
    }
    server.keyring.replace(ring)
    expect(await comesIn(code())).toBe('in')
    expect(await comesIn(app.recoveryCodes[0])).toBe('in')
  })

  test('is removed by its owner, and by an operator for who has lost all', async () => {
    const { secondFactor } = server.access
    got(await secondFactor.remove(await himself(server, who, code()), from()))
    expect(await comesIn(undefined)).toBe('in')
    expect(await comesIn(app.recoveryCodes[0])).toBe('in')

    await setUpApp(server, who)
    expect(await comesIn(undefined)).toBe('code_needed')
    done(await server.people.resetSecondFactor(person.user.id))
    expect(await comesIn(undefined)).toBe('in')
    const again = await server.people.resetSecondFactor(person.user.id)
    expect(again).toMatchObject({ failure: { problem: 'conflict' } })
  })
})

describe('setting up an app', () => {
  test('is refused while there is one: who finds a browser open cannot put his own in its place', async () => {
    const { secondFactor } = server.access
    const conflict = { ok: false, failure: { reason: 'conflict' } }
    expect(await secondFactor.begin(who)).toMatchObject(conflict)
    const proved = await himself(server, who, app.recoveryCodes[0])
    const late = await secondFactor.confirm(proved, { pending: 'x', code: code() }, from())
    expect(late).toMatchObject(conflict)
  })

  test('keeps nothing until the app has shown the right code, to him and within the hour', async () => {
    const { secondFactor } = server.access
    const him = (await signIn(server, await seedPerson(server))).signedIn
    const stranger = (await signIn(server, await seedPerson(server))).signedIn
    const { pending, secret, uri, qr } = got(await secondFactor.begin(him))
    expect(uri).toContain(secret)
    expect(qr.path).toMatch(/^M4 4h7v1h-7z/)
    expect(pending).not.toContain(secret)
    const confirm = async (of: SignedIn, its: string) =>
      secondFactor.confirm(await himself(server, of), { pending, code: its }, from())

    expect(await confirm(him, '000000')).toMatchObject({ failure: { field: 'code' } })
    const right = codeAt(secret, server.clock())
    expect(await confirm(stranger, right)).toMatchObject({ failure: { reason: 'conflict' } })
    expect(await secondFactor.left(him.user.id)).toBe(null)
    server.clock.turn(60 * MINUTE)
    const late = codeAt(secret, server.clock())
    expect(await confirm(him, late)).toMatchObject({ failure: { reason: 'conflict' } })
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { composedServer, countingArgon2 } from '../../support/composed.ts'
import { from, PASSWORD, type Person, seedPerson, typed } from '../../support/people.ts'

const DAY = 24 * 60 * 60 * 1000

let argon2: ReturnType<typeof countingArgon2>
let server: Awaited<ReturnType<typeof composedServer>>
let person: Person
beforeEach(async () => {
  argon2 = countingArgon2()
  server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  person = await seedPerson(server)
})
afterEach(() => server.close())

async function tries(username: string, password = 'quite another sentence', address?: string) {
  const answer = await server.access.signIn(typed({ username, password }), from(address))
  return answer.ok ? 'in' : answer.failure
}

const wrong = { reason: 'wrong' }
const locked = (retryAfterSeconds: number) => ({ reason: 'locked', retryAfterSeconds })

describe('who is wrong again and again', () => {
  test.each(['somebody', 'nobody'])('waits longer each time, as %s', async (who) => {
    const name = who === 'somebody' ? person.username : 'nobody-at-all'
    for (let n = 0; n < 5; n++) expect(await tries(name)).toEqual(wrong)
    for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
      expect(await tries(name)).toEqual(locked(seconds))
      server.clock.turn(seconds * 1000 - 1)
      expect(await tries(name)).toEqual(locked(1))
      server.clock.turn(1)
      expect(await tries(name)).toEqual(wrong)
    }
  })

  test('is not let in early by the right password, and costs no work while it waits', async () => {
    for (let n = 0; n < 5; n++) await tries(person.username)
    const before = argon2.verified
    expect(await tries(person.username, PASSWORD)).toEqual(locked(1))
    expect(argon2.verified).toBe(before)
    server.clock.turn(1000)
    expect(await tries(person.username, PASSWORD)).toBe('in')
  })

  test('begins anew after it went well, and after a day', async () => {
    for (let n = 0; n < 4; n++) await tries(person.username)
    expect(await tries(person.username, PASSWORD)).toBe('in')
    for (let n = 0; n < 5; n++) expect(await tries(person.username)).toEqual(wrong)
    expect(await tries(person.username)).toEqual(locked(1))
    server.clock.turn(DAY)
    for (let n = 0; n < 5; n++) expect(await tries(person.username)).toEqual(wrong)
    expect(await tries(person.username)).toEqual(locked(1))
  })

  test('does not lock out who comes from elsewhere, until it comes from everywhere', async () => {
    for (let n = 0; n < 5; n++) await tries(person.username, 'x', '198.51.100.1')
    expect(await tries(person.username, 'x', '198.51.100.1')).toEqual(locked(1))
    // One household has a /64 of addresses, and is one place.
    for (let n = 0; n < 5; n++) await tries(person.username, 'x', `2001:db8::${n}`)
    expect(await tries(person.username, 'x', '2001:db8::ffff')).toEqual(locked(1))
    for (let n = 10; n < 50; n++) await tries(person.username, 'x', `192.0.2.${n}`)
    expect(await tries(person.username, PASSWORD, '203.0.113.99')).toEqual(locked(1))
    server.clock.turn(1000)
    expect(await tries(person.username, PASSWORD, '203.0.113.99')).toBe('in')
  })

  test('gains nothing by trying a hundred times at once', async () => {
    const before = argon2.verified
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => tries(person.username, `guess number ${n}, long`)),
    )
    const judged = answers.filter((answer) => answer !== 'in' && answer.reason === 'wrong')
    expect(judged.length).toBeLessThanOrEqual(5)
    expect(argon2.verified - before).toBe(2 * judged.length)
  })

  test('is stopped by its address, whatever names it tries', async () => {
    await server.close()
    server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    for (let n = 0; n < 10; n++) expect(await tries(`name-${n}`)).toEqual(wrong)
    expect(await tries('another')).toEqual(locked(300))
  })

  test('is stopped by its address when it tries a hundred names at once', async () => {
    await server.close()
    server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10' }, argon2)
    const before = argon2.verified
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => tries(`name-${n}`)))
    const isWrong = (answer: (typeof answers)[number]) =>
      answer !== 'in' && answer.reason === 'wrong'
    const judged = answers.filter(isWrong)
    // Those that two cores have begun when the tenth is counted are judged too.
    expect(judged.length).toBeLessThanOrEqual(14)
    expect(argon2.verified - before).toBe(2 * judged.length)
    expect(answers.filter((answer) => !isWrong(answer))).toEqual(
      Array(100 - judged.length).fill(locked(300)),
    )
  })
})

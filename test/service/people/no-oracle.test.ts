import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composedServer, countingArgon2 } from '../../support/composed.ts'
import {
  from,
  PASSWORD,
  type Person,
  seedPerson,
  setUpApp,
  signIn,
  typed,
} from '../../support/people.ts'
import { done } from '../../support/server.ts'

/** How often one address may fail is another matter. */
const argon2 = countingArgon2()
let server: Awaited<ReturnType<typeof composedServer>>
beforeAll(async () => {
  server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
})
afterAll(() => server.close())

/** One and the same refusal, for the work of two computations. */
async function refuses(what: string, username: string, password: string) {
  const before = argon2.verified
  const answer = await server.access.signIn(typed({ username, password }), from())
  expect([what, answer]).toEqual([what, { ok: false, failure: { reason: 'wrong' } }])
  expect([what, argon2.verified - before]).toEqual([what, 2])
}

/** Why the right password lets nobody in. */
const spoilt: [string, (person: Person) => Promise<unknown>][] = [
  ['has left', async ({ user }) => done(await server.accounts.leave(user.id))],
  [
    'is of a closed account',
    async ({ accountId }) => done(await server.accounts.setStatus(accountId, 'closed')),
  ],
]

describe('signing in', () => {
  test('refuses a name that is nobody’s and a wrong password with one answer, for the same work', async () => {
    const person = await seedPerson(server)
    await refuses('wrong password', person.username, 'quite another sentence')
    await refuses('wrong by a letter', person.username, `${PASSWORD}x`)
    await refuses('lone surrogate', person.username, '\ud800')
    await refuses('very long', person.username, 'x'.repeat(5000))
    await refuses('nobody', `user-${crypto.randomUUID()}`, PASSWORD)
    await refuses('nobody, lone surrogate', `user-${crypto.randomUUID()}`, '\ud800')
    for (const name of ['', '\0', '\ud800', ' ', 'x'.repeat(5000), "' OR 1=1 --", '__proto__']) {
      await refuses(name, name, PASSWORD)
    }
    await signIn(server, person)
  })

  test.each(spoilt)('refuses who %s likewise, right password or wrong', async (_, spoil) => {
    const person = await seedPerson(server)
    await spoil(person)
    await refuses('right', person.username, PASSWORD)
    await refuses('wrong', person.username, 'quite another sentence')
  })

  test('refuses who has no password yet likewise', async () => {
    const accountId = done(await server.accounts.create({ name: 'Acme' })).id
    const username = `user-${crypto.randomUUID()}`
    const email = 'new@acme.example'
    done(await server.accounts.addUser({ accountId, email, role: 'member', username }))
    await refuses('no password', username, PASSWORD)
    await refuses('an empty one', username, '')
  })

  test('tells the operator, not who signs in, why it was refused', async () => {
    const person = await seedPerson(server)
    done(await server.accounts.setStatus(person.accountId, 'closed'))
    await refuses('closed', person.username, PASSWORD)
    const caller = from('198.51.100.9')
    await server.access.signIn(typed({ username: 'nobody-at-all', password: PASSWORD }), caller)
    await server.record()
    const [event] = await server.storage.listEvents({ subject: person.user.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'session.refused',
      facts: { reason: 'account_closed', address: '203.0.113.7' },
    })
    const explained = done(await server.explain(caller.requestId))
    expect(explained.decisions.map(({ sentence }) => sentence)).toEqual([
      'Signing in was refused: nobody has that username.',
    ])
    // What was typed may be a password in the wrong field.
    expect(JSON.stringify(explained)).not.toContain('nobody-at-all')
  })

  test('names a second factor only after the right password', async () => {
    const person = await seedPerson(server)
    const { signedIn } = await signIn(server, person)
    await setUpApp(server, signedIn)
    await refuses('wrong password, no code', person.username, 'quite another sentence')
    const answer = await server.access.signIn(typed(person), from())
    expect(answer).toMatchObject({ ok: false, failure: { reason: 'code_needed' } })
  })
})

import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Argon2 } from '../../../src/crypto/primitives.ts'
import { nodeArgon2 } from '../../../src/node/primitives.ts'
import type { SignedIn } from '../../../src/service/ports/people.ts'
import { composedServer } from '../../support/composed.ts'
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
import { done } from '../../support/server.ts'

/** What happens when the work at a password is done, and what comes of it is not yet written. */
let meanwhile: (() => Promise<unknown>) | null = null
async function overtake<T>(answer: T): Promise<T> {
  const happens = meanwhile
  meanwhile = null
  await happens?.()
  return answer
}
const argon2: Argon2 = {
  hash: async (secret) => overtake(await nodeArgon2.hash(secret)),
  verify: async (phc, secret) => overtake(await nodeArgon2.verify(phc, secret)),
}

let server: Awaited<ReturnType<typeof composedServer>>
let person: Person
let who: SignedIn
beforeEach(async () => {
  server = await composedServer({}, argon2)
  person = await seedPerson(server)
  who = (await signIn(server, person)).signedIn
})
afterEach(() => server.close())

const NEW = 'six other words that nobody guesses'
async function setByLink(): Promise<void> {
  const { secret } = done(await server.people.invite(person.user.id))
  got(await server.access.accept(secret, { password: NEW }, from('198.51.100.9')))
}
const sessions = async () => (await server.storage.listSessions(person.user.id, 0)).length

test('a sign-in with the password before ends with it, were it under way', async () => {
  // (Of somebody whose password is not yet known to be right: that takes time.)
  person = await seedPerson(server)
  meanwhile = setByLink
  expect(await server.access.signIn(typed(person), from())).toEqual({
    ok: false,
    failure: { reason: 'wrong' },
  })
  expect(await sessions()).toBe(0)
})

test('so does one that waits for its code', async () => {
  const { secret } = await setUpApp(server, who)
  server.clock.turn(60_000)
  const begun = await server.access.signIn(typed(person), from())
  if (begun.ok || begun.failure.reason !== 'code_needed') throw new Error('no code was asked for')
  await setByLink()
  const sent = { ticket: begun.failure.ticket, code: codeAt(secret, server.clock()) }
  const opened = await server.access.signInWithCode({ ...sent, userAgent: '' }, from())
  expect(opened).toEqual({ ok: false, failure: { reason: 'wrong' } })
})

test('no token comes of a proof by the password before', async () => {
  const before = await himself(server, who)
  await setByLink()
  const wish = { name: 'nightly report', days: 365 }
  expect(await server.access.tokens.issue(before, wish, from())).toMatchObject({
    failure: { reason: 'conflict' },
  })
  expect(await sessions()).toBe(0)
})

test('nor does another password: the one that was set meanwhile stays', async () => {
  const before = await himself(server, who)
  meanwhile = setByLink
  const change = server.access.passwords.change
  const changed = await change(before, 'seven words of somebody else', from())
  expect(changed).toMatchObject({ failure: { reason: 'conflict' } })
  await signIn(server, { ...person, password: NEW })
})

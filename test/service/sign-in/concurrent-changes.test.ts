import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Argon2 } from '../../../src/crypto/primitives.ts'
import { nodeArgon2 } from '../../../src/node/primitives.ts'
import type { SignedInUser } from '../../../src/service/ports/sign-in.ts'
import { composeTestServer } from '../../support/composed-server.ts'
import { unwrap } from '../../support/server.ts'
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

/** Runs once, between the password hashing of an operation and the write of its result. */
let pendingInterruption: (() => Promise<unknown>) | null = null
async function runMeanwhile<T>(answer: T): Promise<T> {
  const happens = pendingInterruption
  pendingInterruption = null
  await happens?.()
  return answer
}
const argon2: Argon2 = {
  hash: async (secret) => runMeanwhile(await nodeArgon2.hash(secret)),
  verify: async (phc, secret) => runMeanwhile(await nodeArgon2.verify(phc, secret)),
}

let server: Awaited<ReturnType<typeof composeTestServer>>
let testUser: TestUser
let signedInUser: SignedInUser
beforeEach(async () => {
  server = await composeTestServer({}, argon2)
  testUser = await seedUser(server)
  signedInUser = (await signInUser(server, testUser)).signedIn
})
afterEach(() => server.close())

const NEW = 'six other words that nobody guesses'
async function setPasswordByLink(): Promise<void> {
  const { secret } = unwrap(await server.users.invite(testUser.user.id))
  unwrap(
    await server.signInServices.acceptInvitation(
      secret,
      { password: NEW },
      createTestCaller('198.51.100.9'),
    ),
  )
}
const countSessions = async () => (await server.storage.listSessions(testUser.user.id, 0)).length

test('a sign-in in progress with a replaced password fails', async () => {
  // A new user: only a password that is not yet proven is hashed, which runs the interruption.
  testUser = await seedUser(server)
  pendingInterruption = setPasswordByLink
  expect(
    await server.signInServices.signIn(createSignInInput(testUser), createTestCaller()),
  ).toEqual({
    ok: false,
    failure: { reason: 'wrong' },
  })
  expect(await countSessions()).toBe(0)
})

test('a sign-in that waits for its code ends with the password that it was begun with', async () => {
  const { secret } = await enrollTotpApp(server, signedInUser)
  server.clock.advance(60_000)
  const begun = await server.signInServices.signIn(createSignInInput(testUser), createTestCaller())
  if (begun.ok || begun.failure.reason !== 'code_needed') throw new Error('no code was asked for')
  await setPasswordByLink()
  const sent = { ticket: begun.failure.ticket, code: generateTotpCode(secret, server.clock()) }
  const opened = await server.signInServices.signInWithCode(
    { ...sent, userAgent: '' },
    createTestCaller(),
  )
  expect(opened).toEqual({ ok: false, failure: { reason: 'wrong' } })
})

test('no token comes of a proof by the password before', async () => {
  const before = await reauthenticateUser(server, signedInUser)
  await setPasswordByLink()
  const input = { name: 'nightly report', days: 365 }
  expect(
    await server.signInServices.apiTokens.issue(before, input, createTestCaller()),
  ).toMatchObject({
    failure: { reason: 'conflict' },
  })
  expect(await countSessions()).toBe(0)
})

test('nor does another password: the one that was set meanwhile stays', async () => {
  const before = await reauthenticateUser(server, signedInUser)
  pendingInterruption = setPasswordByLink
  const change = server.signInServices.passwords.change
  const changed = await change(before, 'seven words of somebody else', createTestCaller())
  expect(changed).toMatchObject({ failure: { reason: 'conflict' } })
  await signInUser(server, { ...testUser, password: NEW })
})

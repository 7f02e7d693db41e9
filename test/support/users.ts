import { Secret, TOTP } from 'otpauth/slim'
import type { Role } from '../../src/domain/key.ts'
import type { Caller } from '../../src/service/audit/buffer.ts'
import type { Session, SignedInUser } from '../../src/service/ports/sign-in.ts'
import { type TestServer, unwrap } from './server.ts'

export type TestUserServices = Pick<
  TestServer,
  'signInServices' | 'users' | 'accounts' | 'storage' | 'clock'
>

/** The same, and requests. */
export type TestUserServer = TestUserServices & Pick<TestServer, 'call'>

export const PASSWORD = 'correct horse battery staple'

/** Who comes from there, each time with another request. */
export const createTestCaller = (address = '203.0.113.7'): Caller => ({
  address,
  requestId: crypto.randomUUID(),
  path: '/console/sign-in',
})

export type TestUser = Awaited<ReturnType<typeof seedUser>>

/** Somebody of an account of his own, who can sign in. */
export async function seedUser(
  { signInServices, users, accounts }: TestUserServices,
  { role = 'administrator', password = PASSWORD }: { role?: Role; password?: string } = {},
) {
  const accountId = unwrap(await accounts.create({ name: 'Acme Health' })).id
  const username = `user-${crypto.randomUUID()}`
  const email = `${username}@acme.example`
  const user = unwrap(await accounts.addUser({ accountId, email, role, username }))
  const { secret } = unwrap(await users.invite(user.id))
  unwrap(await signInServices.acceptInvitation(secret, { password }, createTestCaller()))
  return { user, accountId, username, password }
}

export const createSignInInput = ({
  username,
  password,
}: Pick<TestUser, 'username' | 'password'>) => ({
  username,
  password,
  userAgent: 'Mozilla/5.0',
})

/** Signed in as a browser does; each further call of `seen` is a further request. */
export async function signInUser({ signInServices }: TestUserServices, testUser: TestUser) {
  const { secret, signedIn } = unwrap(
    await signInServices.signIn(createSignInInput(testUser), createTestCaller()),
  )
  return { secret, signedIn }
}

/** The same person, who has just typed his password again; and a code, where he has an app. */
export const reauthenticateUser = async (
  { signInServices }: TestUserServices,
  signedInUser: SignedInUser,
  code = '',
) =>
  unwrap(
    await signInServices.reauthenticate(
      signedInUser,
      { password: PASSWORD, code },
      createTestCaller(),
    ),
  )

/** Who a request of this session is of. */
export async function findSignedInUser(
  { signInServices }: TestUserServices,
  secret: string,
  kind: Session['kind'] = 'browser',
): Promise<SignedInUser> {
  const found = await signInServices.sessions.find(secret, kind)
  if (found === null) throw new Error('the session is over')
  return found
}

/** What an app that shares this secret shows at this moment. */
export const generateTotpCode = (secret: string, now: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now })

/** Sets up an app; answers its secret and the recovery codes. The code of this moment is spent. */
export async function enrollTotpApp(services: TestUserServices, signedInUser: SignedInUser) {
  const { signInServices, clock } = services
  const { pending, secret } = unwrap(await signInServices.secondFactor.startSetup(signedInUser))
  const input = { pending, code: generateTotpCode(secret, clock()) }
  const confirmed = await signInServices.secondFactor.confirmSetup(
    await reauthenticateUser(services, signedInUser),
    input,
    createTestCaller(),
  )
  return { secret, recoveryCodes: unwrap(confirmed) }
}

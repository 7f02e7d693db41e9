import { Secret, TOTP } from 'otpauth/slim'
import type { Role } from '../../src/domain/role.ts'
import type { Caller } from '../../src/service/caller.ts'
import type { Session, SignedInUser } from '../../src/service/ports/sign-in.ts'
import { type TestServer, unwrap } from './server.ts'

export type TestUserServices = Pick<
  TestServer,
  'signInServices' | 'users' | 'accounts' | 'storage' | 'clock'
>

/** The same, and requests. */
export type TestUserServer = TestUserServices & Pick<TestServer, 'call'>

export const PASSWORD = 'correct horse battery staple'

/** Creates a caller from this address, each time with a new request id. */
export const createTestCaller = (address = '203.0.113.7'): Caller => ({
  address,
  requestId: crypto.randomUUID(),
  path: '/console/sign-in',
})

export type TestUser = Awaited<ReturnType<typeof seedUser>>

/** Creates a user who can sign in, of a new account unless one is given. */
export async function seedUser(
  {
    signInServices,
    users,
    accounts,
  }: Pick<TestUserServices, 'signInServices' | 'users' | 'accounts'>,
  {
    role = 'administrator',
    password = PASSWORD,
    ...input
  }: { role?: Role; password?: string; accountId?: string } = {},
) {
  const accountId = input.accountId ?? unwrap(await accounts.create({ name: 'Acme Health' })).id
  const username = `user-${crypto.randomUUID()}`
  const email = `${username}@acme.example`
  const user = unwrap(await users.add({ accountId, email, role, username }))
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

/** Reauthenticates the user with the password, and a code where an authenticator app is set up. */
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

/** Returns the user of this session, as a request finds them. */
export async function findSignedInUser(
  { signInServices }: TestUserServices,
  secret: string,
  kind: Session['kind'] = 'browser',
): Promise<SignedInUser> {
  const found = await signInServices.sessions.find(secret, kind)
  if (found === null) throw new Error('the session is over')
  return found
}

/** Returns the code that an app with this secret shows now. */
export const generateTotpCode = (secret: string, now: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now })

/** Sets up an app and returns its secret and the recovery codes. The current code is then used up. */
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

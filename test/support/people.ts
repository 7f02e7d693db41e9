import { Secret, TOTP } from 'otpauth/slim'
import type { Result } from '../../src/domain/failure.ts'
import type { Role } from '../../src/domain/key.ts'
import type { Session, SignedIn } from '../../src/service/ports/people.ts'
import type { Caller } from '../../src/service/refused.ts'
import { done, type TestServer } from './server.ts'

export type Services = Pick<TestServer, 'access' | 'people' | 'accounts' | 'storage' | 'clock'>

/** The same, and requests. */
export type Called = Services & Pick<TestServer, 'call'>

export const PASSWORD = 'correct horse battery staple'

/** Who comes from there, each time with another request. */
export const from = (address = '203.0.113.7'): Caller => ({
  address,
  requestId: crypto.randomUUID(),
  path: '/console/sign-in',
})

/** What went well, or the failure in words. */
export function got<T, F>(result: Result<T, F>): T {
  if (result.ok) return result.value
  throw new Error(JSON.stringify(result.failure))
}

export type Person = Awaited<ReturnType<typeof seedPerson>>

/** Somebody of an account of his own, who can sign in. */
export async function seedPerson(
  { access, people, accounts }: Services,
  { role = 'administrator', password = PASSWORD }: { role?: Role; password?: string } = {},
) {
  const accountId = done(await accounts.create({ name: 'Acme Health' })).id
  const username = `user-${crypto.randomUUID()}`
  const email = `${username}@acme.example`
  const user = done(await accounts.addUser({ accountId, email, role, username }))
  const { secret } = done(await people.invite(user.id))
  got(await access.accept(secret, { password }, from()))
  return { user, accountId, username, password }
}

export const typed = ({ username, password }: Pick<Person, 'username' | 'password'>) => ({
  username,
  password,
  userAgent: 'Mozilla/5.0',
})

/** Signed in as a browser does; each further call of `seen` is a further request. */
export async function signIn({ access }: Services, person: Person) {
  const { secret, signedIn } = got(await access.signIn(typed(person), from()))
  return { secret, signedIn }
}

/** The same person, who has just typed his password again; and a code, where he has an app. */
export const himself = async ({ access }: Services, who: SignedIn, code = '') =>
  got(await access.again(who, { password: PASSWORD, code }, from()))

/** Who a request of this session is of. */
export async function seen(
  { access }: Services,
  secret: string,
  kind: Session['kind'] = 'browser',
): Promise<SignedIn> {
  const found = await access.sessions.find(secret, kind)
  if (found === null) throw new Error('the session is over')
  return found
}

/** What an app that shares this secret shows at this moment. */
export const codeAt = (secret: string, now: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: now })

/** Sets up an app; answers its secret and the recovery codes. The code of this moment is spent. */
export async function setUpApp(services: Services, who: SignedIn) {
  const { access, clock } = services
  const { pending, secret } = got(await access.secondFactor.begin(who))
  const wish = { pending, code: codeAt(secret, clock()) }
  const confirmed = await access.secondFactor.confirm(await himself(services, who), wish, from())
  return { secret, recoveryCodes: got(confirmed) }
}

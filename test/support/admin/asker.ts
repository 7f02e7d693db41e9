import type { Role } from '../../../src/domain/key.ts'
import {
  type Called,
  from,
  got,
  himself,
  type Person,
  type Services,
  seedPerson,
  signIn,
} from '../people.ts'
import type { TestServer } from '../server.ts'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what a test looks at.
  readonly body: any
}

export type Asker = ReturnType<typeof askerOf>

/** Asks with this token, as a program does. */
export const askerOf = (server: Pick<TestServer, 'call'>, token: string | null) =>
  async function ask(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const response = await server.call(`/admin/v1${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json;') === true
    const isProblem = response.headers.get('content-type') === 'application/problem+json'
    const parsed = text !== '' && (isJson || isProblem) ? JSON.parse(text) : null
    return { status: response.status, headers: response.headers, text, body: parsed }
  }

/** A token of this person, made as the console makes it. */
export async function tokenOf(server: Services, person: Person, name = 'nightly job') {
  const { signedIn } = await signIn(server, person)
  const proved = await himself(server, signedIn)
  return got(await server.access.tokens.issue(proved, { name, days: 30 }, from()))
}

/** Somebody of a new account, with a token. */
export async function seedAsker(server: Called, role: Role = 'operator') {
  const person = await seedPerson(server, { role })
  const { secret, token } = await tokenOf(server, person)
  return { ...person, secret, token, ask: askerOf(server, secret) }
}

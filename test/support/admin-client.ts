import type { Role } from '../../src/domain/role.ts'
import { type TestServer, unwrap } from './server.ts'
import {
  createTestCaller,
  reauthenticateUser,
  seedUser,
  signInUser,
  type TestUser,
  type TestUserServer,
  type TestUserServices,
} from './users.ts'

export interface ApiResponse {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers is what a test looks at.
  readonly body: any
}

export type CallApi = ReturnType<typeof createAdminClient>

/** Asks with this token, as a program does. */
export const createAdminClient = (server: Pick<TestServer, 'call'>, token: string | null) =>
  async function callApi(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<ApiResponse> {
    const response = await server.call(`/admin/v1${path}`, {
      method,
      headers: {
        ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isSentAsItIs(body) ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = response.headers.get('content-type')?.includes('json;') === true
    const isProblem = response.headers.get('content-type') === 'application/problem+json'
    const parsed = text !== '' && (isJson || isProblem) ? JSON.parse(text) : null
    return { status: response.status, headers: response.headers, text, body: parsed }
  }

const isSentAsItIs = (body: unknown): body is string | ReadableStream =>
  typeof body === 'string' || body instanceof ReadableStream

/** A token of this person, made as the console makes it. */
export async function issueApiToken(
  server: TestUserServices,
  testUser: TestUser,
  name = 'nightly job',
) {
  const { signedIn } = await signInUser(server, testUser)
  const reauthentication = await reauthenticateUser(server, signedIn)
  return unwrap(
    await server.signInServices.apiTokens.issue(
      reauthentication,
      { name, days: 30 },
      createTestCaller(),
    ),
  )
}

/** Creates a user of a new account, with an API token. */
export async function seedAdminClient(server: TestUserServer, role: Role = 'operator') {
  const testUser = await seedUser(server, { role })
  const { secret, token } = await issueApiToken(server, testUser)
  return { ...testUser, secret, token, callApi: createAdminClient(server, secret) }
}

/** Makes an API token as people do: signs in to the console, and asks for one. */
export async function createTokenByConsole(
  url: string,
  { username, password }: { readonly username: string; readonly password: string },
): Promise<string> {
  const send = (path: string, fields: Record<string, string>, cookie = '') =>
    fetch(`${url}${path}`, {
      method: 'POST',
      body: new URLSearchParams(fields),
      headers: { 'Sec-Fetch-Site': 'same-origin', Origin: url, Cookie: cookie },
      redirect: 'manual',
    })
  const signedIn = await send('/console/sign-in', { username, password })
  const [cookie = ''] = (signedIn.headers.get('set-cookie') ?? '').split(';')
  const formPage = await fetch(`${url}/console/me/tokens/new`, { headers: { Cookie: cookie } })
  const formToken = extractMatch(await formPage.text(), /name="form-token" value="([^"]+)"/)
  const fields = { 'form-token': formToken, name: 'A walk', days: '7', 'your-password': password }
  const tokenPage = await send('/console/me/tokens/new', fields, cookie)
  return extractMatch(await tokenPage.text(), /data-secret>[\s\S]*?<code>([^<]+)<\/code>/)
}

function extractMatch(text: string, pattern: RegExp): string {
  const [, part] = pattern.exec(text) ?? []
  if (part === undefined) throw new Error(`the page has no ${pattern.source}`)
  return part
}

import { expect } from 'vitest'
import type { Role } from '../../src/domain/role.ts'
import { type TestServer, unwrap } from './server.ts'
import {
  PASSWORD,
  seedUser,
  type TestUser,
  type TestUserServer,
  type TestUserServices,
} from './users.ts'

/** A user of the console without a browser: keeps cookies, and sends forms with the values of their page. */
export type ConsoleClient = Awaited<ReturnType<typeof signInToConsole>>

interface ConsoleResponse {
  readonly status: number
  readonly location: string | null
  /** The page as it is sent. */
  readonly html: string
  /** The visible text: no markup, one blank between words. */
  readonly text: string
  readonly headers: Headers
  /** Returns the value of this field; undefined where there is none. */
  getFieldValue(name: string): string | undefined
}

/** Signs in where a user is given. */
export async function signInToConsole(
  server: Pick<TestServer, 'call'>,
  testUser: SignInCredentials | null,
) {
  const cookies = new Map<string, string>()
  let formToken = ''

  async function call(path: string, init: RequestInit = {}): Promise<ConsoleResponse> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin', ...init.headers }
    const response = await server.call(path, { ...init, headers })
    for (const each of response.headers.getSetCookie()) storeCookie(each)
    const html = await response.text()
    formToken = /name="form-token" value="([^"]+)"/.exec(html)?.[1] ?? formToken
    const location = response.headers.get('location')
    const { status, headers: sent } = response
    const getFieldValue = (name: string) => readInputs(html)[name]
    return { status, location, html, text: toPlainText(html), headers: sent, getFieldValue }
  }

  function storeCookie(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    if (attributes.some((each) => each === 'Max-Age=0')) cookies.delete(name)
    else cookies.set(name, value)
  }

  const get = (path: string) => call(path, { method: 'GET' })
  const send = (path: string, fields: Readonly<Record<string, string>> = {}) =>
    call(path, {
      body: String(new URLSearchParams({ 'form-token': formToken, ...fields })),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })

  if (testUser !== null) {
    const { username, password } = testUser
    const signedIn = await send('/console/sign-in', { username, password })
    expect(signedIn.status).toBe(303)
    await get('/console/me')
  }
  return {
    get,
    send,
    /** Sends the form of a page that goes to this path, as it stands there but for `typed`. */
    async fill(page: string, action: string, typed: Readonly<Record<string, string>> = {}) {
      const { html } = await get(page)
      return send(action, { ...readFormFields(html, action), ...typed })
    },
  }
}

interface SignInCredentials {
  readonly username: string
  readonly password: string
}

/** Creates a signed-in user of this account, or of a new account where none is given. */
export async function seedConsoleClient(
  server: TestUserServer,
  role: Role,
  accountId?: string,
): Promise<ConsoleClient & { readonly testUser: TestUser }> {
  const testUser =
    accountId === undefined
      ? await seedUser(server, { role })
      : await addAccountUser(server, role, accountId)
  return { ...(await signInToConsole(server, testUser)), testUser }
}

async function addAccountUser(
  server: TestUserServices,
  role: Role,
  accountId: string,
): Promise<TestUser> {
  const username = `user-${crypto.randomUUID()}`
  const email = `${username}@acme.example`
  const user = unwrap(await server.users.add({ accountId, email, role, username }))
  const { secret } = unwrap(await server.users.invite(user.id))
  const caller = { address: '203.0.113.7', requestId: crypto.randomUUID(), path: '/console' }
  const accepted = await server.signInServices.acceptInvitation(
    secret,
    { password: PASSWORD },
    caller,
  )
  expect(accepted.ok).toBe(true)
  return { user, accountId, username, password: PASSWORD }
}

/** Returns the initial values of the form that is sent to this path. */
export function readFormFields(html: string, action: string): Record<string, string> {
  const form = new RegExp(
    `<form[^>]*action="${action.replace(/[.?]/g, '\\$&')}"[^>]*>(.*?)</form>`,
    's',
  )
  const formHtml = form.exec(html)?.[1]
  if (formHtml === undefined) throw new Error(`there is no form to ${action}`)
  return readInputs(formHtml)
}

function readInputs(formHtml: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [, attributes = ''] of formHtml.matchAll(/<input([^>]*)>/g)) {
    const getAttribute = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1]
    const isChosen = /type="(radio|checkbox)"/.test(attributes) ? / checked/.test(attributes) : true
    const name = getAttribute('name')
    if (name !== undefined && isChosen) fields[name] = unescapeHtml(getAttribute('value') ?? '')
  }
  for (const [, name = '', options = ''] of formHtml.matchAll(
    /<select[^>]* name="([^"]+)"[^>]*>(.*?)<\/select>/gs,
  )) {
    const chosen = /value="([^"]*)" selected/.exec(options) ?? /value="([^"]*)"/.exec(options)
    fields[name] = unescapeHtml(chosen?.[1] ?? '')
  }
  for (const [, name = '', value = ''] of formHtml.matchAll(
    /<textarea[^>]* name="([^"]+)"[^>]*>\n?([^<]*)/g,
  )) {
    fields[name] = unescapeHtml(value)
  }
  return fields
}

const toPlainText = (html: string) =>
  unescapeHtml(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()

const unescapeHtml = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

import { expect } from 'vitest'
import type { Role } from '../../src/domain/key.ts'
import { type Called, PASSWORD, type Person, type Services, seedPerson } from './people.ts'
import { done, type TestServer } from './server.ts'

/** Somebody at the console, without a browser: cookies are kept, forms carry what their page gave them. */
export type Visitor = Awaited<ReturnType<typeof visitor>>

interface Answer {
  readonly status: number
  readonly location: string | null
  /** The page as it is sent. */
  readonly html: string
  /** What somebody reads of it: no markup, one blank between words. */
  readonly text: string
  readonly headers: Headers
  /** What its form holds in this field; undefined where there is none. */
  field(name: string): string | undefined
}

/** Signs in, unless there is nobody to sign in. */
export async function visitor(server: Pick<TestServer, 'call'>, person: SignsIn | null) {
  const jar = new Map<string, string>()
  let formToken = ''

  async function call(path: string, init: RequestInit = {}): Promise<Answer> {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { Cookie: cookie, 'Sec-Fetch-Site': 'same-origin', ...init.headers }
    const response = await server.call(path, { ...init, headers })
    for (const each of response.headers.getSetCookie()) keep(each)
    const html = await response.text()
    formToken = /name="form-token" value="([^"]+)"/.exec(html)?.[1] ?? formToken
    const location = response.headers.get('location')
    const { status, headers: sent } = response
    const field = (name: string) => inputsOf(html)[name]
    return { status, location, html, text: read(html), headers: sent, field }
  }

  function keep(line: string): void {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = '', value = ''] = pair.split(/=(.*)/s)
    if (attributes.some((each) => each === 'Max-Age=0')) jar.delete(name)
    else jar.set(name, value)
  }

  const get = (path: string) => call(path, { method: 'GET' })
  const send = (path: string, fields: Readonly<Record<string, string>> = {}) =>
    call(path, {
      body: String(new URLSearchParams({ 'form-token': formToken, ...fields })),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    })

  if (person !== null) {
    const { username, password } = person
    const signedIn = await send('/console/sign-in', { username, password })
    expect(signedIn.status).toBe(303)
    await get('/console/me')
  }
  return {
    get,
    send,
    /** Sends the form of a page that goes to this path, as it stands there but for `typed`. */
    async fill(page: string, to: string, typed: Readonly<Record<string, string>> = {}) {
      const { html } = await get(page)
      return send(to, { ...fieldsOf(html, to), ...typed })
    },
  }
}

interface SignsIn {
  readonly username: string
  readonly password: string
}

/** A person of this account who is signed in; of an account of his own where none is named. */
export async function someone(
  server: Called,
  role: Role,
  accountId?: string,
): Promise<Visitor & { readonly person: Person }> {
  const person =
    accountId === undefined
      ? await seedPerson(server, { role })
      : await join(server, role, accountId)
  return { ...(await visitor(server, person)), person }
}

async function join(server: Services, role: Role, accountId: string): Promise<Person> {
  const username = `user-${crypto.randomUUID()}`
  const email = `${username}@acme.example`
  const user = done(await server.accounts.addUser({ accountId, email, role, username }))
  const { secret } = done(await server.people.invite(user.id))
  const caller = { address: '203.0.113.7', requestId: crypto.randomUUID(), path: '/console' }
  const accepted = await server.access.accept(secret, { password: PASSWORD }, caller)
  expect(accepted.ok).toBe(true)
  return { user, accountId, username, password: PASSWORD }
}

/** What the form that goes to this path holds before anybody types. */
export function fieldsOf(html: string, to: string): Record<string, string> {
  const form = new RegExp(
    `<form[^>]*action="${to.replace(/[.?]/g, '\\$&')}"[^>]*>(.*?)</form>`,
    's',
  )
  const inside = form.exec(html)?.[1]
  if (inside === undefined) throw new Error(`there is no form to ${to}`)
  return inputsOf(inside)
}

function inputsOf(inside: string): Record<string, string> {
  const fields: Record<string, string> = {}
  for (const [, attributes = ''] of inside.matchAll(/<input([^>]*)>/g)) {
    const of = (name: string) => new RegExp(` ${name}="([^"]*)"`).exec(attributes)?.[1]
    const isChosen = /type="(radio|checkbox)"/.test(attributes) ? / checked/.test(attributes) : true
    const name = of('name')
    if (name !== undefined && isChosen) fields[name] = unescaped(of('value') ?? '')
  }
  for (const [, name = '', options = ''] of inside.matchAll(
    /<select[^>]* name="([^"]+)"[^>]*>(.*?)<\/select>/gs,
  )) {
    const chosen = /value="([^"]*)" selected/.exec(options) ?? /value="([^"]*)"/.exec(options)
    fields[name] = unescaped(chosen?.[1] ?? '')
  }
  for (const [, name = '', value = ''] of inside.matchAll(
    /<textarea[^>]* name="([^"]+)"[^>]*>\n?([^<]*)/g,
  )) {
    fields[name] = unescaped(value)
  }
  return fields
}

const read = (html: string) =>
  unescaped(html.replace(/<[^>]*>/g, ' '))
    .replace(/\s+/g, ' ')
    .trim()

const unescaped = (text: string) =>
  text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

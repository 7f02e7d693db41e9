import { type Person, signIn } from './people.ts'
import type { TestServer } from './server.ts'

/** What came back, as a test reads it. */
export interface Seen {
  readonly status: number
  readonly location: string | null
  readonly headers: Headers
  readonly html: string
  /** What is read on it, without the markup, in one line. */
  readonly text: string
  /** What a form on it would send in this field; undefined where there is none. */
  field(name: string): string | undefined
}

export type Visitor = Awaited<ReturnType<typeof visitorOf>>

/** Somebody who is signed in, with the cookie of his browser and the token of its forms. */
export async function visitorOf(server: TestServer, person: Person) {
  const { secret } = await signIn(server, person)
  const headers = { Cookie: `__Host-latchkey=${secret}` }
  const own = { ...headers, 'Sec-Fetch-Site': 'same-origin' }
  const token = server.access.sessions.formToken(secret)
  return {
    ...person,
    see: async (path: string): Promise<Seen> =>
      seen(await server.call(path, { method: 'GET', headers })),
    /** A form of ours. */
    send: async (path: string, fields: Readonly<Record<string, string>> = {}): Promise<Seen> => {
      const body = new URLSearchParams({ ...fields, 'form-token': token }).toString()
      return seen(await server.call(path, { body, headers: own }))
    },
  }
}

async function seen(response: Response): Promise<Seen> {
  const html = await response.text()
  return {
    status: response.status,
    location: response.headers.get('location'),
    headers: response.headers,
    html,
    text: plain(
      html
        .replace(/<(?:head|datalist|noscript)[\s>][\s\S]*?<\/(?:head|datalist|noscript)>/g, '')
        .replace(/<[^>]*>/g, ' '),
    ),
    field(name) {
      const input = new RegExp(`<input[^>]* name="${name}"[^>]*>`).exec(html)?.[0]
      if (input !== undefined) return plain(/ value="([^"]*)"/.exec(input)?.[1] ?? '')
      const area = new RegExp(`<textarea[^>]* name="${name}"[^>]*>\\n?([^<]*)`).exec(html)
      if (area !== null) return plain(area[1] ?? '')
      const select = new RegExp(`<select[^>]* name="${name}"[^>]*>([\\s\\S]*?)</select>`).exec(html)
      if (select === null) return undefined
      const chosen = /<option value="([^"]*)" selected/.exec(select[1] ?? '')
      return plain(chosen?.[1] ?? '')
    },
  }
}

const NAMED: Readonly<Record<string, string>> = {
  ...{ '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&amp;': '&' },
}
const plain = (markup: string): string =>
  markup
    .replace(/&(?:lt|gt|quot|#39|amp);/g, (name) => NAMED[name] ?? name)
    .replace(/\s+/g, ' ')
    .trim()

import { setTimeout } from 'node:timers/promises'
import type { Dialect } from '../../src/domain/dialect.ts'
import type { Shown } from './key-pages.ts'

interface Ask {
  readonly path: string
  readonly init: (shown: Shown) => RequestInit
}

const header = (name: string, as: string) => (shown: Shown) => ({
  headers: { [name]: shown.get(as) ?? '' },
})

/** A request of each vendor's program, with what the console has shown pasted into it. */
const ASKS: Readonly<Record<Dialect, Ask>> = {
  redox: {
    path: '/auth/authenticate',
    init: (shown) => ({ method: 'POST', body: shown.get('JSON body') ?? '' }),
  },
  xenrad: { path: '/fhir/Patient?_count=1', init: header('X-API-Key', 'secret') },
  opendental: { path: '/api/v1/patients', init: header('Authorization', 'Authorization') },
  'opendental-portal': { path: '/apikeys', init: header('Authorization', 'Authorization') },
  xdent: { path: '/api/v1/Identity', init: header('X-Api-Key', 'X-Api-Key') },
  practice: {
    path: '/practice/v1/me',
    init: (shown) => ({
      headers: {
        Authorization: `Basic ${Buffer.from(shown.get('HTTP Basic') ?? '').toString('base64')}`,
      },
    }),
  },
}

/** Whether the server admits the next request with it. A program that is told to wait does. */
export async function opens(url: string, dialect: Dialect, shown: Shown): Promise<boolean> {
  const { path, init } = ASKS[dialect]
  const answer = await fetch(url + path, init(shown))
  await answer.arrayBuffer()
  if (answer.ok) return true
  if (answer.status === 429) {
    await setTimeout(1000 * Number(answer.headers.get('retry-after') ?? 1))
    return opens(url, dialect, shown)
  }
  if (answer.status === 401 || answer.status === 403 || answer.status === 400) return false
  throw new Error(`${dialect} answers ${answer.status}`)
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestServer, type TestServer } from '../../support/server.ts'

/*
 * Browsers keep a session's cookie over https and from their own machine alone. Anywhere else the form
 * comes back empty, and must say why.
 */

const WARNING = 'You cannot stay signed in here'

let server: TestServer
let local: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_CONSOLE_URL: 'https://console.example' })
  local = await createTestServer({}, { consoleUrl: 'http://127.0.0.1:8081' })
})
afterAll(() => Promise.all([server.close(), local.close()]))

const requestPage = async (
  { consoleApp }: Pick<TestServer, 'consoleApp'>,
  url: string,
  init: RequestInit = {},
) => (await consoleApp?.request(url, init, { incoming: { socket: {} } }))?.text()

describe('the form to sign in', () => {
  test.each(['http://10.0.0.5:8081', 'http://latchkey.lan:8081', 'http://[fd00::5]:8081'])(
    'says over plain http from another machine why it comes back empty: %s',
    async (origin) => {
      const text = await requestPage(local, `${origin}/console/sign-in`)
      expect(text).toContain(WARNING)
      expect(text).toContain('LATCHKEY_CONSOLE_URL')
      expect(await requestPage(server, `${origin}/console/sign-in`)).toContain(
        'Open https://console.example/console instead.',
      )
      const back = await requestPage(local, `${origin}/console/sign-in`, {
        method: 'POST',
        body: 'username=nobody&password=wrong',
        headers: { Origin: origin, Host: new URL(origin).host },
      })
      expect(back).toContain(WARNING)
      expect(back).toContain('You are not signed in')
      expect(await requestPage(local, `${origin}/console/welcome/lk_x`)).toContain(WARNING)
    },
  )

  test.each([
    ['http://localhost:8081', {}],
    ['http://127.0.0.1:8081', {}],
    ['http://[::1]:8081', {}],
    ['http://console.localhost:8081', {}],
    // A TLS proxy before it that hands the name on.
    ['http://console.example', {}],
    ['http://10.0.0.5:8081', { 'X-Forwarded-Proto': 'https' }],
    ['http://10.0.0.5:8081', { 'Sec-Fetch-Site': 'none' }],
    // As a Worker is asked.
    ['https://elsewhere.example', {}],
  ])('says nothing of it where browsers keep the session: %s %j', async (origin, headers) => {
    const text = await requestPage(server, `${origin}/console/sign-in`, { headers })
    expect(text).toContain('Sign in')
    expect(text).not.toContain(WARNING)
  })
})

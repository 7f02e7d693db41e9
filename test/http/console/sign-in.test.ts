import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { MINUTE_MS } from '../../support/time.ts'
import {
  enrollTotpApp,
  generateTotpCode,
  PASSWORD,
  seedUser,
  signInUser,
  type TestUser,
} from '../../support/users.ts'

const SIGN_IN = '/console/sign-in'
const DEVICE = '__Host-latchkey-device'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10000' })
})
afterAll(() => server.close())

async function send(fields: Record<string, string>, cookie = '', address = '203.0.113.7') {
  const answer = await server.call(SIGN_IN, {
    body: String(new URLSearchParams(fields)),
    headers: {
      'Content-Type': 'application/x-www-form-urlencoded',
      'Sec-Fetch-Site': 'same-origin',
      Cookie: cookie,
    },
    address,
  })
  const lines = answer.headers.getSetCookie()
  const cookies = new Map(lines.map((line) => line.split(/[=;]/).slice(0, 2) as [string, string]))
  return { status: answer.status, html: await answer.text(), lines, cookies }
}

const signInFields = ({ username }: TestUser, password = PASSWORD) => ({ username, password })
const isSessionActive = async (secret = '') =>
  (await server.signInServices.sessions.find(secret, 'browser')) !== null

describe('the cookie of a known browser', () => {
  test('is given with the session, to this host alone, out of reach of scripts and other sites, for a year', async () => {
    const { status, lines } = await send(signInFields(await seedUser(server)))
    expect(status).toBe(303)
    expect(lines.find((line) => line.startsWith(DEVICE))).toMatch(
      /^__Host-latchkey-device=[\w.-]+; Max-Age=31536000; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
  })

  test('is set only after a successful sign-in', async () => {
    const testUser = await seedUser(server)
    const app = await enrollTotpApp(server, (await signInUser(server, testUser)).signedIn)
    server.clock.advance(MINUTE_MS)
    expect((await send(signInFields(testUser, 'not it'))).lines).toEqual([])
    const asked = await send(signInFields(testUser))
    expect([asked.status, asked.lines]).toEqual([200, []])
    const [, ticket = ''] = /name="ticket" value="([^"]+)"/.exec(asked.html) ?? []
    expect((await send({ ticket, code: '000000' })).lines).toEqual([])
    const code = generateTotpCode(app.secret, server.clock())
    expect((await send({ ticket, code })).cookies.has(DEVICE)).toBe(true)
  })

  test('admits its owner while strangers have locked the username, after signing out too', async () => {
    const owner = await seedConsoleClient(server, 'administrator')
    const failSignIns = async () => {
      for (let n = 0; n < 60; n++) {
        const { status } = await send(signInFields(owner.testUser, 'a guess'), '', `192.0.2.${n}`)
        if (status === 429) return
      }
      throw new Error('the name is not locked')
    }
    expect((await owner.send('/console/sign-out')).location).toBe(SIGN_IN)
    await failSignIns()
    expect((await send(signInFields(owner.testUser))).status).toBe(429)
    expect((await owner.send(SIGN_IN, signInFields(owner.testUser))).location).toBe('/console')

    // The owner’s session goes on, too.
    await owner.get('/console/me')
    const newPassword = 'six other words that nobody guesses'
    const fields = { 'new-password': newPassword, repeat: newPassword, 'your-password': PASSWORD }
    const changed = await owner.send('/console/me/password', fields)
    expect(changed.location).toBe('/console/me?flash=password-changed')
    // With the new password, the owner’s browser has a new mark.
    await failSignIns()
    expect((await owner.send(SIGN_IN, signInFields(owner.testUser, newPassword))).location).toBe(
      '/console',
    )
  })
})

describe('signing in again', () => {
  test('ends the session that this browser had, and no other browser’s', async () => {
    const testUser = await seedUser(server)
    const elsewhere = (await send(signInFields(testUser))).cookies.get('__Host-latchkey')
    const former = (await send(signInFields(testUser))).cookies.get('__Host-latchkey')
    const next = await send(signInFields(testUser), `__Host-latchkey=${former}`)
    const secrets = [former, elsewhere, next.cookies.get('__Host-latchkey')]
    expect(await Promise.all(secrets.map(isSessionActive))).toEqual([false, true, true])
    const [event] = await server.storage.listEvents({
      subject: testUser.user.id,
      action: 'session.ended',
      limit: 1,
    })
    expect(event?.actor).toBe(testUser.user.id)
  })

  test('as another user ends the previous session', async () => {
    const [one, other] = [await seedUser(server), await seedUser(server)]
    const former = (await send(signInFields(one))).cookies.get('__Host-latchkey')
    const next = await send(signInFields(other), `__Host-latchkey=${former}`)
    expect(next.status).toBe(303)
    expect(await isSessionActive(former)).toBe(false)
  })

  test('with a wrong password ends nothing', async () => {
    const testUser = await seedUser(server)
    const former = (await send(signInFields(testUser))).cookies.get('__Host-latchkey')
    expect((await send(signInFields(testUser, 'not it'), `__Host-latchkey=${former}`)).status).toBe(
      401,
    )
    expect(await isSessionActive(former)).toBe(true)
  })
})

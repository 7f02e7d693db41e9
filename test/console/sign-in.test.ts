import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { someone } from '../support/browsing.ts'
import { codeAt, PASSWORD, type Person, seedPerson, setUpApp, signIn } from '../support/people.ts'
import { type TestServer, testServer } from '../support/server.ts'

const MINUTE = 60_000
const SIGN_IN = '/console/sign-in'
const DEVICE = '__Host-latchkey-device'

let server: TestServer
beforeAll(async () => {
  server = await testServer({ LATCHKEY_FAILURES_PER_ADDRESS: '10000' })
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

const typed = ({ username }: Person, password = PASSWORD) => ({ username, password })
const lives = async (secret = '') => (await server.access.sessions.find(secret, 'browser')) !== null

describe('the mark by which a browser is known', () => {
  test('is given with the session, to this host alone, out of reach of scripts and other sites, for a year', async () => {
    const { status, lines } = await send(typed(await seedPerson(server)))
    expect(status).toBe(303)
    expect(lines.find((line) => line.startsWith(DEVICE))).toMatch(
      /^__Host-latchkey-device=[\w.-]+; Max-Age=31536000; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    )
  })

  test('is given to nobody who has not come in', async () => {
    const person = await seedPerson(server)
    const app = await setUpApp(server, (await signIn(server, person)).signedIn)
    server.clock.turn(MINUTE)
    expect((await send(typed(person, 'not it'))).lines).toEqual([])
    const asked = await send(typed(person))
    expect([asked.status, asked.lines]).toEqual([200, []])
    const [, ticket = ''] = /name="ticket" value="([^"]+)"/.exec(asked.html) ?? []
    expect((await send({ ticket, code: '000000' })).lines).toEqual([])
    const code = codeAt(app.secret, server.clock())
    expect((await send({ ticket, code })).cookies.has(DEVICE)).toBe(true)
  })

  test('lets its owner in while strangers keep his name locked, after signing out too', async () => {
    const owner = await someone(server, 'administrator')
    const strangers = async () => {
      for (let n = 0; n < 60; n++) {
        const { status } = await send(typed(owner.person, 'a guess'), '', `192.0.2.${n}`)
        if (status === 429) return
      }
      throw new Error('the name is not locked')
    }
    expect((await owner.send('/console/sign-out')).location).toBe(SIGN_IN)
    await strangers()
    expect((await send(typed(owner.person))).status).toBe(429)
    expect((await owner.send(SIGN_IN, typed(owner.person))).location).toBe('/console')

    // Nor do they hinder what he does in his session.
    await owner.get('/console/me')
    const wished = 'six other words that nobody guesses'
    const fields = { wished, again: wished, 'your-password': PASSWORD }
    const changed = await owner.send('/console/me/password', fields)
    expect(changed.location).toBe('/console/me?said=password-changed')
    // With the new password his browser has a new mark.
    await strangers()
    expect((await owner.send(SIGN_IN, typed(owner.person, wished))).location).toBe('/console')
  })
})

describe('who signs in again', () => {
  test('ends the session that this browser had, and no other browser’s', async () => {
    const person = await seedPerson(server)
    const elsewhere = (await send(typed(person))).cookies.get('__Host-latchkey')
    const former = (await send(typed(person))).cookies.get('__Host-latchkey')
    const next = await send(typed(person), `__Host-latchkey=${former}`)
    const secrets = [former, elsewhere, next.cookies.get('__Host-latchkey')]
    expect(await Promise.all(secrets.map(lives))).toEqual([false, true, true])
    const [event] = await server.storage.listEvents({
      subject: person.user.id,
      action: 'session.ended',
      limit: 1,
    })
    expect(event?.actor).toBe(person.user.id)
  })

  test('as somebody else ends the session of who was there before', async () => {
    const [one, other] = [await seedPerson(server), await seedPerson(server)]
    const former = (await send(typed(one))).cookies.get('__Host-latchkey')
    const next = await send(typed(other), `__Host-latchkey=${former}`)
    expect(next.status).toBe(303)
    expect(await lives(former)).toBe(false)
  })

  test('in vain ends nothing', async () => {
    const person = await seedPerson(server)
    const former = (await send(typed(person))).cookies.get('__Host-latchkey')
    expect((await send(typed(person, 'not it'), `__Host-latchkey=${former}`)).status).toBe(401)
    expect(await lives(former)).toBe(true)
  })
})

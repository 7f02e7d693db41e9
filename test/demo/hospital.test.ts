import { expect, test } from 'vitest'
import { createHospitalApp } from '../../src/demo/hospital.ts'

/*
 * The demo's own destination: what it takes, what it refuses, and what a person sees of it.
 */

const TOKEN = 'agreed-on'
const createHospital = () => createHospitalApp(TOKEN)
type App = ReturnType<typeof createHospital>

const createMessage = (name: string, more: object = {}) => ({
  Meta: { DataModel: 'Device', EventType: 'New', Source: { ID: 'source-1', Name: name } },
  ...more,
})
const post = (app: App, body: unknown, token?: string) =>
  app.request('/messages', {
    method: 'POST',
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(token !== undefined && { headers: { 'verification-token': token } }),
  })
const setFailing = (app: App, failing: string) =>
  app.request('/switch', { method: 'POST', body: new URLSearchParams({ failing }) })
const readState = async (app: App) =>
  (await (await app.request('/messages')).json()) as { failing: boolean; arrived: object[] }
const readPage = async (app: App, path = '/') => (await app.request(path)).text()

test('the verification request is answered if its body has the token', async () => {
  const app = createHospital()
  const answer = await post(app, { 'verification-token': TOKEN, challenge: 'say this' })
  expect([answer.status, await answer.text()]).toEqual([200, 'say this'])
  expect(await readPage(app)).toContain('Handshake')
})

test.each([
  ['a handshake with another token', { 'verification-token': 'other', challenge: 'x' }, TOKEN],
  ['a message with another token', createMessage('Acme'), 'other'],
  ['a message without one', createMessage('Acme'), undefined],
])('%s is refused with 401, and nothing of it is kept', async (_, body, token) => {
  const app = createHospital()
  expect((await post(app, body, token)).status).toBe(401)
  expect((await readState(app)).arrived).toEqual([])
})

test.each(['', '{', '[]', 'null', '{"Meta":{"DataModel":"Device"}}'])(
  'what is no message is refused with 400: %s',
  async (body) => {
    const app = createHospital()
    expect((await post(app, body, TOKEN)).status).toBe(400)
    expect((await readState(app)).arrived).toEqual([])
  },
)

test('a script reads what arrived, the newest first, and the last one as it came', async () => {
  const app = createHospital()
  await post(app, createMessage('Acme'), TOKEN)
  const last = ` ${JSON.stringify(createMessage('Beacon', { Device: { ID: '12345678901234567890' } }))}`
  await post(app, last, TOKEN)
  const arrival = {
    at: expect.stringMatching(/^\d{4}-.*Z$/),
    kind: 'message',
    dataModel: 'Device',
    eventType: 'New',
    answered: 200,
  }
  expect(await readState(app)).toEqual({
    failing: false,
    arrived: [
      { ...arrival, source: 'Beacon (source-1)', body: last },
      { ...arrival, source: 'Acme (source-1)', body: JSON.stringify(createMessage('Acme')) },
    ],
  })
  expect(await (await app.request('/messages/last')).text()).toBe(last)
})

test('the switch makes every request fail with 500, and takes it back', async () => {
  const app = createHospital()
  const turned = await setFailing(app, 'on')
  expect([turned.status, turned.headers.get('Location')]).toEqual([303, '/'])
  expect((await post(app, createMessage('Acme'), TOKEN)).status).toBe(500)
  expect((await post(app, createMessage('Acme'), 'other')).status).toBe(401)
  expect(await readState(app)).toMatchObject({ failing: true, arrived: [{ answered: 500 }] })
  expect(await readPage(app)).toContain('It fails.')
  await setFailing(app, 'off')
  expect((await post(app, createMessage('Acme'), TOKEN)).status).toBe(200)
  expect(await readPage(app)).toContain('It takes messages.')
})

test('a switch that is turned to nothing stays as it is', async () => {
  const app = createHospital()
  await setFailing(app, 'on')
  expect((await setFailing(app, 'maybe')).status).toBe(400)
  expect((await readState(app)).failing).toBe(true)
})

test('the page shows what others wrote as text, runs nothing and loads its own style alone', async () => {
  const app = createHospital()
  await post(app, createMessage('<script>alert(1)</script>', { x: '</pre><img src=x>' }), TOKEN)
  const answer = await app.request('/')
  const text = await answer.text()
  expect(text).toContain('from &lt;script&gt;alert(1)&lt;/script&gt; (source-1)')
  expect(text).toContain('&lt;/pre&gt;&lt;img src=x&gt;')
  expect(text).not.toMatch(/<script|<img|<style|style=|\son\w+=/)
  expect(answer.headers.get('Content-Security-Policy')).toBe(
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  )
  const style = await app.request('/style.css')
  expect(style.headers.get('Content-Type')).toBe('text/css; charset=utf-8')
})

test('the page refreshes itself, unless the user pauses it', async () => {
  const app = createHospital()
  expect(await readPage(app)).toContain('http-equiv="refresh"')
  expect(await readPage(app, '/?still')).not.toContain('http-equiv="refresh"')
})

test('memory holds the last 50 arrivals, and the beginning of each', async () => {
  const app = createHospital()
  const long = JSON.stringify(createMessage('Acme', { x: 'x'.repeat(100_000) }))
  for (let n = 0; n < 60; n++) await post(app, long, TOKEN)
  const { arrived } = (await readState(app)) as { arrived: { body: string }[] }
  expect(arrived).toHaveLength(50)
  expect(arrived.every(({ body }) => body.length === 65_536)).toBe(true)
})

test('the page does not show the token', async () => {
  const app = createHospital()
  await post(app, { 'verification-token': TOKEN, challenge: 'x' })
  await post(app, createMessage('Acme', { note: TOKEN }), TOKEN)
  const shown = (await readPage(app)) + JSON.stringify(await readState(app))
  expect(shown).not.toContain(TOKEN)
})

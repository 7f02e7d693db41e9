import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { answerTo } from './answers.ts'
import { createArrivals } from './arrivals.ts'
import { page } from './page.ts'
import { readReceived } from './request.ts'
import { STYLE } from './style.ts'

/** Longer than any message: nobody fills the demo's memory. */
const LIMIT_BYTES = 64 * 1024 * 1024

const HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' }

/** A hospital's destination: it knows Latchkey by the token that they agreed on. */
export function hospitalApp(token: string): Hono {
  const arrivals = createArrivals()
  let failing = false
  const app = new Hono()

  app.use(async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HEADERS)) c.header(name, value)
  })

  app.post('/messages', bodyLimit({ maxSize: LIMIT_BYTES }), async (c) => {
    const body = await c.req.text()
    const received = readReceived(body)
    if (received === null) return c.text('This is neither a handshake nor a message.', 400)
    // The handshake brings the token in its body, whatever comes later in a header.
    const isHandshake = received.kind === 'handshake'
    const shown = isHandshake ? received.token : c.req.header('verification-token')
    if (shown !== token) return c.text('The verification token is another one.', 401)

    const told = isHandshake ? { dataModel: '', eventType: '', source: '' } : received
    const { dataModel, eventType, source } = told
    arrivals.add({
      kind: received.kind,
      dataModel,
      eventType,
      source,
      answered: failing ? 500 : 200,
      body: body.replaceAll(token, '…'),
    })
    if (failing) return c.text('The switch is set to fail.', 500)
    return isHandshake ? c.text(received.challenge) : c.json(answerTo(dataModel, eventType))
  })

  // For scripts: what is known of each, and the last one as it came.
  app.get('/messages', (c) => c.json({ failing, arrived: arrivals.list() }))
  app.get('/messages/last', (c) => {
    const [last] = arrivals.list()
    return last === undefined ? c.notFound() : c.body(last.body, 200, JSON_TYPE)
  })

  app.post('/switch', async (c) => {
    const wish = (await c.req.parseBody()).failing
    if (wish !== 'on' && wish !== 'off') return c.text('Say failing=on or failing=off.', 400)
    failing = wish === 'on'
    const now = failing ? 'Now every request is answered 500.' : 'Now messages are taken.'
    return c.text(`${now}\n`, 303, { Location: '/' })
  })

  app.get('/', (c) => {
    const still = c.req.query('still') !== undefined
    return c.html(page({ failing, still, arrived: arrivals.list() }))
  })
  app.get('/style.css', (c) => c.body(STYLE, 200, { 'Content-Type': 'text/css; charset=utf-8' }))
  return app
}

import { randomBytes } from 'node:crypto'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { html } from 'hono/html'
import { type LocalServer, serveLocally } from './local-servers.ts'

/** The demo's own destination. Its `url` is the page that shows what arrives. */
export interface HospitalServer extends LocalServer {
  /** Receives messages and the handshake. */
  readonly messagesUrl: string
  /** The verification token that Latchkey and the hospital share: a new one at each start. */
  readonly token: string
}

export async function startHospital(): Promise<HospitalServer> {
  const token = randomBytes(32).toString('base64url')
  const listening = await serveLocally(createHospitalApp(token))
  return { ...listening, messagesUrl: `${listening.url}/messages`, token }
}

/** Longer than any message, so that no request fills the demo's memory. */
const BODY_MAX_BYTES = 64 * 1024 * 1024

const HOSPITAL_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
}

const HOSPITAL_JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8' }

/** Creates a hospital's destination, which knows Latchkey by the shared verification token. */
export function createHospitalApp(token: string): Hono {
  const arrivals = createArrivalLog()
  let failing = false
  const app = new Hono()

  app.use(async (c, next) => {
    await next()
    for (const [name, value] of Object.entries(HOSPITAL_HEADERS)) c.header(name, value)
  })

  app.post('/messages', bodyLimit({ maxSize: BODY_MAX_BYTES }), async (c) => {
    const body = await c.req.text()
    const received = parseReceivedRequest(body)
    if (received === null) return c.text('This is neither a handshake nor a message.', 400)
    // The handshake has the token in its body, even if later requests have it in a header.
    const isHandshake = received.kind === 'handshake'
    const presentedToken = isHandshake ? received.token : c.req.header('verification-token')
    if (presentedToken !== token) return c.text('The verification token is another one.', 401)

    const described = isHandshake ? { dataModel: '', eventType: '', source: '' } : received
    const { dataModel, eventType, source } = described
    arrivals.add({
      kind: received.kind,
      dataModel,
      eventType,
      source,
      answered: failing ? 500 : 200,
      body: body.replaceAll(token, '…'),
    })
    if (failing) return c.text('The switch is set to fail.', 500)
    return isHandshake
      ? c.text(received.challenge)
      : c.json(createQueryAnswer(dataModel, eventType))
  })

  // For scripts: the arrivals, and the last body as it came.
  app.get('/messages', (c) => c.json({ failing, arrived: arrivals.list() }))
  app.get('/messages/last', (c) => {
    const [last] = arrivals.list()
    return last === undefined ? c.notFound() : c.body(last.body, 200, HOSPITAL_JSON_HEADERS)
  })

  app.post('/switch', async (c) => {
    const choice = (await c.req.parseBody()).failing
    if (choice !== 'on' && choice !== 'off') return c.text('Say failing=on or failing=off.', 400)
    failing = choice === 'on'
    const now = failing ? 'Now every request is answered 500.' : 'Now messages are taken.'
    return c.text(`${now}\n`, 303, { Location: '/' })
  })

  app.get('/', (c) => {
    const still = c.req.query('still') !== undefined
    return c.html(renderHospitalPage({ failing, still, arrived: arrivals.list() }))
  })
  app.get('/style.css', (c) =>
    c.body(HOSPITAL_CSS, 200, { 'Content-Type': 'text/css; charset=utf-8' }),
  )
  return app
}

const REFRESH_SECONDS = 2

/** Shows the arrivals without a script. Everything from outside is escaped. */
const renderHospitalPage = (state: {
  readonly failing: boolean
  /** Does not refresh itself, so that unfolded parts stay unfolded. */
  readonly still: boolean
  readonly arrived: readonly Arrival[]
}) => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${state.still ? '' : html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}">`}
<title>Community Hospital</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<h1>Community Hospital</h1>
<p>A destination, as Latchkey delivers to it. It keeps the last 50 arrivals, in memory.</p>
${state.failing ? FAILING_FORM : TAKING_FORM}
<h2>Arrived</h2>
<p>${state.still ? html`<a href="/">Watch</a>` : html`<a href="/?still">Hold still</a>`}</p>
${state.arrived.length === 0 ? html`<p>Nothing yet.</p>` : html`<ol>${state.arrived.map(renderArrival)}</ol>`}
</main>
</body>
</html>
`

const TAKING_FORM = html`<form method="post" action="/switch" class="switch">
<p><strong>It takes messages.</strong></p>
<button name="failing" value="on">Make it fail</button>
</form>`

const FAILING_FORM = html`<form method="post" action="/switch" class="switch failing">
<p><strong>It fails.</strong> Every request is answered 500, so messages wait in their queue.</p>
<button name="failing" value="off">Let it take messages again</button>
</form>`

const renderArrival = ({
  at,
  kind,
  dataModel,
  eventType,
  source,
  answered,
  body,
}: Arrival) => html`<li>
<p><time datetime="${at}">${at.slice(11, 19)}</time>
<strong>${kind === 'message' ? `${dataModel}: ${eventType}` : 'Handshake'}</strong>
<span>${kind === 'message' ? `from ${source}` : ''}</span>
<span class="${answered === 200 ? 'taken' : 'refused'}">answered ${answered}</span></p>
<details><summary>Body</summary><pre>${body}</pre></details>
</li>`

/** The parts of a request that a destination reads. */
type ReceivedRequest =
  | { readonly kind: 'handshake'; readonly token: string; readonly challenge: string }
  | {
      readonly kind: 'message'
      readonly dataModel: string
      readonly eventType: string
      readonly source: string
    }

/** Reads the body of a request; null if it is neither a handshake nor a message. */
function parseReceivedRequest(body: string): ReceivedRequest | null {
  const fields = toFields(parseBody(body))
  const { challenge, 'verification-token': token } = fields
  if (token !== undefined) {
    return { kind: 'handshake', token: String(token), challenge: String(challenge) }
  }
  const { DataModel, EventType, Source } = toFields(fields.Meta)
  if (typeof DataModel !== 'string' || typeof EventType !== 'string') return null
  const { Name = 'nobody', ID = 'no id' } = toFields(Source)
  return { kind: 'message', dataModel: DataModel, eventType: EventType, source: `${Name} (${ID})` }
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

const toFields = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

const HOSPITAL_PATIENT = {
  Identifiers: [{ ID: '0000000001', IDType: 'MR' }],
  Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
}

/** Answers queries from the hospital's records. No match is an empty answer, not an error. */
function createQueryAnswer(dataModel: string, eventType: string): object {
  if (dataModel === 'PatientSearch') return { Patient: HOSPITAL_PATIENT }
  if (dataModel === 'Clinical Summary' && eventType === 'PatientQuery') {
    return { Header: { Patient: HOSPITAL_PATIENT }, Allergies: [], Medications: [], Problems: [] }
  }
  return {}
}

/** A request that reached the hospital, and its answer. */
interface Arrival {
  /** An instant in the form of toISOString. */
  readonly at: string
  readonly kind: 'handshake' | 'message'
  readonly dataModel: string
  readonly eventType: string
  /** `Meta.Source`: name and id. */
  readonly source: string
  /** The status of the answer. */
  readonly answered: number
  readonly body: string
}

const MAX_ARRIVALS = 50
/** A message may be 40 MB; the page shows its beginning. */
const MAX_BODY_LENGTH = 64 * 1024

/** Keeps the last arrivals in memory, the newest first. */
function createArrivalLog() {
  const arrivals: Arrival[] = []

  return {
    add(arrival: Omit<Arrival, 'at'>): void {
      const body = arrival.body.slice(0, MAX_BODY_LENGTH)
      arrivals.unshift({ at: new Date().toISOString(), ...arrival, body })
      arrivals.splice(MAX_ARRIVALS)
    },
    list: (): readonly Arrival[] => arrivals,
  }
}

/**
 * System colours follow the user's light or dark scheme; only the two verdicts have colours of their
 * own.
 */
const HOSPITAL_CSS = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif; }
body { margin: 0; background: Canvas; color: CanvasText; }
main { max-width: 48rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; margin: 0.5rem 0 0; }
h2 { font-size: 1.125rem; margin: 1.5rem 0 0; }
p { margin: 0.25rem 0; }
a { color: LinkText; }
.switch { margin-top: 1rem; padding: 0.75rem 1rem; border: 1px solid; border-left-width: 0.5rem;
  border-radius: 0.375rem; border-color: light-dark(#1a7f37, #3fb950); }
.switch.failing { border-color: light-dark(#b3261e, #ff8a80); }
button { font: inherit; padding: 0.5rem 1rem; margin-top: 0.25rem; }
ol { list-style: none; margin: 0.5rem 0; padding: 0; }
li { padding: 0.5rem 0; border-top: 1px solid GrayText; overflow-wrap: anywhere; }
li p { display: flex; flex-wrap: wrap; gap: 0 0.75rem; }
time { font-variant-numeric: tabular-nums; }
.taken { color: light-dark(#1a7f37, #3fb950); }
.refused { color: light-dark(#b3261e, #ff8a80); }
summary { cursor: pointer; padding: 0.25rem 0; }
pre { margin: 0; padding: 0.75rem; border: 1px solid GrayText; border-radius: 0.375rem;
  white-space: pre-wrap; font-size: 0.875rem; }
`

import { Hono } from 'hono'

/** Content types of HL7 v2 in its ER7 encoding. A missing type is accepted too. */
const V2_TYPES = /^(text\/plain|application\/hl7-v2(\+er7)?|x-application\/hl7-v2\+er7)\s*(;|$)/i
const V3_TYPES = /^((text|application)\/xml|application\/[\w.-]+\+xml)\s*(;|$)/i

/** Creates a receiver of HL7 over HTTP. Every answer is HL7 with status 200. */
export function createHl7Upstream(): Hono {
  const app = new Hono()

  app.post('/v2/ingest', async ({ req }) => {
    const type = req.header('content-type') ?? 'text/plain'
    if (!V2_TYPES.test(type)) return respondText(415, `HL7 v2 is not sent as ${type}.`)
    return new Response(acknowledgeV2(await req.text(), new Date()), {
      headers: { 'Content-Type': type },
    })
  })

  app.post('/v3/ingest', async ({ req }) => {
    const type = req.header('content-type') ?? 'application/xml'
    if (!V3_TYPES.test(type)) return respondText(415, `HL7 v3 is not sent as ${type}.`)
    return new Response(acknowledgeV3(await req.text(), new Date()), {
      headers: { 'Content-Type': type },
    })
  })

  app.all('/v2/ingest', () => respondText(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.all('/v3/ingest', () => respondText(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.notFound(() => respondText(404, 'HL7 is taken at /v2/ingest and /v3/ingest.'))
  return app
}

const respondText = (status: number, words: string, headers: Record<string, string> = {}) =>
  new Response(words, {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...headers },
  })

/** Accepted messages: message code and trigger event of MSH-9. */
const ACCEPTED_MESSAGE_TYPES = ['ADT^A01', 'ADT^A04', 'ADT^A08', 'ADT^A40', 'ORU^R01']

/** The reason for a rejection: a condition of HL7 table 0357, and its location. */
interface Hl7Problem {
  /** AR: the header is unsupported. AE: the content is (HL7 v2.5.1 §2.9.2.2). */
  readonly code: 'AE' | 'AR'
  readonly condition: readonly [number: number, text: string]
  readonly at: readonly string[]
}

/** Formats the acknowledgement in original mode (HL7 v2.5.1 §2.9.2). Its segments end in CR. */
export function acknowledgeV2(message: string, now: Date): string {
  const segments = message.split(/\r\n|\r|\n/).filter((line) => line !== '')
  const header = readHeader(segments[0] ?? '')
  const problem = findHl7Problem(header, segments)
  const { bar, hat, msh } = header ?? FALLBACK_HEADER

  const [, event = ''] = msh(9).split(hat)
  const type = event === '' ? 'ACK' : ['ACK', event, 'ACK'].join(hat)
  const receiver = [msh(5), msh(6)]
  const sender = [msh(3), msh(4)]
  const id = crypto.randomUUID().replaceAll('-', '').slice(0, 20)
  const lines = [
    ['MSH', msh(2), ...receiver, ...sender, formatHl7Time(now), '', type, id, msh(11), msh(12)],
    ['MSA', problem?.code ?? 'AA', msh(10)],
  ]
  if (problem !== null) {
    const condition = [...problem.condition, 'HL70357'].join(hat)
    lines.push(['ERR', '', problem.at.join(hat), condition, 'E'])
  }
  return lines.map((fields) => `${fields.join(bar)}\r`).join('')
}

interface Hl7Header {
  /** Reads the separators of fields and components, which each message chooses for itself. */
  readonly bar: string
  readonly hat: string
  /** Reads MSH-n; empty if it is missing. */
  readonly msh: (n: number) => string
}

function readHeader(line: string): Hl7Header | null {
  const bar = line[3]
  if (!line.startsWith('MSH') || bar === undefined || /[\w\s]/.test(bar)) return null
  // MSH-1 is the separator itself, so MSH-2 is the first text after it.
  const fields = line.split(bar)
  const msh = (n: number) => fields[n - 1] ?? ''
  return { bar, hat: msh(2)[0] ?? '^', msh }
}

/** The receiver named in the answer to a message that names none. */
const FALLBACK_HEADER: Hl7Header = {
  bar: '|',
  hat: '^',
  msh: (n) => ({ 2: '^~\\&', 11: 'P', 12: '2.5.1' })[n] ?? '',
}

function findHl7Problem(header: Hl7Header | null, segments: readonly string[]): Hl7Problem | null {
  if (header === null) {
    return { code: 'AR', condition: [100, 'Segment sequence error'], at: ['MSH', '1'] }
  }
  const { msh, bar, hat } = header
  const [code = '', event = ''] = msh(9).split(hat)
  if (!ACCEPTED_MESSAGE_TYPES.some((type) => type.startsWith(`${code}^`))) {
    return { code: 'AR', condition: [200, 'Unsupported message type'], at: ['MSH', '1', '9'] }
  }
  if (!ACCEPTED_MESSAGE_TYPES.includes(`${code}^${event}`)) {
    return { code: 'AR', condition: [201, 'Unsupported event code'], at: ['MSH', '1', '9'] }
  }
  if (msh(10) === '') {
    return { code: 'AE', condition: [101, 'Required field missing'], at: ['MSH', '1', '10'] }
  }
  if (!segments.some((line) => line.startsWith(`PID${bar}`))) {
    return { code: 'AE', condition: [100, 'Segment sequence error'], at: ['PID', '1'] }
  }
  return null
}

/** Formats yyyyMMddHHmmss and the zone (HL7 v2.5.1 §2.A.22, DTM). */
const formatHl7Time = (now: Date) => `${now.toISOString().replace(/[-:T]|\.\d+Z$/g, '')}+0000`

/**
 * Formats the answer to a v3 interaction: an application acknowledgement (MCCI_IN000002UV01) with the
 * message's id. Searches the XML for the id only; a real receiver would parse it.
 */
export function acknowledgeV3(message: string, now: Date): string {
  const isInteraction = /<(?:\w+:)?[A-Z]{4}_[A-Z]{2}\d{6}[\w-]*[^>]*\burn:hl7-org:v3\b/.test(
    message,
  )
  const [, attributes] = /<(?:\w+:)?id\s+([^<>]*?)\s*\/?>/.exec(message) ?? []
  const isAccepted = isInteraction && attributes !== undefined
  const target = isAccepted ? `<targetMessage><id ${attributes}/></targetMessage>` : ''
  const created = now.toISOString().replace(/[-:T]|\.\d+Z$/g, '')
  return `<?xml version="1.0" encoding="UTF-8"?>
<MCCI_IN000002UV01 xmlns="urn:hl7-org:v3" ITSVersion="XML_1.0">
  <id root="${crypto.randomUUID()}"/>
  <creationTime value="${created}"/>
  <interactionId root="2.16.840.1.113883.1.6" extension="MCCI_IN000002UV01"/>
  <processingCode code="P"/>
  <processingModeCode code="T"/>
  <acceptAckCode code="NE"/>
  <acknowledgement><typeCode code="${isAccepted ? 'AA' : 'AR'}"/>${target}</acknowledgement>
</MCCI_IN000002UV01>
`
}

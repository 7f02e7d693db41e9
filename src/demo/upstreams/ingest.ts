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
function acknowledgeV2(message: string, now: Date): string {
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
function acknowledgeV3(message: string, now: Date): string {
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

/** A modality's report of a performed procedure step (DICOM PS3.4 §F.7). */
interface ProcedureStep {
  readonly sop_instance_uid: string
  readonly study_uid: string
  readonly status: StepStatus
}

const STEP_STATUSES = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const
type StepStatus = (typeof STEP_STATUSES)[number]

interface ProcedureSession {
  readonly id: string
  readonly studyUid: string
  status: StepStatus
}

/** Creates a receiver of MPPS messages. The site of a step comes from the key, never from the body. */
export function createMppsUpstream(): Hono {
  const app = new Hono()
  const sessions = new Map<string, ProcedureSession>()

  app.post('/ingest', async ({ req }) => {
    const parsed = parseStep(await req.json().catch(() => null))
    if (typeof parsed === 'string') return respondMppsError(400, parsed)
    const site = req.header('x-latchkey-site') ?? ''
    const sessionKey = JSON.stringify([site, parsed.sop_instance_uid])
    const session = sessions.get(sessionKey)
    const problem = findOrderProblem(session, parsed)
    if (problem !== null) return respondMppsError(409, problem)

    const current = session ?? {
      id: crypto.randomUUID(),
      studyUid: parsed.study_uid,
      status: parsed.status,
    }
    current.status = parsed.status
    sessions.set(sessionKey, current)
    return Response.json({ success: true, session_id: current.id })
  })

  app.all('/ingest', () => respondMppsError(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.notFound(() => respondMppsError(404, 'MPPS is taken at /ingest.'))
  return app
}

/** `IN PROGRESS` starts a step; the other two end it (DICOM PS3.4 §F.7.1, F.7.2). */
function findOrderProblem(
  session: ProcedureSession | undefined,
  { study_uid, status }: ProcedureStep,
): string | null {
  if (session === undefined) {
    return status === 'IN PROGRESS' ? null : `A step cannot be ${status} before it is IN PROGRESS.`
  }
  if (session.status !== 'IN PROGRESS') return `The step is ${session.status}, which is final.`
  return session.studyUid === study_uid ? null : 'The step belongs to another study.'
}

/** Parses a step, or returns what is wrong with it. */
function parseStep(body: unknown): ProcedureStep | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return 'The body is not a JSON object.'
  }
  const step = body as Record<string, unknown>
  const site = Object.keys(step).find((name) => /^site(_?(id|name|key))?$/i.test(name))
  if (site !== undefined) return `${site} is not for the sender to say: the key tells the site.`
  for (const name of ['sop_instance_uid', 'study_uid']) {
    if (!isUid(step[name])) return `${name} must be a UID.`
  }
  if (!STEP_STATUSES.some((status) => status === step.status)) {
    return `status must be one of ${STEP_STATUSES.join(', ')}.`
  }
  const { attributes = {} } = step
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    return 'attributes must be an object.'
  }
  return body as ProcedureStep
}

/** DICOM PS3.5 §9.1. */
const isUid = (value: unknown) =>
  typeof value === 'string' && value.length <= 64 && /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(value)

const respondMppsError = (status: number, error: string, headers: Record<string, string> = {}) =>
  Response.json({ success: false, error }, { status, headers })

import { Hono } from 'hono'

/** What a modality says of a performed procedure step (DICOM PS3.4 §F.7). */
interface Step {
  readonly sop_instance_uid: string
  readonly study_uid: string
  readonly status: Status
}

const STATUSES = ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED'] as const
type Status = (typeof STATUSES)[number]

interface Session {
  readonly id: string
  readonly studyUid: string
  status: Status
}

/** A receiver of MPPS messages. A step is one site's: the key says whose, the body never. */
export function mppsUpstream(): Hono {
  const app = new Hono()
  const sessions = new Map<string, Session>()

  app.post('/ingest', async ({ req }) => {
    const read = readStep(await req.json().catch(() => null))
    if (typeof read === 'string') return refused(400, read)
    const site = req.header('x-latchkey-site') ?? ''
    const place = JSON.stringify([site, read.sop_instance_uid])
    const session = sessions.get(place)
    const wrong = outOfTurn(session, read)
    if (wrong !== null) return refused(409, wrong)

    const kept = session ?? {
      id: crypto.randomUUID(),
      studyUid: read.study_uid,
      status: read.status,
    }
    kept.status = read.status
    sessions.set(place, kept)
    return Response.json({ success: true, session_id: kept.id })
  })

  app.all('/ingest', () => refused(405, 'This path takes POST only.', { Allow: 'POST' }))
  app.notFound(() => refused(404, 'MPPS is taken at /ingest.'))
  return app
}

/** `IN PROGRESS` starts a step; the two others end it (DICOM PS3.4 §F.7.1, F.7.2). */
function outOfTurn(session: Session | undefined, { study_uid, status }: Step): string | null {
  if (session === undefined) {
    return status === 'IN PROGRESS' ? null : `A step cannot be ${status} before it is IN PROGRESS.`
  }
  if (session.status !== 'IN PROGRESS') return `The step is ${session.status}, which is final.`
  return session.studyUid === study_uid ? null : 'The step belongs to another study.'
}

/** The step, or what is wrong with it. */
function readStep(body: unknown): Step | string {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return 'The body is not a JSON object.'
  }
  const step = body as Record<string, unknown>
  const site = Object.keys(step).find((name) => /^site(_?(id|name|key))?$/i.test(name))
  if (site !== undefined) return `${site} is not for the sender to say: the key tells the site.`
  for (const name of ['sop_instance_uid', 'study_uid']) {
    if (!isUid(step[name])) return `${name} must be a UID.`
  }
  if (!STATUSES.some((status) => status === step.status)) {
    return `status must be one of ${STATUSES.join(', ')}.`
  }
  const { attributes = {} } = step
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    return 'attributes must be an object.'
  }
  return body as Step
}

/** DICOM PS3.5 §9.1. */
const isUid = (value: unknown) =>
  typeof value === 'string' && value.length <= 64 && /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(value)

const refused = (status: number, error: string, headers: Record<string, string> = {}) =>
  Response.json({ success: false, error }, { status, headers })

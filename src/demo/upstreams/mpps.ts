import { Hono } from 'hono'

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

import { Hono } from 'hono'
import { METADATA } from './fhir-metadata.ts'
import { openPatients, type Patient } from './fhir-patients.ts'

type Patients = ReturnType<typeof openPatients>

/** A FHIR R4 server for patients (hl7.org/fhir/R4/http.html). What a site has, no other site sees. */
export function fhirUpstream(): Hono {
  const app = new Hono()
  const sites = new Map<string, Patients>()

  /** The patients of the site that the key belongs to. */
  function patientsOf(request: Request) {
    const site = request.headers.get('x-latchkey-site') ?? ''
    const patients = sites.get(site) ?? openPatients(site)
    sites.set(site, patients)
    return patients
  }

  app.get('/fhir/metadata', () => fhir(200, METADATA))

  app.get('/fhir/Patient', ({ req }) =>
    search(patientsOf(req.raw), new URL(req.url).searchParams, baseOf(req.raw)),
  )

  // Parameters of the query and of the form count together (§3.1.0.11).
  app.post('/fhir/Patient/_search', async ({ req }) => {
    const wanted = new URLSearchParams([
      ...new URL(req.url).searchParams,
      ...new URLSearchParams(await req.text()),
    ])
    return search(patientsOf(req.raw), wanted, baseOf(req.raw))
  })

  app.get('/fhir/Patient/:id', ({ req }) => readPatient(patientsOf(req.raw), req.param('id')))

  app.post('/fhir/Patient', async ({ req }) =>
    createPatient(patientsOf(req.raw), await read(req.raw), baseOf(req.raw)),
  )

  app.put('/fhir/Patient/:id', async ({ req }) =>
    updatePatient(patientsOf(req.raw), req.param('id'), await read(req.raw), baseOf(req.raw)),
  )

  app.post('/fhir', async ({ req }) => {
    const bundle = readBundle(await read(req.raw))
    if (bundle === null) return invalid('The body is not a Bundle of type transaction or batch.')
    return runBundle(patientsOf(req.raw), bundle, baseOf(req.raw))
  })

  app.notFound(({ req }) => notFound(req.path))
  return app
}

function search(patients: Patients, wanted: URLSearchParams, base: string): Response {
  const entry = patients.search(wanted).map((resource) => ({
    fullUrl: `${base}/Patient/${resource.id}`,
    resource,
    search: { mode: 'match' },
  }))
  const query = wanted.size === 0 ? '' : `?${wanted}`
  const link = [{ relation: 'self', url: `${base}/Patient${query}` }]
  return fhir(200, {
    resourceType: 'Bundle',
    type: 'searchset',
    total: entry.length,
    link,
    entry,
  })
}

function readPatient(patients: Patients, id: string): Response {
  const patient = patients.find(id)
  return patient === undefined
    ? notFound(`/fhir/Patient/${id}`)
    : fhir(200, patient, versionOf(patient))
}

/** An id of the client's own is ignored (§3.1.0.8). */
function createPatient(patients: Patients, given: unknown, base: string): Response {
  if (!isPatient(given)) return invalid('The body is not a Patient.')
  return created(patients.put({ ...given, id: crypto.randomUUID() }), base)
}

function updatePatient(patients: Patients, id: string, given: unknown, base: string): Response {
  if (!isPatient(given)) return invalid('The body is not a Patient.')
  if (given.id !== id) return invalid('The id of the body is not the id of the URL (§3.1.0.4).')
  const isNew = patients.find(id) === undefined
  const patient = patients.put({ ...given, id })
  return isNew ? created(patient, base) : fhir(200, patient, versionOf(patient))
}

interface BundleEntry {
  readonly resource?: unknown
  readonly request?: { readonly method?: unknown; readonly url?: unknown }
}

interface Bundle {
  readonly type: 'transaction' | 'batch'
  readonly entry: readonly BundleEntry[]
}

function readBundle(given: unknown): Bundle | null {
  const { resourceType, type, entry = [] } = (given ?? {}) as Record<string, unknown>
  if (resourceType !== 'Bundle' || !Array.isArray(entry)) return null
  return type === 'transaction' || type === 'batch' ? { type, entry } : null
}

/**
 * Each entry as a request of its own; of a transaction all of them or none (§3.1.0.11.2). A resource is
 * judged before anything is kept, so that nothing has to be undone.
 */
async function runBundle(
  patients: Patients,
  { type, entry }: Bundle,
  base: string,
): Promise<Response> {
  const problem = entry.map(findProblem).find((found) => found !== null)
  if (type === 'transaction' && problem !== undefined) return problem
  const answers = entry.map((one) => findProblem(one) ?? runEntry(patients, one, base))
  return fhir(200, {
    resourceType: 'Bundle',
    type: `${type}-response`,
    entry: await Promise.all(answers.map(toEntry)),
  })
}

/** Why an entry cannot be run; null where it can. */
function findProblem({ resource, request }: BundleEntry): Response | null {
  const [, id] = /^Patient(?:\/([^/?]+))?(?:\?|$)/.exec(String(request?.url)) ?? [null, null]
  if (id === null) return invalid(`${request?.url} is not taken in a Bundle.`)
  switch (request?.method) {
    case 'GET':
      return null
    case 'POST':
      return id === undefined && isPatient(resource)
        ? null
        : invalid('The entry creates no Patient.')
    case 'PUT':
      return isPatient(resource) && resource.id === id
        ? null
        : invalid('The entry updates no Patient of its URL.')
    default:
      return invalid(`${request?.method} is not taken in a Bundle.`)
  }
}

function runEntry(patients: Patients, { resource, request }: BundleEntry, base: string): Response {
  const { pathname, searchParams } = new URL(String(request?.url), `${base}/`)
  const [, id] = /\/Patient\/([^/]+)$/.exec(pathname) ?? []
  if (request?.method === 'POST') return createPatient(patients, resource, base)
  if (request?.method === 'PUT') return updatePatient(patients, id ?? '', resource, base)
  return id === undefined ? search(patients, searchParams, base) : readPatient(patients, id)
}

async function toEntry(answer: Response): Promise<object> {
  const location = answer.headers.get('location')
  const etag = answer.headers.get('etag')
  const resource: unknown = await answer.json()
  const response = {
    status: `${answer.status}`,
    ...(location === null ? {} : { location }),
    ...(etag === null ? {} : { etag }),
  }
  return answer.ok ? { resource, response } : { response: { ...response, outcome: resource } }
}

const fhir = (status: number, resource: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(resource), {
    status,
    headers: { 'Content-Type': 'application/fhir+json; charset=utf-8', ...headers },
  })

const versionOf = ({ meta }: Patient) => ({ ETag: `W/"${meta.versionId}"` })

function created(patient: Patient, base: string): Response {
  const { id, meta } = patient
  const Location = `${base}/Patient/${id}/_history/${meta.versionId}`
  return fhir(201, patient, { Location, ...versionOf(patient) })
}

/** As the caller knows this server: what stands before it says so. */
function baseOf(request: Request): string {
  const { protocol, host } = new URL(request.url)
  const scheme = request.headers.get('x-forwarded-proto') ?? protocol.slice(0, -1)
  return `${scheme}://${request.headers.get('x-forwarded-host') ?? host}/fhir`
}

const read = (request: Request): Promise<unknown> => request.json().catch(() => null)

const isPatient = (given: unknown): given is Record<string, unknown> =>
  (given as { resourceType?: unknown } | null)?.resourceType === 'Patient'

const outcome = (status: number, code: string, text: string) =>
  fhir(status, {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  })

const notFound = (path: string) => outcome(404, 'not-found', `There is no ${path}.`)
const invalid = (text: string) => outcome(400, 'invalid', text)

import { Hono } from 'hono'
import { METADATA } from './fhir-metadata.ts'
import { openPatients, type Patient } from './fhir-patients.ts'

/** A FHIR R4 server for patients (hl7.org/fhir/R4/http.html). What a site has, no other site sees. */
export function fhirUpstream(): Hono {
  const app = new Hono()
  const sites = new Map<string, ReturnType<typeof openPatients>>()

  /** The patients of the site that the key belongs to. */
  function patientsOf(request: Request) {
    const site = request.headers.get('x-latchkey-site') ?? ''
    const patients = sites.get(site) ?? openPatients(site)
    sites.set(site, patients)
    return patients
  }

  app.get('/fhir/metadata', () => fhir(200, METADATA))

  app.get('/fhir/Patient', ({ req }) => {
    const entry = patientsOf(req.raw)
      .search(new URL(req.url).searchParams)
      .map((resource) => ({
        fullUrl: `${baseOf(req.raw)}/Patient/${resource.id}`,
        resource,
        search: { mode: 'match' },
      }))
    const link = [{ relation: 'self', url: `${baseOf(req.raw)}/Patient${new URL(req.url).search}` }]
    return fhir(200, {
      resourceType: 'Bundle',
      type: 'searchset',
      total: entry.length,
      link,
      entry,
    })
  })

  app.get('/fhir/Patient/:id', ({ req }) => {
    const patient = patientsOf(req.raw).find(req.param('id'))
    return patient === undefined ? notFound(req.path) : fhir(200, patient, versionOf(patient))
  })

  app.post('/fhir/Patient', async ({ req }) => {
    const given = await read(req.raw)
    if (given === null) return invalid('The body is not a Patient.')
    // An id of the client's own is ignored (§3.1.0.8).
    return created(req.raw, patientsOf(req.raw).put({ ...given, id: crypto.randomUUID() }))
  })

  app.put('/fhir/Patient/:id', async ({ req }) => {
    const given = await read(req.raw)
    if (given === null) return invalid('The body is not a Patient.')
    const id = req.param('id')
    if (given.id !== id) return invalid('The id of the body is not the id of the URL (§3.1.0.4).')
    const patients = patientsOf(req.raw)
    const isNew = patients.find(id) === undefined
    const patient = patients.put({ ...given, id })
    return isNew ? created(req.raw, patient) : fhir(200, patient, versionOf(patient))
  })

  app.notFound(({ req }) => notFound(req.path))
  return app
}

const fhir = (status: number, resource: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(resource), {
    status,
    headers: { 'Content-Type': 'application/fhir+json; charset=utf-8', ...headers },
  })

const versionOf = ({ meta }: Patient) => ({ ETag: `W/"${meta.versionId}"` })

function created(request: Request, patient: Patient): Response {
  const { id, meta } = patient
  const Location = `${baseOf(request)}/Patient/${id}/_history/${meta.versionId}`
  return fhir(201, patient, { Location, ...versionOf(patient) })
}

/** As the caller knows this server: what stands before it says so. */
function baseOf(request: Request): string {
  const { protocol, host } = new URL(request.url)
  const scheme = request.headers.get('x-forwarded-proto') ?? protocol.slice(0, -1)
  return `${scheme}://${request.headers.get('x-forwarded-host') ?? host}/fhir`
}

async function read(request: Request): Promise<Record<string, unknown> | null> {
  const body: unknown = await request.json().catch(() => null)
  const isPatient = (body as { resourceType?: unknown } | null)?.resourceType === 'Patient'
  return isPatient ? (body as Record<string, unknown>) : null
}

const outcome = (status: number, code: string, text: string) =>
  fhir(status, {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  })

const notFound = (path: string) => outcome(404, 'not-found', `There is no ${path}.`)
const invalid = (text: string) => outcome(400, 'invalid', text)

import { createHash } from 'node:crypto'
import { Hono } from 'hono'
import { DEMO_PATIENTS } from './json-apis.ts'

type PatientStore = ReturnType<typeof createPatientStore>

/**
 * Creates a FHIR R4 server for patients (hl7.org/fhir/R4/http.html). Each site sees only its own
 * patients.
 */
export function createFhirUpstream(): Hono {
  const app = new Hono()
  const sites = new Map<string, PatientStore>()

  /** Returns the patients of the key's site. */
  function findPatientStore(request: Request) {
    const site = request.headers.get('x-latchkey-site') ?? ''
    const patients = sites.get(site) ?? createPatientStore(site)
    sites.set(site, patients)
    return patients
  }

  app.get('/fhir/metadata', () => respondFhir(200, FHIR_METADATA))

  app.get('/fhir/Patient', ({ req }) =>
    searchPatients(findPatientStore(req.raw), new URL(req.url).searchParams, getBaseUrl(req.raw)),
  )

  // The search uses the parameters of the query and of the form together (§3.1.0.11).
  app.post('/fhir/Patient/_search', async ({ req }) => {
    const parameters = new URLSearchParams([
      ...new URL(req.url).searchParams,
      ...new URLSearchParams(await req.text()),
    ])
    return searchPatients(findPatientStore(req.raw), parameters, getBaseUrl(req.raw))
  })

  app.get('/fhir/Patient/:id', ({ req }) => readPatient(findPatientStore(req.raw), req.param('id')))

  app.post('/fhir/Patient', async ({ req }) =>
    createPatient(findPatientStore(req.raw), await readJson(req.raw), getBaseUrl(req.raw)),
  )

  app.put('/fhir/Patient/:id', async ({ req }) =>
    updatePatient(
      findPatientStore(req.raw),
      req.param('id'),
      await readJson(req.raw),
      getBaseUrl(req.raw),
    ),
  )

  app.post('/fhir', async ({ req }) => {
    const bundle = parseBundle(await readJson(req.raw))
    if (bundle === null)
      return respondInvalid('The body is not a Bundle of type transaction or batch.')
    return runBundle(findPatientStore(req.raw), bundle, getBaseUrl(req.raw))
  })

  app.notFound(({ req }) => respondNotFound(req.path))
  return app
}

function searchPatients(
  patients: PatientStore,
  parameters: URLSearchParams,
  base: string,
): Response {
  const entry = patients.search(parameters).map((resource) => ({
    fullUrl: `${base}/Patient/${resource.id}`,
    resource,
    search: { mode: 'match' },
  }))
  const query = parameters.size === 0 ? '' : `?${parameters}`
  const link = [{ relation: 'self', url: `${base}/Patient${query}` }]
  return respondFhir(200, {
    resourceType: 'Bundle',
    type: 'searchset',
    total: entry.length,
    link,
    entry,
  })
}

function readPatient(patients: PatientStore, id: string): Response {
  const patient = patients.find(id)
  return patient === undefined
    ? respondNotFound(`/fhir/Patient/${id}`)
    : respondFhir(200, patient, createEtagHeader(patient))
}

/** Ignores an id that the client chose (§3.1.0.8). */
function createPatient(patients: PatientStore, resource: unknown, base: string): Response {
  if (!isPatient(resource)) return respondInvalid('The body is not a Patient.')
  return respondCreated(patients.put({ ...resource, id: crypto.randomUUID() }), base)
}

function updatePatient(
  patients: PatientStore,
  id: string,
  resource: unknown,
  base: string,
): Response {
  if (!isPatient(resource)) return respondInvalid('The body is not a Patient.')
  if (resource.id !== id)
    return respondInvalid('The id of the body is not the id of the URL (§3.1.0.4).')
  const isNew = patients.find(id) === undefined
  const patient = patients.put({ ...resource, id })
  return isNew
    ? respondCreated(patient, base)
    : respondFhir(200, patient, createEtagHeader(patient))
}

interface BundleEntry {
  readonly resource?: unknown
  readonly request?: { readonly method?: unknown; readonly url?: unknown }
}

interface Bundle {
  readonly type: 'transaction' | 'batch'
  readonly entry: readonly BundleEntry[]
}

function parseBundle(resource: unknown): Bundle | null {
  const { resourceType, type, entry = [] } = (resource ?? {}) as Record<string, unknown>
  if (resourceType !== 'Bundle' || !Array.isArray(entry)) return null
  return type === 'transaction' || type === 'batch' ? { type, entry } : null
}

/**
 * Runs each entry as a request of its own; of a transaction, all entries or none (§3.1.0.11.2). Checks
 * each resource before it stores any, so that nothing has to be undone.
 */
async function runBundle(
  patients: PatientStore,
  { type, entry }: Bundle,
  base: string,
): Promise<Response> {
  const problem = entry.map(findEntryProblem).find((found) => found !== null)
  if (type === 'transaction' && problem !== undefined) return problem
  const responses = entry.map((one) => findEntryProblem(one) ?? runEntry(patients, one, base))
  return respondFhir(200, {
    resourceType: 'Bundle',
    type: `${type}-response`,
    entry: await Promise.all(responses.map(toResponseEntry)),
  })
}

/** Returns why an entry cannot be run; null if it can. */
function findEntryProblem({ resource, request }: BundleEntry): Response | null {
  const [, id] = /^Patient(?:\/([^/?]+))?(?:\?|$)/.exec(String(request?.url)) ?? [null, null]
  if (id === null) return respondInvalid(`${request?.url} is not taken in a Bundle.`)
  switch (request?.method) {
    case 'GET':
      return null
    case 'POST':
      return id === undefined && isPatient(resource)
        ? null
        : respondInvalid('The entry creates no Patient.')
    case 'PUT':
      return isPatient(resource) && resource.id === id
        ? null
        : respondInvalid('The entry updates no Patient of its URL.')
    default:
      return respondInvalid(`${request?.method} is not taken in a Bundle.`)
  }
}

function runEntry(
  patients: PatientStore,
  { resource, request }: BundleEntry,
  base: string,
): Response {
  const { pathname, searchParams } = new URL(String(request?.url), `${base}/`)
  const [, id] = /\/Patient\/([^/]+)$/.exec(pathname) ?? []
  if (request?.method === 'POST') return createPatient(patients, resource, base)
  if (request?.method === 'PUT') return updatePatient(patients, id ?? '', resource, base)
  return id === undefined ? searchPatients(patients, searchParams, base) : readPatient(patients, id)
}

async function toResponseEntry(answer: Response): Promise<object> {
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

const respondFhir = (status: number, resource: object, headers: Record<string, string> = {}) =>
  new Response(JSON.stringify(resource), {
    status,
    headers: { 'Content-Type': 'application/fhir+json; charset=utf-8', ...headers },
  })

const createEtagHeader = ({ meta }: FhirPatient) => ({ ETag: `W/"${meta.versionId}"` })

function respondCreated(patient: FhirPatient, base: string): Response {
  const { id, meta } = patient
  const Location = `${base}/Patient/${id}/_history/${meta.versionId}`
  return respondFhir(201, patient, { Location, ...createEtagHeader(patient) })
}

/** Returns the URL by which the caller knows this server: the proxy's forwarded host. */
function getBaseUrl(request: Request): string {
  const { protocol, host } = new URL(request.url)
  const scheme = request.headers.get('x-forwarded-proto') ?? protocol.slice(0, -1)
  return `${scheme}://${request.headers.get('x-forwarded-host') ?? host}/fhir`
}

const readJson = (request: Request): Promise<unknown> => request.json().catch(() => null)

const isPatient = (resource: unknown): resource is Record<string, unknown> =>
  (resource as { resourceType?: unknown } | null)?.resourceType === 'Patient'

const respondOutcome = (status: number, code: string, text: string) =>
  respondFhir(status, {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  })

const respondNotFound = (path: string) => respondOutcome(404, 'not-found', `There is no ${path}.`)
const respondInvalid = (text: string) => respondOutcome(400, 'invalid', text)

interface FhirPatient {
  readonly resourceType: 'Patient'
  readonly id: string
  readonly meta: { readonly versionId: string; readonly lastUpdated: string }
  readonly [element: string]: unknown
}

interface FhirHumanName {
  readonly text?: string
  readonly family?: string
  readonly given?: readonly string[]
  readonly prefix?: readonly string[]
  readonly suffix?: readonly string[]
}

/** Stores the patients of one site. Ids are local to the site. */
function createPatientStore(site: string) {
  const patients = new Map<string, FhirPatient>()
  const prefix = createHash('sha256').update(site).digest('hex').slice(0, 8)
  for (const { number, givenName, familyName, sex, born } of DEMO_PATIENTS) {
    const name = [{ use: 'official', family: familyName, given: [givenName] }]
    put({ id: `${prefix}-${number}`, name, gender: sex, birthDate: born })
  }

  /** Stores the resource as its next version. */
  function put(elements: Readonly<Record<string, unknown>> & { readonly id: string }): FhirPatient {
    const before = patients.get(elements.id)
    const meta = {
      versionId: String(Number(before?.meta.versionId ?? 0) + 1),
      lastUpdated: new Date().toISOString(),
    }
    const patient: FhirPatient = { ...elements, resourceType: 'Patient', meta }
    patients.set(patient.id, patient)
    return patient
  }

  return {
    put,
    find: (id: string) => patients.get(id),
    /** Ignores unknown parameters, as §3.1.1.3 allows. */
    search: (parameters: URLSearchParams) =>
      [...patients.values()].filter((patient) =>
        [...parameters].every(([parameter, value]) => isMatch(patient, parameter, value)),
      ),
  }
}

function isMatch(patient: FhirPatient, parameter: string, value: string): boolean {
  switch (parameter) {
    case '_id':
      return patient.id === value
    case 'birthdate':
      return patient.birthDate === value
    case 'family':
      return listNames(patient).some(({ family }) => hasPrefix(family, value))
    case 'name':
      // Matches any part of a name (hl7.org/fhir/R4/patient.html#search).
      return listNames(patient).some(({ text, family, given = [], prefix = [], suffix = [] }) =>
        [text, family, ...given, ...prefix, ...suffix].some((part) => hasPrefix(part, value)),
      )
    default:
      return true
  }
}

/** Matches a string from its beginning, ignoring case; of several values, one is enough (§3.1.1.4.8). */
const hasPrefix = (part: string | undefined, value: string): boolean =>
  part !== undefined &&
  value.split(',').some((prefix) => part.toLowerCase().startsWith(prefix.toLowerCase()))

const listNames = ({ name }: FhirPatient): FhirHumanName[] => (Array.isArray(name) ? name : [])

/** Describes the FHIR upstream (hl7.org/fhir/R4/capabilitystatement.html). */
const FHIR_METADATA = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  implementation: { description: 'The FHIR upstream of the demo' },
  fhirVersion: '4.0.1',
  format: ['application/fhir+json'],
  rest: [
    {
      mode: 'server',
      interaction: [{ code: 'transaction' }, { code: 'batch' }],
      resource: [
        {
          type: 'Patient',
          interaction: ['read', 'create', 'update', 'search-type'].map((code) => ({ code })),
          updateCreate: true,
          searchParam: [
            { name: '_id', type: 'token' },
            { name: 'name', type: 'string' },
            { name: 'family', type: 'string' },
            { name: 'birthdate', type: 'date' },
          ],
        },
      ],
    },
  ],
}

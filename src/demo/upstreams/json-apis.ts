import { Hono } from 'hono'

/** The patients of the demo's upstreams, in the form of each. */
interface DemoPatient {
  readonly number: number
  readonly givenName: string
  readonly familyName: string
  readonly sex: 'male' | 'female'
  /** yyyy-MM-dd */
  readonly born: string
}

export const DEMO_PATIENTS: readonly DemoPatient[] = [
  { number: 1, givenName: 'Timothy', familyName: 'Bixby', sex: 'male', born: '2008-01-06' },
  { number: 2, givenName: 'Barbara', familyName: 'Cortez', sex: 'female', born: '1971-11-30' },
  { number: 3, givenName: 'Keiko', familyName: 'Yamada', sex: 'female', born: '1994-05-17' },
]

const OPENDENTAL_PATIENTS = DEMO_PATIENTS.map(({ number, givenName, familyName, sex, born }) => ({
  PatNum: number,
  LName: familyName,
  FName: givenName,
  Gender: sex === 'male' ? 'Male' : 'Female',
  Birthdate: born,
  PatStatus: 'Patient',
}))

const OPENDENTAL_APPOINTMENTS = DEMO_PATIENTS.map(({ number }) => ({
  AptNum: 100 + number,
  PatNum: number,
  AptStatus: 'Scheduled',
  AptDateTime: `2026-03-0${number} 09:30:00`,
  ProcDescript: 'PerEx, Prophy',
}))

/** Serves one dental office's data. Every error is one bare JSON string. */
export function createOpendentalUpstream(): Hono {
  const data = new Hono()

  data.get('/patients', ({ req }) => {
    const { LName } = req.query()
    return Response.json(
      OPENDENTAL_PATIENTS.filter((patient) => (LName ?? patient.LName) === patient.LName),
    )
  })
  data.get('/patients/:PatNum', ({ req }) => {
    const patient = OPENDENTAL_PATIENTS.find(({ PatNum }) => String(PatNum) === req.param('PatNum'))
    return patient === undefined
      ? respondOpendentalError(404, 'Patient not found.')
      : Response.json(patient)
  })
  data.put('/patients/:PatNum', async ({ req }) => {
    const patient = OPENDENTAL_PATIENTS.find(({ PatNum }) => String(PatNum) === req.param('PatNum'))
    if (patient === undefined) return respondOpendentalError(404, 'Patient not found.')
    const changes: unknown = await req.json().catch(() => null)
    if (typeof changes !== 'object' || changes === null)
      return respondOpendentalError(400, 'The body is not JSON.')
    return Response.json({ ...patient, ...changes, PatNum: patient.PatNum })
  })
  data.get('/appointments', () => Response.json(OPENDENTAL_APPOINTMENTS))

  const app = new Hono()
  app.route('/api/v1', data)
  app.route('/', data)
  app.notFound(({ req }) => respondOpendentalError(404, `${req.path} is not a resource.`))
  return app
}

const respondOpendentalError = (status: number, text: string) => Response.json(text, { status })

const XDENT_PATIENTS = DEMO_PATIENTS.map(({ number, givenName, familyName, born }) => ({
  Id: number,
  FirstName: givenName,
  LastName: familyName,
  DateOfBirth: born,
}))

const XDENT_APPOINTMENTS = DEMO_PATIENTS.map(({ number }) => ({
  Id: 100 + number,
  PatientId: number,
  StartsAt: `2026-03-0${number}T09:30:00Z`,
}))

/** Serves one dental company's data. Every error is `{"Code","Message"}`. */
export function createXdentUpstream(): Hono {
  const app = new Hono()

  app.get('/api/v1/Patients', () => Response.json(XDENT_PATIENTS))
  app.get('/api/v1/Patients/:Id', ({ req }) => {
    const patient = XDENT_PATIENTS.find(({ Id }) => String(Id) === req.param('Id'))
    return patient === undefined ? respondXdentNotFound(req.path) : Response.json(patient)
  })
  app.get('/api/v1/Appointments', () => Response.json(XDENT_APPOINTMENTS))

  app.notFound(({ req }) => respondXdentNotFound(req.path))
  return app
}

const respondXdentNotFound = (path: string) =>
  Response.json({ Code: 'NOT_FOUND', Message: `There is no ${path}.` }, { status: 404 })

const PRACTICE_PATIENTS = DEMO_PATIENTS.map(({ number, givenName, familyName, born }) => ({
  id: number,
  first_name: givenName,
  last_name: familyName,
  birth_date: born,
}))

/** Serves one practice's data. Every error is `{"error","message"}`. */
export function createPracticeUpstream(): Hono {
  const app = new Hono()

  app.get('/practice/v1/patients', () => Response.json(PRACTICE_PATIENTS))
  app.get('/practice/v1/patients/:id', ({ req }) => {
    const patient = PRACTICE_PATIENTS.find(({ id }) => String(id) === req.param('id'))
    return patient === undefined ? respondPracticeNotFound(req.path) : Response.json(patient)
  })

  app.notFound(({ req }) => respondPracticeNotFound(req.path))
  return app
}

const respondPracticeNotFound = (path: string) =>
  Response.json({ error: 'not_found', message: `There is no ${path}.` }, { status: 404 })

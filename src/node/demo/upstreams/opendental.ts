import { Hono } from 'hono'
import { PEOPLE } from './people.ts'

const PATIENTS = PEOPLE.map(({ number, given, family, sex, born }) => ({
  PatNum: number,
  LName: family,
  FName: given,
  Gender: sex === 'male' ? 'Male' : 'Female',
  Birthdate: born,
  PatStatus: 'Patient',
}))

const APPOINTMENTS = PEOPLE.map(({ number }) => ({
  AptNum: 100 + number,
  PatNum: number,
  AptStatus: 'Scheduled',
  AptDateTime: `2026-03-0${number} 09:30:00`,
  ProcDescript: 'PerEx, Prophy',
}))

/** One dental office's data. Every error is one bare JSON string. */
export function opendentalUpstream(): Hono {
  const data = new Hono()

  data.get('/patients', ({ req }) => {
    const { LName } = req.query()
    return Response.json(PATIENTS.filter((patient) => (LName ?? patient.LName) === patient.LName))
  })
  data.get('/patients/:PatNum', ({ req }) => {
    const patient = PATIENTS.find(({ PatNum }) => String(PatNum) === req.param('PatNum'))
    return patient === undefined ? refused(404, 'Patient not found.') : Response.json(patient)
  })
  data.put('/patients/:PatNum', async ({ req }) => {
    const patient = PATIENTS.find(({ PatNum }) => String(PatNum) === req.param('PatNum'))
    if (patient === undefined) return refused(404, 'Patient not found.')
    const given: unknown = await req.json().catch(() => null)
    if (typeof given !== 'object' || given === null) return refused(400, 'The body is not JSON.')
    return Response.json({ ...patient, ...given, PatNum: patient.PatNum })
  })
  data.get('/appointments', () => Response.json(APPOINTMENTS))

  const app = new Hono()
  app.route('/api/v1', data)
  app.route('/', data)
  app.notFound(({ req }) => refused(404, `${req.path} is not a resource.`))
  return app
}

const refused = (status: number, text: string) => Response.json(text, { status })

import { Hono } from 'hono'
import { PEOPLE } from './people.ts'

const PATIENTS = PEOPLE.map(({ number, given, family, born }) => ({
  Id: number,
  FirstName: given,
  LastName: family,
  DateOfBirth: born,
}))

const APPOINTMENTS = PEOPLE.map(({ number }) => ({
  Id: 100 + number,
  PatientId: number,
  StartsAt: `2026-03-0${number}T09:30:00Z`,
}))

/** One dental company's data. Every error is `{"Code","Message"}`. */
export function xdentUpstream(): Hono {
  const app = new Hono()

  app.get('/api/v1/Patients', () => Response.json(PATIENTS))
  app.get('/api/v1/Patients/:Id', ({ req }) => {
    const patient = PATIENTS.find(({ Id }) => String(Id) === req.param('Id'))
    return patient === undefined ? notFound(req.path) : Response.json(patient)
  })
  app.get('/api/v1/Appointments', () => Response.json(APPOINTMENTS))

  app.notFound(({ req }) => notFound(req.path))
  return app
}

const notFound = (path: string) =>
  Response.json({ Code: 'NOT_FOUND', Message: `There is no ${path}.` }, { status: 404 })

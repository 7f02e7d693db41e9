import { Hono } from 'hono'
import { PEOPLE } from './people.ts'

const PATIENTS = PEOPLE.map(({ number, given, family, born }) => ({
  id: number,
  first_name: given,
  last_name: family,
  birth_date: born,
}))

/** One practice's data. Every error is `{"error","message"}`. */
export function practiceUpstream(): Hono {
  const app = new Hono()

  app.get('/practice/v1/patients', () => Response.json(PATIENTS))
  app.get('/practice/v1/patients/:id', ({ req }) => {
    const patient = PATIENTS.find(({ id }) => String(id) === req.param('id'))
    return patient === undefined ? notFound(req.path) : Response.json(patient)
  })

  app.notFound(({ req }) => notFound(req.path))
  return app
}

const notFound = (path: string) =>
  Response.json({ error: 'not_found', message: `There is no ${path}.` }, { status: 404 })

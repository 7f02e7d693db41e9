import { Hono } from 'hono'
import { z } from 'zod'
import { fail, ok, type Result } from '../domain/failure.ts'
import { parseDurationMs } from '../domain/instant.ts'
import { formatJsonPointer, parseInput } from '../operations/parse-input.ts'
import type { FaultyApp, FaultyAppDeps } from './faulty-app.ts'
import { describeFinding } from './findings.ts'
import { createSandboxProblem } from './problem.ts'
import { scheduleSchema } from './schedule.ts'

/** The beginning of the paths that the sandbox answers itself. */
export const CONTROL_PATH = '/simulate'

const advanceSchema = z.strictObject({
  by: z.string().refine((text) => parseDurationMs(text) !== null, 'must be a duration such as 8d'),
})

/** Lets a test read the sandbox and change it. */
export function createControlApp(
  { clock, schedule, judge, keyChanges }: FaultyAppDeps,
  faultyApp: Pick<FaultyApp, 'requests' | 'faultCounts'>,
): Hono {
  const app = new Hono().basePath(CONTROL_PATH)
  const describeState = () => ({
    now: new Date(clock.now()).toISOString(),
    requests: faultyApp.requests,
    faults: faultyApp.faultCounts,
  })

  app.get('/', (c) =>
    c.json({ ...describeState(), secrets: Object.fromEntries(keyChanges.secretsByKey) }),
  )

  app.get('/report', (c) =>
    c.json({ ...describeState(), findings: judge.findings.map(describeFinding) }),
  )

  app.post('/advance', async (c) => {
    const input = await readInput(c.req.raw, advanceSchema, '{"by":"8d"}')
    if (!input.ok) return input.failure
    judge.noteJump({ at: clock.now(), monotonicAt: performance.now() })
    clock.advance(parseDurationMs(input.value.by) ?? 0)
    return c.json(describeState())
  })

  app.post('/faults', async (c) => {
    const rules = await readInput(
      c.req.raw,
      scheduleSchema,
      '[{"fault":"answer-503=30s","count":1}]',
    )
    if (!rules.ok) return rules.failure
    schedule.add(rules.value)
    return c.json(describeState())
  })

  app.notFound(({ req }) => {
    const requests = app.routes.map(({ method, path }) => `${method} ${path}`).join(', ')
    const detail = `The sandbox does not answer ${req.method} ${req.path}. Send one of ${requests}.`
    return createSandboxProblem(404, 'Not found', detail)
  })
  return app
}

/** Reads a body of JSON, whatever its type says: curl calls it a form. */
async function readInput<Schema extends z.ZodType>(
  request: Request,
  schema: Schema,
  example: string,
): Promise<Result<z.output<Schema>, Response>> {
  let value: unknown
  try {
    value = await request.json()
  } catch {
    const detail = `The body is not valid JSON. Send a body such as ${example}.`
    return fail(createSandboxProblem(400, 'The body cannot be read', detail))
  }
  const input = parseInput(schema, value, 'body')
  if (input.ok) return ok(input.value)
  const errors = input.failure.errors.map(({ path, detail }) => ({
    pointer: formatJsonPointer(path),
    detail,
  }))
  const texts = errors.map(
    ({ pointer, detail }) => `${pointer === '#' ? 'the body' : pointer}: ${detail}`,
  )
  const detail = `${texts.join('; ')}. Send a body such as ${example}.`
  return fail(createSandboxProblem(422, 'The request is invalid', detail, errors))
}

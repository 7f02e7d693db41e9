import { Hono } from 'hono'
import { z } from 'zod'
import { parseDurationMs } from '../domain/instant.ts'
import type { FaultyApp, FaultyAppDeps } from './faulty-app.ts'
import { describeFinding } from './findings.ts'
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
    const input = advanceSchema.safeParse(await readJson(c.req.raw))
    if (!input.success) return c.json({ message: z.prettifyError(input.error) }, 400)
    judge.noteJump({ at: clock.now(), monotonicAt: performance.now() })
    clock.advance(parseDurationMs(input.data.by) ?? 0)
    return c.json(describeState())
  })

  app.post('/faults', async (c) => {
    const rules = scheduleSchema.safeParse(await readJson(c.req.raw))
    if (!rules.success) return c.json({ message: z.prettifyError(rules.error) }, 400)
    schedule.add(rules.data)
    return c.json(describeState())
  })
  return app
}

const readJson = (request: Request): Promise<unknown> => request.json().catch(() => null)

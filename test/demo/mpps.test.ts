import type { Hono } from 'hono'
import { beforeEach, expect, test } from 'vitest'
import { createMppsUpstream } from '../../src/demo/upstreams/ingest.ts'

let mpps: Hono
beforeEach(() => {
  mpps = createMppsUpstream()
})

const STEP = { sop_instance_uid: '1.2.840.1', study_uid: '1.2.840.2' }

async function send(body: unknown, site = 'site-1') {
  const answer = await mpps.request('/ingest', {
    method: 'POST',
    headers: { 'X-Latchkey-Site': site },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  return { status: answer.status, body: (await answer.json()) as object }
}

const report = (status: string, more: object = {}, site?: string) =>
  send({ ...STEP, status, ...more }, site)

const taken = { success: true, session_id: expect.stringMatching(/^[0-9a-f-]{36}$/) }
const refused = { success: false, error: expect.any(String) }

test.each(['COMPLETED', 'DISCONTINUED'])(
  'a step begins, goes on and is %s: one session',
  async (end) => {
    const begun = await report('IN PROGRESS', { attributes: { Modality: 'CT' } })
    expect(begun).toEqual({ status: 200, body: taken })
    expect(await report('IN PROGRESS')).toEqual(begun)
    expect(await report(end)).toEqual(begun)
  },
)

test.each(['COMPLETED', 'DISCONTINUED'])('%s before IN PROGRESS is refused', async (status) => {
  expect(await report(status)).toEqual({ status: 409, body: refused })
})

test.each(['COMPLETED', 'DISCONTINUED'])('%s is final', async (end) => {
  await report('IN PROGRESS')
  await report(end)
  for (const status of ['IN PROGRESS', 'COMPLETED', 'DISCONTINUED']) {
    expect(await report(status)).toEqual({ status: 409, body: refused })
  }
})

test('a step does not move to another study', async () => {
  await report('IN PROGRESS')
  expect((await report('COMPLETED', { study_uid: '1.2.3' })).status).toBe(409)
})

test('a step of another site is another step', async () => {
  const begun = await report('IN PROGRESS')
  expect((await report('COMPLETED', {}, 'site-2')).status).toBe(409)
  expect(await report('IN PROGRESS', {}, 'site-2')).not.toEqual(begun)
})

test.each(['site', 'site_id', 'siteId', 'Site', 'site_name'])(
  'a body must not name its %s',
  async (name) => {
    expect(await report('IN PROGRESS', { [name]: 'site-1' })).toEqual({
      status: 400,
      body: refused,
    })
  },
)

test.each([
  '',
  'null',
  '[]',
  { ...STEP },
  { ...STEP, status: 'in progress' },
  { ...STEP, status: 'IN PROGRESS', sop_instance_uid: undefined },
  { ...STEP, status: 'IN PROGRESS', study_uid: 12 },
  { ...STEP, status: 'IN PROGRESS', study_uid: '1.02.3' },
  { ...STEP, status: 'IN PROGRESS', study_uid: `1.${'2'.repeat(63)}` },
  { ...STEP, status: 'IN PROGRESS', attributes: [] },
  { ...STEP, status: 'IN PROGRESS', attributes: 'CT' },
])('what is no step is refused: %j', async (body) => {
  expect(await send(body)).toEqual({ status: 400, body: refused })
})

test('it takes POST only', async () => {
  const answer = await mpps.request('/ingest')
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST'])
})

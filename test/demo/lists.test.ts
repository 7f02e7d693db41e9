import { expect, test } from 'vitest'
import {
  createOpendentalUpstream,
  createPracticeUpstream,
  createXdentUpstream,
} from '../../src/demo/upstreams/json-apis.ts'

const upstreams = {
  opendental: createOpendentalUpstream(),
  practice: createPracticeUpstream(),
  xdent: createXdentUpstream(),
}

async function get(upstream: keyof typeof upstreams, path: string, init?: RequestInit) {
  const answer = await upstreams[upstream].request(path, init)
  expect(answer.headers.get('content-type')).toMatch(/^application\/json/)
  return { status: answer.status, body: (await answer.json()) as unknown }
}

test.each([
  ['opendental', '/api/v1/patients', 'LName'],
  ['opendental', '/patients', 'LName'],
  ['xdent', '/api/v1/Patients', 'LastName'],
  ['practice', '/practice/v1/patients', 'last_name'],
] as const)('%s lists patients at %s, and each by its number', async (upstream, path, name) => {
  const list = await get(upstream, path)
  expect(list.status).toBe(200)
  expect(list.body).toHaveLength(3)
  const [first] = list.body as Record<string, unknown>[]
  expect(first?.[name]).toBe('Bixby')
  expect((await get(upstream, `${path}/1`)).body).toEqual(first)
})

test.each([
  ['opendental', '/api/v1/appointments'],
  ['xdent', '/api/v1/Appointments'],
] as const)('%s lists appointments', async (upstream, path) => {
  expect((await get(upstream, path)).body).toHaveLength(3)
})

test.each([
  ['opendental', '/api/v1/patients/9', expect.any(String)],
  ['opendental', '/api/v1/none', expect.any(String)],
  ['xdent', '/api/v1/Patients/9', { Code: 'NOT_FOUND', Message: expect.any(String) }],
  ['practice', '/practice/v1/patients/9', { error: 'not_found', message: expect.any(String) }],
] as const)(
  '%s answers in its own format that something does not exist: %s',
  async (upstream, path, body) => {
    expect(await get(upstream, path)).toEqual({ status: 404, body })
  },
)

test('an office finds by last name, and changes what it may', async () => {
  const found = await get('opendental', '/api/v1/patients?LName=Cortez')
  expect(found.body).toMatchObject([{ PatNum: 2 }])
  const body = JSON.stringify({ PatNum: 9, FName: 'Barb' })
  const changed = await get('opendental', '/api/v1/patients/2', { method: 'PUT', body })
  expect(changed.body).toMatchObject({ PatNum: 2, FName: 'Barb', LName: 'Cortez' })
})

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  buildPost,
  getContentType,
  type HostileFixture,
  openHostileFixture,
  readErrorMessage,
} from '../../support/hostile-client.ts'

let fixture: HostileFixture
let expectUnchanged: () => Promise<void>
beforeAll(async () => {
  fixture = await openHostileFixture()
  // The first refresh creates the grant's row; those of the tests repeat it.
  const { key, refreshToken } = fixture
  const credentials = JSON.stringify({ apiKey: key.apiKey, refreshToken })
  expect((await fixture.send(buildPost('/auth/refreshToken', credentials))).status).toBe(200)
})
beforeEach(() => {
  expectUnchanged = fixture.snapshotDatabase()
})
afterEach(() => expectUnchanged())
afterAll(() => fixture.close())

/** Invalid values of a field, as JSON; null leaves the field out. */
const REFUSED: [what: string, json: string | null, why: (field: string) => string][] = [
  ['missing', null, (field) => `${field} is missing.`],
  ['null', 'null', (field) => `${field} is missing.`],
  ['empty', '""', (field) => `${field} is missing.`],
  ['a number', '12', (field) => `${field} must be a string.`],
  ['a boolean', 'true', (field) => `${field} must be a string.`],
  ['an array', '["a"]', (field) => `${field} must be a string.`],
  ['an object', '{"a":"b"}', (field) => `${field} must be a string.`],
]
const DISBELIEVED: [what: string, json: string][] = [
  ['with NUL', '"a\\u0000b"'],
  ['NUL alone', '"\\u0000"'],
  ['a lone high surrogate', '"\\ud800"'],
  ['a lone low surrogate', '"a\\udc00b"'],
  ['blank', '" "'],
  ['a path', '"../../etc/passwd"'],
  ['SQL', '"\' OR 1=1 --"'],
  ['a name that objects have', '"__proto__"'],
]

describe.each([
  ['/auth/authenticate', 'apiKey'],
  ['/auth/authenticate', 'secret'],
  ['/auth/refreshToken', 'apiKey'],
  ['/auth/refreshToken', 'refreshToken'],
])('%s, %s', (path, field) => {
  /** The members of a body that is right but for this field. */
  const createMembers = () => {
    const { apiKey, secret } = fixture.key
    const right = path.endsWith('refreshToken')
      ? { apiKey, refreshToken: fixture.refreshToken }
      : { apiKey, secret }
    return new Map(Object.entries(right).map(([name, value]) => [name, JSON.stringify(value)]))
  }
  const send = (wrong: Map<string, string>) =>
    fixture.send(
      buildPost(path, `{${[...wrong].map(([name, json]) => `"${name}":${json}`).join()}}`),
    )

  test.each(REFUSED)('%s: 400 that names it', async (_, json, why) => {
    const body = createMembers()
    if (json === null) body.delete(field)
    else body.set(field, json)
    const answer = await send(body)
    expect([answer.status, readErrorMessage(answer)]).toEqual([400, why(field)])
  })

  test.each(DISBELIEVED)('%s: 401 that does not reveal the reason', async (_, json) => {
    const answer = await send(createMembers().set(field, json))
    expect([answer.status, getContentType(answer), answer.body]).toEqual([
      401,
      'text/html; charset=utf-8',
      'Invalid request',
    ])
  })

  test('a megabyte long: 413', async () => {
    const answer = await send(createMembers().set(field, JSON.stringify('x'.repeat(1_000_000))))
    expect([answer.status, readErrorMessage(answer)]).toEqual([
      413,
      'The body must not be longer than 4096 bytes.',
    ])
  })

  test('there twice: 400, in JSON and as a form', async () => {
    const [first, second] = [...createMembers()]
    const json = await fixture.send(
      buildPost(
        path,
        `{${[first, second, [field, '"other"']].map((m) => `"${m?.[0]}":${m?.[1]}`)}}`,
      ),
    )
    expect([json.status, readErrorMessage(json)]).toEqual([
      400,
      `The request cannot be read: "${field}" is there twice.`,
    ])
    const form = await fixture.send(buildPost(path, `${field}=a&${field}=b`))
    expect([form.status, readErrorMessage(form)]).toEqual([400, `${field} is there twice.`])
  })

  test('beside unknown members: answered as without them', async () => {
    const answer = await send(createMembers().set('__proto__', '{"a":1}').set('constructor', '[]'))
    expect(answer.status).toBe(200)
    expect(Object.keys(JSON.parse(answer.body))).toEqual(['accessToken', 'expires', 'refreshToken'])
  })
})

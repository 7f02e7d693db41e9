import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { documentOf } from '../../src/http/admin/document.ts'
import { GROUPS } from '../../src/http/admin/operations.ts'
import { permissionOf, VERB_NAMES, type VerbName } from '../../src/http/admin/verbs.ts'
import { seedAsker } from '../support/admin/asker.ts'
import { type ApiDocument, createJudge, type Shown, shownIn } from '../support/admin/document.ts'
import { PREPARE, seedStandIns, withStandIns } from '../support/admin/stand-ins.ts'
import { type TestServer, testServer } from '../support/server.ts'

const URL_OF_TESTS = 'https://console.example'
const document = JSON.parse(JSON.stringify(documentOf(GROUPS, URL_OF_TESTS))) as ApiDocument
const judge = createJudge(document)
const shown = shownIn(document)

let server: TestServer
let operator: Awaited<ReturnType<typeof seedAsker>>
let looked: Awaited<ReturnType<typeof seedStandIns>>
beforeAll(async () => {
  server = await testServer()
  operator = await seedAsker(server)
  looked = await seedStandIns(server)
})
afterAll(() => server.close())

describe('the document', () => {
  test('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate({ ...document })
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  test('is what the server answers', async () => {
    const { status, body } = await operator.ask('GET', '/openapi.json')
    expect(status).toBe(200)
    expect(body).toEqual(document)
  })

  test('calls no two operations the same', () => {
    const ids = new Set(shown.map(({ operation }) => operation.operationId))
    expect(ids.size).toBe(GROUPS.flatMap(({ operations }) => operations).length)
  })

  test('shows a body wherever one is taken', () => {
    const without = GROUPS.flatMap(({ operations }) => operations)
      .filter(({ body, examples }) => body !== null && Object.keys(examples).length === 0)
      .map(({ path }) => path)
    expect(without).toEqual([])
  })
})

describe('every request that the document shows works, and is answered as it says:', () => {
  test.each(shown.map((each) => [`${each.method} ${each.path}`, each.called, each] as const))(
    '%s, %s',
    async (_, __, each) => {
      const { status, type, answered } = await tried(each)
      const [documented = ''] = Object.keys(each.operation.responses)
      expect(answered.text.includes('problem-') ? answered.text : status).toBe(Number(documented))
      if (type === undefined) expect(answered.text).toBe('')
      else if (type === 'application/json') {
        expect(judge.answer(each, status, answered.body)).toBeNull()
      } else expect(answered.headers.get('content-type')).toBe(type)
    },
  )
})

async function tried(each: Shown) {
  const changes = each.method !== 'GET'
  const its = changes ? await seedStandIns(server) : looked
  const ids = { ...its, ...(await PREPARE[each.operation.operationId]?.(server, its, operator)) }
  const body = each.body === undefined ? undefined : withStandIns(JSON.stringify(each.body), ids)
  const answered = await operator.ask(each.method, withStandIns(each.target, ids), body)
  const content = each.operation.responses[answered.status]?.content
  return { answered, status: answered.status, type: Object.keys(content ?? {})[0] }
}

/** Verbs of the desk for which there is no request, and why. */
const WITHOUT: Partial<Record<VerbName, string>> = {
  'people.inviteFirst': 'as long as nobody can sign in, nobody has a token',
  'people.standings': 'a column of the console’s list of people',
  'places.countKeys': 'GET /keys/count says it, of one site or developer',
  'keys.list': 'GET /keys searches: it lists all that there are',
  'audit.names': 'everything is looked at by its id',
  'audit.idOf': 'GET /keys/{id} takes a public id, GET /users/search a name',
  'overview.beginning': 'what the console says to who begins',
  'keys.usesOf': 'GET /keys/{id}/uses says it, of one key',
}

test('every verb of the desk is asked for by some request, or it is said why none does', () => {
  const asked = new Set(
    GROUPS.flatMap(({ operations }) => operations.flatMap(({ verbs }) => verbs)),
  )
  expect(VERB_NAMES.filter((verb) => !asked.has(verb) && WITHOUT[verb] === undefined)).toEqual([])
  expect(VERB_NAMES.filter((verb) => asked.has(verb) && WITHOUT[verb] !== undefined)).toEqual([])
})

test('a request needs no two permissions', () => {
  for (const { verbs, path } of GROUPS.flatMap(({ operations }) => operations)) {
    expect(new Set(verbs.map(permissionOf)).size, path).toBeLessThanOrEqual(1)
  }
})

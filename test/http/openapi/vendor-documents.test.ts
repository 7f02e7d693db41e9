import { Validator } from '@seriousme/openapi-schema-validator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { listVendorDocuments } from '../../../src/compose-apps.ts'
import { SURFACES } from '../../../src/domain/key-type.ts'
import { createBasicChallenge } from '../../../src/http/authorization.ts'
import { STANDARD_REPLIES, VENDOR_REPLIES } from '../../../src/http/oauth/token-replies.ts'
import type { Reply } from '../../../src/http/reply.ts'
import { opendentalProtocol } from '../../../src/http/vendors/opendental/api.ts'
import { practiceProtocol } from '../../../src/http/vendors/practice.ts'
import { refuseTokenRequest } from '../../../src/http/vendors/redox/auth.ts'
import { refuseRedoxRequest } from '../../../src/http/vendors/redox/refusals.ts'
import { xdentProtocol } from '../../../src/http/vendors/xdent.ts'
import { xenradProtocol } from '../../../src/http/vendors/xenrad/surfaces.ts'
import { SAMPLE_FAILURES } from '../../support/sample-failures.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'
import { startTranscriptUpstreams, TRANSCRIPTS } from '../../support/transcript-fixtures.ts'
import { replayTranscript, type TranscriptTransport } from '../../support/transcript-replay.ts'
import { createExchangeChecker, type DocumentedExchange } from '../../support/vendor-documents.ts'

const PUBLIC_URL = 'https://latchkey.example'
const documents = await listVendorDocuments({
  publicUrl: PUBLIC_URL,
  upstreams: Object.fromEntries(SURFACES.map((surface) => [surface, new URL('http://behind')])),
})
const checkers = new Map(
  documents.map(({ name, document }) => [name, createExchangeChecker(document)]),
)
const check = (name: string, exchange: DocumentedExchange) => {
  const checker = checkers.get(name)
  return checker === undefined ? `there is no document ${name}` : checker(exchange)
}

let upstreams: Awaited<ReturnType<typeof startTranscriptUpstreams>>
let server: TestServer
beforeAll(async () => {
  upstreams = await startTranscriptUpstreams()
  server = await createTestServer(upstreams.settings)
})
afterAll(async () => {
  await server.close()
  await upstreams.close()
})

describe.each(documents)('the document of $name', ({ name, document }) => {
  test('is OpenAPI 3.1', async () => {
    const { valid, errors } = await new Validator().validate(JSON.parse(JSON.stringify(document)))
    expect(errors).toBeUndefined()
    expect(valid).toBe(true)
  })

  test('is served without a credential, to pages of every origin', async () => {
    const answer = await server.call(`/openapi/${name}.json`, { method: 'GET' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('access-control-allow-origin')).toBe('*')
    expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(document)))
  })

  test('gives each operation its own id', () => {
    const ids = Object.values(document.paths ?? {}).flatMap((methods) =>
      Object.values(methods).map(({ operationId }) => operationId),
    )
    expect(ids.length).toBeGreaterThan(0)
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('each answer of the server is described', () => {
  test.each(TRANSCRIPTS)('$name', async ({ name, exchanges, seed }) => {
    const [vendor = ''] = name.split('/')
    const undescribed: string[] = []
    const transport: TranscriptTransport = {
      headerSource: 'the app',
      async send({ method, target, headers, body }) {
        const bytes = new TextEncoder().encode(body)
        const answer = await server.call(target, {
          method,
          headers: { ...Object.fromEntries(headers), 'Content-Length': String(bytes.length) },
          ...(body === '' ? {} : { body: bytes }),
        })
        const response = {
          status: answer.status,
          headers: [...answer.headers],
          body: await answer.text(),
        }
        const problem = check(vendor, { request: { method, target, body }, response })
        if (problem !== null) undescribed.push(`${method} ${target}: ${problem}`)
        return response
      },
    }
    expect(await replayTranscript(exchanges, transport, await seed(server))).toBeNull()
    expect(undescribed).toEqual([])
  })

  test('an answer that no schema fits is found', () => {
    const request = { method: 'POST', target: '/auth/authenticate', body: '' }
    const headers = [['Content-Type', 'application/json; charset=utf-8']] as const
    const checkAnswer = (status: number, body: object) =>
      check('redox', { request, response: { status, headers, body: JSON.stringify(body) } })
    expect(checkAnswer(400, { message: 'apiKey is missing.' })).toBeNull()
    expect(checkAnswer(400, { message: 'apiKey is missing.', more: 1 })).toContain('additional')
    expect(checkAnswer(400, { error: 'apiKey is missing.' })).toContain('message')
    expect(checkAnswer(418, { message: 'apiKey is missing.' })).toBe('no answer 418')
  })
})

type Refuse = (failure: never, path: string) => Reply
interface RefusalCase {
  readonly vendor: string
  readonly path: string
  readonly method?: string
  readonly refuse: Refuse
  readonly failures: readonly { readonly reason: string }[]
}

const selectFailures = (...patterns: readonly RegExp[]) =>
  SAMPLE_FAILURES.filter(({ reason }) => patterns.some((pattern) => pattern.test(reason)))

const INPUT = /^(body|field|member)_/
const UPSTREAM = /^upstream_/
/** The reasons for which every request with a key can be refused. */
const KEY = /^(credential|key|secret|account|address|permission|region|failures|quota)_|^busy$/

const refuseByTable =
  (replies: typeof VENDOR_REPLIES, isBasic: boolean) =>
  (failure: { readonly reason: keyof typeof VENDOR_REPLIES }): Reply =>
    replies[failure.reason](failure as never, {
      applicationName: 'Latchkey',
      challenge: isBasic ? createBasicChallenge() : null,
    })
const tokenRequestFailures = Object.keys(STANDARD_REPLIES).map((reason) => ({
  limitBytes: 4096,
  retryAfterSeconds: 7,
  reason,
}))

const redoxContext = {
  echo: undefined,
  hasErrorDetail: true,
  serial: 7,
  subscriptionsUrl: PUBLIC_URL,
}
const refuseMessage: Refuse = (failure) => refuseRedoxRequest(failure, redoxContext)

const REFUSAL_CASES: readonly RefusalCase[] = [
  ...['/auth/authenticate', '/auth/refreshToken'].map((path) => ({
    vendor: 'redox',
    path,
    refuse: refuseTokenRequest as Refuse,
    failures: SAMPLE_FAILURES,
  })),
  ...['/endpoint', '/query'].map((path) => ({
    vendor: 'redox',
    path,
    refuse: refuseMessage,
    failures: SAMPLE_FAILURES,
  })),
  ...['/oauth2/token', '/oauth2/introspect', '/oauth2/revoke'].flatMap((path) =>
    [true, false].map((isBasic) => ({
      vendor: 'oauth',
      path,
      refuse: refuseByTable(STANDARD_REPLIES, isBasic) as Refuse,
      failures: tokenRequestFailures,
    })),
  ),
  {
    vendor: 'oauth',
    path: '/v2/auth/token',
    refuse: refuseByTable(VENDOR_REPLIES, false) as Refuse,
    failures: tokenRequestFailures,
  },
  ...['POST', 'PUT'].map((method) => ({
    vendor: 'opendental',
    path: '/apikeys',
    method,
    refuse: opendentalProtocol.refuseRequest as Refuse,
    failures: selectFailures(INPUT, KEY),
  })),
  {
    vendor: 'opendental',
    path: '/api/v1/patients/1',
    refuse: opendentalProtocol.refuseRequest as Refuse,
    failures: selectFailures(KEY, UPSTREAM),
  },
  ...[
    { vendor: 'xdent', path: '/api/v1/Identity', ...xdentProtocol },
    { vendor: 'practice', path: '/practice/v1/me', ...practiceProtocol },
  ].map(({ vendor, path, refuseRequest }) => ({
    vendor,
    path,
    method: 'GET',
    refuse: refuseRequest as Refuse,
    failures: selectFailures(KEY),
  })),
  ...[
    { vendor: 'xdent', path: '/api/v1/Patients', ...xdentProtocol },
    { vendor: 'practice', path: '/practice/v1/patients', ...practiceProtocol },
    { vendor: 'xenrad', path: '/fhir/Patient', ...xenradProtocol },
    { vendor: 'xenrad', path: '/v2/ingest', ...xenradProtocol },
    { vendor: 'xenrad', path: '/v3/ingest', ...xenradProtocol },
    { vendor: 'xenrad', path: '/ingest', ...xenradProtocol },
  ].map(({ vendor, path, refuseRequest }) => ({
    vendor,
    path,
    refuse: refuseRequest as Refuse,
    failures: selectFailures(KEY, UPSTREAM),
  })),
]

describe('the reply to each reason of a refusal is described', () => {
  test.each(REFUSAL_CASES)('$vendor: $path', ({ vendor, path, refuse, ...rest }) => {
    const { failures, method = 'POST' } = rest
    const request = { method, target: path, body: '' }
    const undescribed = failures.flatMap((failure) => {
      const { status, body, type, headers = {} } = refuse(failure as never, path)
      const sent = Object.entries({ ...headers, 'Content-Type': type })
      const problem = check(vendor, { request, response: { status, headers: sent, body } })
      return problem === null ? [] : [`${failure.reason}: ${problem}`]
    })
    expect(failures.length).toBeGreaterThan(10)
    expect(undescribed).toEqual([])
  })
})

describe('a server without upstreams', () => {
  let bare: TestServer
  beforeAll(async () => {
    bare = await createTestServer()
  })
  afterAll(() => bare.close())
  const read = (path: string) => bare.call(path, { method: 'GET' })

  test('describes nothing that a service behind it would answer', async () => {
    expect((await read('/openapi/xenrad.json')).status).toBe(404)
    const { paths } = (await (await read('/openapi/xdent.json')).json()) as { paths: object }
    expect(Object.keys(paths)).toEqual(['/api/v1/Identity'])
  })

  test('lists its documents in the catalog of RFC 9727', async () => {
    const answer = await read('/.well-known/api-catalog')
    expect(answer.headers.get('content-type')).toContain('application/linkset+json')
    expect(answer.headers.get('link')).toBe(
      `<${PUBLIC_URL}/.well-known/api-catalog>; rel="api-catalog"`,
    )
    const { linkset } = (await answer.json()) as {
      linkset: [{ anchor: string; 'service-desc': { href: string; title: string }[] }]
    }
    expect(linkset).toHaveLength(1)
    expect(linkset[0].anchor).toBe(PUBLIC_URL)
    const listed = linkset[0]['service-desc'].map(({ href }) => href)
    expect(listed).toEqual(
      ['redox', 'oauth', 'opendental', 'xdent', 'practice'].map(
        (name) => `${PUBLIC_URL}/openapi/${name}.json`,
      ),
    )
    for (const url of listed) expect((await read(new URL(url).pathname)).status).toBe(200)
  })

  test('answers 404 to a document that it does not have', async () => {
    const answer = await read('/openapi/other.json')
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { message: 'There is nothing at this path.' },
    ])
  })
})

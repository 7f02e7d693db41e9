import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createBasicHeader,
  postForm,
  STANDARD_TOKEN_PATH,
  seedClient,
  seedSigningClient,
  VENDOR_TOKEN_PATH,
} from '../support/oauth.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../support/server.ts'

/* Clients that authenticate by a secret: RFC 6749 §2.3.1. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '100000' })
})
afterAll(() => server.close())

const SCOPES = ['fhir:production']
const seedBasicClient = (more = {}) =>
  seedClient(server, { authenticationMethod: 'client_secret_basic', scopes: SCOPES }, more)
const seedPostClient = (more = {}) =>
  seedClient(server, { authenticationMethod: 'client_secret_post', scopes: SCOPES }, more)

const requestByBasic = (id: string, secret: string, form = {}) =>
  postForm(server, STANDARD_TOKEN_PATH, form, createBasicHeader(id, secret))
const requestByPost = (id: string, secret: string, form = {}) =>
  postForm(server, STANDARD_TOKEN_PATH, { client_id: id, client_secret: secret, ...form })

const encodeAll = (text: string) =>
  [...text].map((c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`).join('')

const ISSUED = {
  access_token: expect.stringMatching(/^[\w-]+\.[\w-]+\.[\w-]+$/),
  scope: 'fhir:production',
  token_type: 'Bearer',
  expires_in: 300,
}
const NOT_AUTHENTICATED = {
  error: 'invalid_client',
  error_description: 'The client could not be authenticated.',
}

async function expectChallenged(answer: Awaited<ReturnType<typeof postForm>>) {
  expect(answer.body).toEqual(NOT_AUTHENTICATED)
  expect(answer.status).toBe(401)
  expect(answer.headers.get('www-authenticate')).toBe('Basic realm="Latchkey", charset="UTF-8"')
}
async function expectRefused(answer: Awaited<ReturnType<typeof postForm>>) {
  expect(answer.body).toEqual(NOT_AUTHENTICATED)
  expect(answer.status).toBe(400)
  expect(answer.headers.get('www-authenticate')).toBeNull()
}

describe('client_secret_basic', () => {
  test('accepts id and secret as they stand, and form-encoded', async () => {
    const { clientId, secret } = await seedBasicClient()
    for (const [id, password] of [
      [clientId, secret],
      [clientId.replaceAll('-', '%2D'), secret],
      [encodeAll(clientId), encodeAll(secret)],
    ] as const) {
      const answer = await requestByBasic(id, password)
      expect(answer.body).toEqual(ISSUED)
      expect(answer.status).toBe(200)
    }
  })

  test('accepts an imported secret with every special character in both readings', async () => {
    const imported = 'a+b%2Bc %zz&=:ü-secret'
    const { clientId } = await seedBasicClient({ secret: imported })
    expect((await requestByBasic(clientId, imported)).status).toBe(200)
    const encoded = encodeURIComponent(imported).replaceAll('%20', '+')
    expect((await requestByBasic(clientId, encoded)).status).toBe(200)
  })

  test('answers a wrong secret, and an unknown client, with 401 and a challenge', async () => {
    const { clientId, secret } = await seedBasicClient()
    await expectChallenged(await requestByBasic(clientId, `${secret}x`))
    await expectChallenged(await requestByBasic(crypto.randomUUID(), secret))
    await expectChallenged(await requestByBasic('%zz', secret))
  })

  test.each([
    ['no colon', Buffer.from('nocolon').toString('base64')],
    ['no base64', '*'],
    ['nothing', ''],
    ['an empty secret', Buffer.from('id:').toString('base64')],
    ['bytes that are not UTF-8', Buffer.from([0xff, 0x3a, 0xff]).toString('base64')],
  ])('answers a header with %s in the same way', async (_, text) => {
    const headers = { Authorization: `Basic ${text}` }
    await expectChallenged(await postForm(server, STANDARD_TOKEN_PATH, {}, headers))
  })

  test('refuses another client_id beside the header, and accepts its own', async () => {
    const { clientId, secret } = await seedBasicClient()
    expect((await requestByBasic(clientId, secret, { client_id: clientId })).status).toBe(200)
    const other = await requestByBasic(clientId, secret, { client_id: crypto.randomUUID() })
    expect(other.status).toBe(400)
    expect(other.body.error).toBe('invalid_request')
  })
})

describe('client_secret_post', () => {
  test('accepts id and secret in the body', async () => {
    const { clientId, secret } = await seedPostClient()
    const answer = await requestByPost(clientId, secret)
    expect(answer.body).toEqual(ISSUED)
    expect(answer.status).toBe(200)
  })

  test('answers a wrong secret, an unknown client and a missing half with 400', async () => {
    const { clientId, secret } = await seedPostClient()
    await expectRefused(await requestByPost(clientId, `${secret}x`))
    await expectRefused(await requestByPost(crypto.randomUUID(), secret))
    await expectRefused(await requestByPost('', secret))
    await expectRefused(await requestByPost(clientId, ''))
  })
})

describe('a client has exactly one method', () => {
  test('and its secret is refused by the other one, as a wrong one is', async () => {
    const basic = await seedBasicClient()
    await expectRefused(await requestByPost(basic.clientId, basic.secret))
    const post = await seedPostClient()
    await expectChallenged(await requestByBasic(post.clientId, post.secret))
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: post.keyId, limit: 1 })
    expect(event?.facts).toMatchObject({
      reason: 'client_method_other',
      detail: 'it is registered for client_secret_post',
    })
  })

  test('and two in one request are an invalid request', async () => {
    const { clientId, secret } = await seedBasicClient()
    const answer = await requestByBasic(clientId, secret, { client_secret: secret })
    expect(answer.status).toBe(400)
    expect(answer.body.error).toBe('invalid_request')
  })

  test('and a client that signs assertions has no secret', async () => {
    const { clientId, keyId, secret } = await seedSigningClient(server)
    expect(secret).toBe('')
    await expectRefused(await requestByPost(clientId, 'x'.repeat(20)))
    const rotated = await server.keys.rotateSecret(keyId, {})
    expect(rotated).toMatchObject({ ok: false, failure: { problem: 'conflict' } })
  })

  test('and a secret is no authentication at the vendor’s endpoint', async () => {
    const { clientId, secret } = await seedPostClient()
    for (const [form, headers] of [
      [{ client_id: clientId, client_secret: secret }, {}],
      [{}, createBasicHeader(clientId, secret)],
    ] as const) {
      const { status, body } = await postForm(server, VENDOR_TOKEN_PATH, form, headers)
      expect(status).toBe(400)
      expect(body.error_description).toBe('Missing client assertion type')
    }
  })
})

describe('the rotation of a client’s secret', () => {
  test('accepts both secrets during the overlap, and then the new one', async () => {
    const { clientId, keyId, secret } = await seedBasicClient()
    const rotated = unwrap(await server.keys.rotateSecret(keyId, { overlapMs: 60_000 }))
    expect((await requestByBasic(clientId, secret)).status).toBe(200)
    expect((await requestByBasic(clientId, rotated.secret)).status).toBe(200)
    server.clock.advance(60_000)
    await expectChallenged(await requestByBasic(clientId, secret))
    expect((await requestByBasic(clientId, rotated.secret)).status).toBe(200)
  })

  test('ends the old secret at once without an overlap', async () => {
    const { clientId, keyId, secret } = await seedBasicClient()
    unwrap(await server.keys.rotateSecret(keyId, {}))
    await expectChallenged(await requestByBasic(clientId, secret))
  })
})

describe('a legacy key and its secret', () => {
  test('are client id and secret, by either method, for the token of an exchange', async () => {
    const { apiKey, secret, destinationId } = await seedKey(server)
    for (const answer of [
      await requestByBasic(apiKey, secret),
      await requestByPost(apiKey, secret),
    ]) {
      expect(answer.body).toEqual({
        access_token: expect.stringMatching(/^at_[\w-]+$/),
        token_type: 'Bearer',
        expires_in: 86_400,
      })
      const message = createDeviceNewMessage(destinationId)
      expect((await server.endpoint(String(answer.body.access_token), message)).status).toBe(200)
    }
  })

  test('never get a scope', async () => {
    const { apiKey, secret } = await seedKey(server)
    for (const scope of ['system/*.read', 'fhir:production']) {
      const { status, body } = await requestByBasic(apiKey, secret, { scope })
      expect(status).toBe(400)
      expect(body.error).toBe('invalid_scope')
    }
  })

  test.each(['xdent', 'practice'] as const)(
    'of the type %s, which is not exchanged, are refused',
    async (keyType) => {
      const { ownerId } = await seedKey(server)
      unwrap(await server.users.setUsername(ownerId, `user-${crypto.randomUUID().slice(0, 8)}`))
      const { key, secret } = unwrap(await server.keys.create({ keyType, ownerId, name: 'other' }))
      await expectChallenged(await requestByBasic(key.publicId, secret))
    },
  )
})

test('the owner of a secret is never refused for the failures of strangers', async () => {
  const limited = await createTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '3' })
  try {
    const { clientId, secret } = await seedClient(limited, {
      authenticationMethod: 'client_secret_post',
      scopes: SCOPES,
    })
    const request = (client_secret: string) =>
      postForm(limited, STANDARD_TOKEN_PATH, { client_id: clientId, client_secret })
    const statuses = []
    for (let n = 0; n < 5; n++) statuses.push((await request(`wrong-secret-${n}`)).status)
    expect(statuses).toEqual([400, 400, 400, 429, 429])
    expect((await request(secret)).status).toBe(200)
  } finally {
    await limited.close()
  }
})

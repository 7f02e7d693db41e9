import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createXdentHeaders, type OwnerKey, seedOwnerKey } from '../support/key-seeds.ts'
import { expectedJsonResponse, REQUEST_ID_PATTERN, readResponse } from '../support/responses.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: TestServer
let ownerKey: OwnerKey
let credential: Record<string, string>
beforeAll(async () => {
  upstream = await startHttpUpstream()
  server = await createTestServer({ LATCHKEY_UPSTREAM_XDENT: `${upstream.url}/xdent` })
  ownerKey = await seedOwnerKey(server, 'xdent')
  credential = createXdentHeaders(ownerKey.publicId, ownerKey.secret)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

const get = (path: string, headers = credential) => server.call(path, { method: 'GET', headers })
const expectedIdentity = ({ accountId, publicId }: OwnerKey) =>
  expectedJsonResponse(200, {
    CompanyId: accountId,
    CompanyName: 'Bright Smiles',
    KeyId: publicId,
    KeyName: 'Front desk',
  })

describe('XDENT Identity', () => {
  test('returns the company, the key id and the key name, and nothing else', async () => {
    expect(await readResponse(await get('/api/v1/Identity'))).toEqual(expectedIdentity(ownerKey))
  })

  test.each(['/api/v1/identity', '/api/v1/IDENTITY', '/api/v1/Identity/', '/api/v1/Identity?a=b'])(
    'is answered by Latchkey however its path is written: %s',
    async (path) => {
      expect(await readResponse(await get(path))).toEqual(expectedIdentity(ownerKey))
    },
  )

  test('returns the new name of a renamed key at the next request', async () => {
    const renamed = await seedOwnerKey(server, 'xdent')
    const headers = createXdentHeaders(renamed.publicId, renamed.secret)
    expect(await (await get('/api/v1/Identity', headers)).json()).toMatchObject({
      KeyName: 'Front desk',
    })
    unwrap(await server.keys.edit(renamed.keyId, { name: 'Röntgen „Süd“' }))
    expect(await (await get('/api/v1/Identity', headers)).json()).toMatchObject({
      KeyName: 'Röntgen „Süd“',
    })
  })

  test('answers HEAD as GET, without the body', async () => {
    const answer = await server.call('/api/v1/Identity', { method: 'HEAD', headers: credential })
    expect(await readResponse(answer)).toEqual({ ...expectedIdentity(ownerKey), body: '' })
  })

  test('distinguishes several keys of one company', async () => {
    const sibling = await seedOwnerKey(server, 'xdent', { accountId: ownerKey.accountId })
    const headers = createXdentHeaders(sibling.publicId, sibling.secret)
    expect(await readResponse(await get('/api/v1/Identity', headers))).toEqual(
      expectedIdentity(sibling),
    )
    // Each by its own secret only.
    expect(
      (await get('/api/v1/Identity', createXdentHeaders(ownerKey.publicId, sibling.secret))).status,
    ).toBe(401)
  })

  test('needs no upstream', async () => {
    const alone = await createTestServer()
    const { publicId, secret } = await seedOwnerKey(alone, 'xdent')
    const answer = await alone.call('/api/v1/Identity', {
      method: 'GET',
      headers: createXdentHeaders(publicId, secret),
    })
    expect(answer.status).toBe(200)
    await alone.close()
  })
})

describe('every other path under /api/v1', () => {
  const expectedIdentityHeaders = () => ({
    'x-latchkey-account': ownerKey.accountId,
    'x-latchkey-key-type': 'xdent',
    'x-latchkey-key': ownerKey.publicId,
    'x-latchkey-owner': ownerKey.ownerId,
  })

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'is forwarded with the identity of the key in place of the credential: %s',
    async (method) => {
      const body = method === 'GET' ? {} : { body: '{"LastName":"Bixby"}' }
      const answer = await server.call('/api/v1/Patients/7?expand=Visits', {
        method,
        ...body,
        headers: {
          ...credential,
          'Content-Type': 'application/json',
          'X-Latchkey-Account': 'mine',
        },
      })
      expect(answer.status).toBe(200)
      const { headers, ...handedOn } = upstream.readLastRequest()
      expect(handedOn).toEqual({
        method,
        url: '/xdent/api/v1/Patients/7?expand=Visits',
        body: body.body ?? '',
      })
      expect(headers).toMatchObject({
        ...expectedIdentityHeaders(),
        'content-type': 'application/json',
        'x-request-id': answer.headers.get('x-request-id'),
      })
      expect(headers).not.toHaveProperty('x-api-key')
      expect(answer.headers.get('x-request-id')).toMatch(REQUEST_ID_PATTERN)
    },
  )

  test.each(['/api/v1', '/api/v1/', '/api/v1/IdentityProviders', '/api/v1/x/Identity'])(
    'is not taken for Identity: %s',
    async (path) => {
      expect((await get(path)).status).toBe(200)
      expect(upstream.readLastRequest().url).toBe(`/xdent${path}`)
    },
  )

  test('reaches the upstream only with a key', async () => {
    for (const path of ['/api/v1', '/api/v1/Patients', '/api/v1/%49dentity']) {
      expect([path, (await get(path, {})).status]).toEqual([path, 400])
    }
  })
})

test.each(['/API/V1/Patients', '/api/v2/Patients', '/api/v10', '/api'])(
  'a path outside /api/v1 is answered with 404, with an XDENT key or without: %s',
  async (path) => {
    expect(await readResponse(await get(path))).toEqual(
      expectedJsonResponse(404, { message: 'There is nothing at this path.' }),
    )
  },
)

describe('forward-auth for XDENT', () => {
  const requestForwardAuth = (path: string, headers: Record<string, string>) => get(path, headers)

  test.each(['/forward-auth', '/forward-auth/xdent'])(
    'returns the identity of the key at %s',
    async (path) => {
      const answer = await requestForwardAuth(path, credential)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-latchkey-account': ownerKey.accountId,
        'x-latchkey-key-type': 'xdent',
        'x-latchkey-key': ownerKey.publicId,
        'x-latchkey-owner': ownerKey.ownerId,
      })
    },
  )

  test('refuses a wrong secret in the format of the vendor', async () => {
    const refusal = expectedJsonResponse(401, {
      Code: 'INVALID_SECRET',
      Message: 'The secret part is invalid.',
    })
    const wrong = createXdentHeaders(ownerKey.publicId, 'lk_wrong')
    expect(await readResponse(await requestForwardAuth('/forward-auth', wrong))).toEqual(refusal)
    expect(await readResponse(await requestForwardAuth('/forward-auth/xdent', wrong))).toEqual(
      refusal,
    )
    expect(await readResponse(await requestForwardAuth('/forward-auth/xdent', {}))).toEqual(
      expectedJsonResponse(400, {
        Code: 'MISSING_API_KEY',
        Message: 'The X-Api-Key header is missing.',
      }),
    )
  })
})

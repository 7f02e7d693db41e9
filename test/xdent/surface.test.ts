import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { apiKey, type Holder, seedHolder } from '../support/holder.ts'
import { ownAnswer, seen, UUID } from '../support/seen.ts'
import { done, type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
let server: TestServer
let holder: Holder
let credential: Record<string, string>
beforeAll(async () => {
  upstream = await openHttpUpstream()
  server = await testServer({ LATCHKEY_UPSTREAM_XDENT: `${upstream.url}/xdent` })
  holder = await seedHolder(server, 'xdent')
  credential = apiKey(holder.publicId, holder.secret)
})
afterAll(async () => {
  await server.close()
  upstream.close()
})

/** What the upstream has received last. */
function lastSeen() {
  const { headers = [], body = '', ...line } = upstream.seen.at(-1) ?? {}
  return { ...line, headers: Object.fromEntries(headers), body: body.toString() }
}

const get = (path: string, headers = credential) => server.call(path, { method: 'GET', headers })
const identityOf = ({ accountId, publicId }: Holder) =>
  ownAnswer(200, {
    CompanyId: accountId,
    CompanyName: 'Bright Smiles',
    KeyId: publicId,
    KeyName: 'Front desk',
  })

describe('Identity', () => {
  test('says whose the key is: company, key id and name, and nothing else', async () => {
    expect(await seen(await get('/api/v1/Identity'))).toEqual(identityOf(holder))
  })

  test.each(['/api/v1/identity', '/api/v1/IDENTITY', '/api/v1/Identity/', '/api/v1/Identity?a=b'])(
    'is answered here however its name is written: %s',
    async (path) => {
      expect(await seen(await get(path))).toEqual(identityOf(holder))
    },
  )

  test('is told by its new name at the next request', async () => {
    const renamed = await seedHolder(server, 'xdent')
    const headers = apiKey(renamed.publicId, renamed.secret)
    expect(await (await get('/api/v1/Identity', headers)).json()).toMatchObject({
      KeyName: 'Front desk',
    })
    done(await server.keys.edit(renamed.keyId, { name: 'Röntgen „Süd“' }))
    expect(await (await get('/api/v1/Identity', headers)).json()).toMatchObject({
      KeyName: 'Röntgen „Süd“',
    })
  })

  test('answers HEAD as GET, without the body', async () => {
    const answer = await server.call('/api/v1/Identity', { method: 'HEAD', headers: credential })
    expect(await seen(answer)).toEqual({ ...identityOf(holder), body: '' })
  })

  test('tells several keys of one company apart', async () => {
    const sibling = await seedHolder(server, 'xdent', { accountId: holder.accountId })
    const headers = apiKey(sibling.publicId, sibling.secret)
    expect(await seen(await get('/api/v1/Identity', headers))).toEqual(identityOf(sibling))
    // Each by its own secret only.
    expect((await get('/api/v1/Identity', apiKey(holder.publicId, sibling.secret))).status).toBe(
      401,
    )
  })

  test('needs no upstream', async () => {
    const alone = await testServer()
    const { publicId, secret } = await seedHolder(alone, 'xdent')
    const answer = await alone.call('/api/v1/Identity', {
      method: 'GET',
      headers: apiKey(publicId, secret),
    })
    expect(answer.status).toBe(200)
    await alone.close()
  })
})

describe('everything else under /api/v1', () => {
  const identity = () => ({
    'x-latchkey-account': holder.accountId,
    'x-latchkey-dialect': 'xdent',
    'x-latchkey-key': holder.publicId,
    'x-latchkey-owner': holder.ownerId,
  })

  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'])(
    'is handed on with whose it is in place of the credential: %s',
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
      const { headers, ...handedOn } = lastSeen()
      expect(handedOn).toEqual({
        method,
        url: '/xdent/api/v1/Patients/7?expand=Visits',
        body: body.body ?? '',
      })
      expect(headers).toMatchObject({
        ...identity(),
        'content-type': 'application/json',
        'x-request-id': answer.headers.get('x-request-id'),
      })
      expect(headers).not.toHaveProperty('x-api-key')
      expect(answer.headers.get('x-request-id')).toMatch(UUID)
    },
  )

  test.each(['/api/v1', '/api/v1/', '/api/v1/IdentityProviders', '/api/v1/x/Identity'])(
    'is not taken for Identity: %s',
    async (path) => {
      expect((await get(path)).status).toBe(200)
      expect(lastSeen().url).toBe(`/xdent${path}`)
    },
  )

  test('reaches the upstream only with a key', async () => {
    for (const path of ['/api/v1', '/api/v1/Patients', '/api/v1/%49dentity']) {
      expect([path, (await get(path, {})).status]).toEqual([path, 400])
    }
  })
})

test.each(['/API/V1/Patients', '/api/v2/Patients', '/api/v10', '/api'])(
  'another path is nobody’s, key or none: %s',
  async (path) => {
    expect(await seen(await get(path))).toEqual(
      ownAnswer(404, { message: 'There is nothing at this path.' }),
    )
  },
)

describe('a proxy that asks', () => {
  const ask = (path: string, headers: Record<string, string>) => get(path, headers)

  test.each(['/forward-auth', '/forward-auth/xdent'])(
    'at %s is told whose the key is',
    async (path) => {
      const answer = await ask(path, credential)
      expect(answer.status).toBe(200)
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        'x-latchkey-account': holder.accountId,
        'x-latchkey-dialect': 'xdent',
        'x-latchkey-key': holder.publicId,
        'x-latchkey-owner': holder.ownerId,
      })
    },
  )

  test('is refused in the vendor’s words', async () => {
    const refusal = ownAnswer(401, {
      Code: 'INVALID_SECRET',
      Message: 'The secret part is invalid.',
    })
    const wrong = apiKey(holder.publicId, 'lk_wrong')
    expect(await seen(await ask('/forward-auth', wrong))).toEqual(refusal)
    expect(await seen(await ask('/forward-auth/xdent', wrong))).toEqual(refusal)
    expect(await seen(await ask('/forward-auth/xdent', {}))).toEqual(
      ownAnswer(400, { Code: 'MISSING_API_KEY', Message: 'The X-Api-Key header is missing.' }),
    )
  })
})

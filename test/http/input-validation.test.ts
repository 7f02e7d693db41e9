import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedAdminClient } from '../support/admin-client.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
let operator: Awaited<ReturnType<typeof seedAdminClient>>
beforeAll(async () => {
  server = await createTestServer()
  operator = await seedAdminClient(server)
  await seedKey(server)
})
afterAll(() => server.close())

describe('a damaged cursor', () => {
  const lists = ['accounts', 'users', 'sources', 'destinations', 'subscriptions']
  test.each([...lists, 'sites', 'developers', 'messages', 'audit', 'keys', 'keys?order=name'])(
    'of /%s is answered with 422, not with an empty list',
    async (path) => {
      for (const after of ['zzz', '0', '019aa000-0000-7000-8000', '["a"]', '[null,null]']) {
        const query = `${path.includes('?') ? '&' : '?'}after=${encodeURIComponent(after)}`
        const { status, body } = await operator.callApi('GET', `/${path}${query}`)
        expect([after, status, body.errors?.[0]?.parameter]).toEqual([after, 422, 'after'])
      }
    },
  )

  test('of a list in another order is answered with 422', async () => {
    await seedKey(server)
    const { body } = await operator.callApi('GET', '/keys?order=name&limit=1')
    const next = encodeURIComponent(body.next)
    expect((await operator.callApi('GET', `/keys?order=name&after=${next}`)).status).toBe(200)
    expect((await operator.callApi('GET', `/keys?order=expiry&after=${next}`)).status).toBe(422)
  })
})

describe('an account name', () => {
  const create = (name: string) => server.accounts.create({ name })

  test.each([
    ['a Braille blank', '\u2800'],
    ['a Hangul filler', '\u3164'],
    ['a zero-width space', '\u200b'],
    ['a soft hyphen', '\u00ad'],
    ['a joiner', '\u200d'],
    ['a variation selector', '\ufe0f'],
    ['a byte order mark', '\ufeff'],
    ['a tag', '\u{e0041}'],
  ])('that is or contains %s is refused', async (_, invisible) => {
    expect((await create(invisible)).ok).toBe(false)
    expect((await create(`Acme${invisible}Health`)).ok).toBe(false)
    expect((await create(`Acme Health${invisible}x`)).ok).toBe(false)
  })

  test.each(['Łódź Clinic', 'می\u200cخواهم', '👩\u200d⚕\ufe0f Ward', '北京医院', 'क्\u200dष'])(
    'is accepted in any script: %s',
    async (name) => {
      expect(unwrap(await create(name)).name).toBe(name.normalize('NFC'))
    },
  )

  test('is normalized to single spaces and to NFC', async () => {
    expect(unwrap(await create('Acme\u00a0\u2003 Health')).name).toBe('Acme Health')
    expect(unwrap(await create('Cafe\u0301')).name).toBe('Caf\u00e9')
  })
})

describe('a region that this server does not serve', () => {
  test('is refused unless the request says that another server serves it', async () => {
    const refused = await operator.callApi('POST', '/accounts', { name: 'Abroad', region: 'Texas' })
    expect(refused.status).toBe(422)
    expect(refused.body.detail).toMatch(/^#\/otherRegion: this server serves the region us/i)
    const input = { name: 'Abroad', region: 'eu', otherRegion: true }
    expect((await operator.callApi('POST', '/accounts', input)).body).toMatchObject({
      region: 'eu',
    })
    expect(
      (await operator.callApi('POST', '/accounts', { name: 'Home', region: 'us' })).status,
    ).toBe(201)
  })
})

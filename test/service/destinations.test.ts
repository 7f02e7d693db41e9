import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Core, openCore } from '../support/core.ts'
import { deviceNew, done, seedKey, type TestServer, testServer } from '../support/server.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

/*
 * Destinations and the token that was agreed on with each: the handshake, what follows from it, and
 * that the token is nowhere but on the way to them.
 */

const TOKEN = 'token of the destination!'

/** A destination that repeats what it is asked, or says what it is told to. */
async function openRepeater() {
  let words: string | null = null
  let before: () => Promise<unknown> = async () => undefined
  const opened = await openHttpUpstream(async (_, response) => {
    const asked = opened.seen.at(-1)
    await before()
    response.end(words ?? `${asked?.url} ${asked?.body}`)
  })
  return {
    ...opened,
    say: (text: string | null) => {
      words = text
    },
    first: (work: () => Promise<unknown>) => {
      before = work
    },
  }
}

let repeater: Awaited<ReturnType<typeof openRepeater>>
beforeEach(async () => {
  repeater = await openRepeater()
})
afterEach(() => repeater.close())

describe('a destination', () => {
  let core: Core
  let accountId: string
  beforeEach(async () => {
    core = await openCore()
    accountId = (await core.seedTenant()).accountId
  })
  afterEach(() => core.close())

  const create = async (more: object = {}) =>
    done(
      await core.routes.addDestination({
        accountId,
        name: 'EMR',
        url: repeater.url,
        development: true,
        ...more,
      }),
    )

  test.each(['POST', 'GET'] as const)(
    'that meets the challenge by %s is verified',
    async (method) => {
      const created = await create({ token: TOKEN, method })
      expect(created).toMatchObject({ method, hasToken: true, verifiedAt: null })
      const handshake = done(await core.routes.verify(created.id))
      expect(handshake).toEqual({
        verified: true,
        asked: { method, url: `${repeater.url}/` },
        ms: 0,
        answered: { outcome: 'delivered', status: 200, challenged: true },
        destination: { ...created, verifiedAt: core.clock() },
      })
      expect(await core.storage.findDestination(created.id)).toEqual(handshake.destination)
      expect(await core.actionsOf(created.id)).toEqual([
        'destination.created',
        'destination.verified',
      ])
      const asked = repeater.seen[0]
      const token =
        method === 'POST'
          ? JSON.parse(String(asked?.body))['verification-token']
          : new URL(asked?.url ?? '', 'http://x').searchParams.get('verification-token')
      expect(token).toBe(TOKEN)
    },
  )

  test('is asked another challenge each time', async () => {
    const { id } = await create()
    await core.routes.verify(id)
    await core.routes.verify(id)
    const [first, second] = repeater.seen.map(({ body }) => JSON.parse(String(body)).challenge)
    expect(first).toMatch(/^\S{43,}$/)
    expect(second).not.toBe(first)
  })

  test('that does not meet it is not verified, and the audit says so', async () => {
    const created = await create({ token: TOKEN })
    repeater.say('welcome')
    expect(done(await core.routes.verify(created.id))).toMatchObject({
      verified: false,
      answered: { outcome: 'delivered', status: 200, challenged: false },
      destination: created,
    })
    expect(await core.storage.findDestination(created.id)).toEqual(created)
    const [event] = await core.storage.listEvents({ subject: created.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'destination.not_verified',
      facts: { outcome: 'delivered', status: 200 },
    })
  })

  test('that was verified before stays so where it does not meet another', async () => {
    const { id } = await create()
    await core.routes.verify(id)
    repeater.say('')
    expect(done(await core.routes.verify(id)).verified).toBe(false)
    expect((await core.storage.findDestination(id))?.verifiedAt).not.toBeNull()
  })

  test('without a URL is not asked', async () => {
    const { id } = await create({ url: undefined })
    expect(done(await core.routes.verify(id))).toMatchObject({
      verified: false,
      answered: { outcome: 'forbidden', detail: 'it has no URL' },
    })
  })

  test('that is changed while it is asked is not verified as what it became', async () => {
    const { id } = await create({ token: TOKEN })
    const changes = [
      () => core.routes.moveDestination(id, 'https://other.example'),
      () => core.routes.setToken(id, 'another'),
    ]
    for (const change of changes) {
      await core.routes.moveDestination(id, repeater.url)
      repeater.first(change)
      expect(await core.routes.verify(id)).toMatchObject({
        ok: false,
        failure: { problem: 'conflict' },
      })
      expect((await core.storage.findDestination(id))?.verifiedAt).toBeNull()
    }
  })

  test('with another token or another URL is to be verified anew', async () => {
    const { id } = await create({ token: TOKEN })
    await core.routes.verify(id)
    const changed = done(await core.routes.setToken(id, 'another', 'GET'))
    expect(changed).toMatchObject({ verifiedAt: null, method: 'GET', hasToken: true })
    expect(await core.storage.findDestination(id)).toEqual(changed)
    expect(done(await core.routes.verify(id)).verified).toBe(true)
    done(await core.routes.moveDestination(id, `${repeater.url}/in`))
    expect((await core.storage.findDestination(id))?.verifiedAt).toBeNull()
  })

  test('that is not there cannot be verified, nor be given a token', async () => {
    const id = '0199aa00-0000-7000-8000-000000000000'
    for (const attempt of [core.routes.verify(id), core.routes.setToken(id, TOKEN)]) {
      expect(await attempt).toMatchObject({ ok: false, failure: { problem: 'not_found' } })
    }
  })

  test.each(['', ' x', 'x ', 'a\nb', 'a\r\nX-Own: 1', 'ä', 'x'.repeat(257)])(
    'has no token like %j, which no header carries',
    async (token) => {
      const wish = { accountId, name: 'EMR', token }
      for (const attempt of [
        core.routes.addDestination(wish),
        core.routes.setToken((await create()).id, token),
      ]) {
        expect(await attempt).toMatchObject({ ok: false, failure: { problem: 'invalid' } })
      }
    },
  )

  test('has its token sealed, for itself alone', async () => {
    const [one, other] = [await create({ token: TOKEN }), await create({ token: TOKEN })]
    const sealed = (await core.storage.findSealedToken(one.id)) ?? ''
    expect(sealed).not.toContain(TOKEN)
    expect(new TextDecoder().decode(await core.sealer.open(sealed, one.id))).toBe(TOKEN)
    await expect(async () => core.sealer.open(sealed, other.id)).rejects.toThrow()
    const told = await core.storage.listEvents({ limit: 100 })
    expect(JSON.stringify([one, told])).not.toContain(TOKEN)
  })
})

describe('a question', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await testServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  })
  afterEach(() => server.close())

  test('carries the token to its destination, and nobody else reads it', async () => {
    const { accountId, sourceId, apiKey, secret } = await seedKey(server)
    const wish = { accountId, name: 'EMR', url: repeater.url, development: true, token: TOKEN }
    const { id: destinationId } = done(await server.routes.addDestination(wish))
    expect(done(await server.routes.verify(destinationId)).verified).toBe(true)
    done(await server.routes.subscribe({ sourceId, destinationId }))
    const { accessToken } = (await (await server.authenticate(apiKey, secret)).json()) as {
      accessToken: string
    }
    repeater.say('{}')
    const query = { DataModel: 'PatientSearch', EventType: 'Query' }
    const answer = await server.endpoint(accessToken, deviceNew(destinationId, query))
    expect(answer.status).toBe(200)
    expect(repeater.seen.at(-1)?.headers).toContainEqual(['verification-token', TOKEN])
    expect(await answer.text()).not.toContain(TOKEN)
    expect(JSON.stringify(server.log.lines)).not.toContain(TOKEN)
  })
})

import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  createDeviceNewMessage,
  createTestServer,
  seedKey,
  type TestServer,
  unwrap,
} from '../../support/server.ts'
import { openTestServices, type TestServices } from '../../support/services.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * Destinations and the token that was agreed on with each: the handshake, what follows from it, and
 * that the token is nowhere but on the way to them.
 */

const TOKEN = 'token of the destination!'

/** A destination that echoes its challenge, or answers with a set text. */
async function startChallengeEcho() {
  let words: string | null = null
  let beforeAnswer: () => Promise<unknown> = async () => undefined
  const opened = await startHttpUpstream(async (_, response) => {
    const asked = opened.requests.at(-1)
    await beforeAnswer()
    response.end(words ?? `${asked?.url} ${asked?.body}`)
  })
  return {
    ...opened,
    say: (text: string | null) => {
      words = text
    },
    first: (work: () => Promise<unknown>) => {
      beforeAnswer = work
    },
  }
}

let repeater: Awaited<ReturnType<typeof startChallengeEcho>>
beforeEach(async () => {
  repeater = await startChallengeEcho()
})
afterEach(() => repeater.close())

describe('a destination', () => {
  let testServices: TestServices
  let accountId: string
  beforeEach(async () => {
    testServices = await openTestServices()
    accountId = (await testServices.seedTenant()).accountId
  })
  afterEach(() => testServices.close())

  const createDestination = async (more: object = {}) =>
    unwrap(
      await testServices.destinations.add({
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
      const created = await createDestination({ token: TOKEN, method })
      expect(created).toMatchObject({ method, hasToken: true, verifiedAt: null })
      const handshake = unwrap(await testServices.destinations.verify(created.id))
      expect(handshake).toEqual({
        verified: true,
        request: { method, url: `${repeater.url}/` },
        ms: 0,
        response: { outcome: 'delivered', status: 200, challenged: true },
        destination: { ...created, verifiedAt: testServices.clock() },
      })
      expect(await testServices.storage.findDestination(created.id)).toEqual(handshake.destination)
      expect(await testServices.listActions(created.id)).toEqual([
        'destination.created',
        'destination.verified',
      ])
      const asked = repeater.requests[0]
      const token =
        method === 'POST'
          ? JSON.parse(String(asked?.body))['verification-token']
          : new URL(asked?.url ?? '', 'http://x').searchParams.get('verification-token')
      expect(token).toBe(TOKEN)
    },
  )

  test('is asked another challenge each time', async () => {
    const { id } = await createDestination()
    await testServices.destinations.verify(id)
    await testServices.destinations.verify(id)
    const [first, second] = repeater.requests.map(({ body }) => JSON.parse(String(body)).challenge)
    expect(first).toMatch(/^\S{43,}$/)
    expect(second).not.toBe(first)
  })

  test('that does not answer it is not verified, and the audit records that', async () => {
    const created = await createDestination({ token: TOKEN })
    repeater.say('welcome')
    expect(unwrap(await testServices.destinations.verify(created.id))).toMatchObject({
      verified: false,
      response: { outcome: 'delivered', status: 200, challenged: false },
      destination: created,
    })
    expect(await testServices.storage.findDestination(created.id)).toEqual(created)
    const [event] = await testServices.storage.listEvents({ subject: created.id, limit: 1 })
    expect(event).toMatchObject({
      action: 'destination.not_verified',
      facts: { outcome: 'delivered', status: 200 },
    })
  })

  test('that was verified before stays so where it does not meet another', async () => {
    const { id } = await createDestination()
    await testServices.destinations.verify(id)
    repeater.say('')
    expect(unwrap(await testServices.destinations.verify(id)).verified).toBe(false)
    expect((await testServices.storage.findDestination(id))?.verifiedAt).not.toBeNull()
  })

  test('without a URL is not asked', async () => {
    const { id } = await createDestination({ url: undefined })
    expect(unwrap(await testServices.destinations.verify(id))).toMatchObject({
      verified: false,
      response: { outcome: 'forbidden', detail: 'it has no URL' },
    })
  })

  test('that is changed while it is asked is not verified as what it became', async () => {
    const { id } = await createDestination({ token: TOKEN })
    const changes = [
      () => testServices.destinations.setUrl(id, 'https://other.example'),
      () => testServices.destinations.setVerificationToken(id, 'another'),
    ]
    for (const change of changes) {
      await testServices.destinations.setUrl(id, repeater.url)
      repeater.first(change)
      expect(await testServices.destinations.verify(id)).toMatchObject({
        ok: false,
        failure: { problem: 'conflict' },
      })
      expect((await testServices.storage.findDestination(id))?.verifiedAt).toBeNull()
    }
  })

  test('with another token or another URL is to be verified anew', async () => {
    const { id } = await createDestination({ token: TOKEN })
    await testServices.destinations.verify(id)
    const changed = unwrap(
      await testServices.destinations.setVerificationToken(id, 'another', 'GET'),
    )
    expect(changed).toMatchObject({ verifiedAt: null, method: 'GET', hasToken: true })
    expect(await testServices.storage.findDestination(id)).toEqual(changed)
    expect(unwrap(await testServices.destinations.verify(id)).verified).toBe(true)
    unwrap(await testServices.destinations.setUrl(id, `${repeater.url}/in`))
    expect((await testServices.storage.findDestination(id))?.verifiedAt).toBeNull()
  })

  test('that is not there cannot be verified, nor be given a token', async () => {
    const id = '0199aa00-0000-7000-8000-000000000000'
    for (const attempt of [
      testServices.destinations.verify(id),
      testServices.destinations.setVerificationToken(id, TOKEN),
    ]) {
      expect(await attempt).toMatchObject({ ok: false, failure: { problem: 'not_found' } })
    }
  })

  test.each(['', ' x', 'x ', 'a\nb', 'a\r\nX-Own: 1', 'ä', 'x'.repeat(257)])(
    'has no token like %j, which no header carries',
    async (token) => {
      const input = { accountId, name: 'EMR', token }
      for (const attempt of [
        testServices.destinations.add(input),
        testServices.destinations.setVerificationToken((await createDestination()).id, token),
      ]) {
        expect(await attempt).toMatchObject({ ok: false, failure: { problem: 'invalid' } })
      }
    },
  )

  test('has its token sealed, for itself alone', async () => {
    const [one, other] = [
      await createDestination({ token: TOKEN }),
      await createDestination({ token: TOKEN }),
    ]
    const sealed = (await testServices.storage.findSealedVerificationToken(one.id)) ?? ''
    expect(sealed).not.toContain(TOKEN)
    expect(new TextDecoder().decode(await testServices.sealer.open(sealed, one.id))).toBe(TOKEN)
    await expect(async () => testServices.sealer.open(sealed, other.id)).rejects.toThrow()
    const told = await testServices.storage.listEvents({ limit: 100 })
    expect(JSON.stringify([one, told])).not.toContain(TOKEN)
  })
})

describe('a question', () => {
  let server: TestServer
  beforeEach(async () => {
    server = await createTestServer({ LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.1' })
  })
  afterEach(() => server.close())

  test('has the token, which no other destination receives', async () => {
    const { accountId, sourceId, apiKey, secret } = await seedKey(server)
    const input = { accountId, name: 'EMR', url: repeater.url, development: true, token: TOKEN }
    const { id: destinationId } = unwrap(await server.destinations.add(input))
    expect(unwrap(await server.destinations.verify(destinationId)).verified).toBe(true)
    unwrap(await server.subscriptions.create({ sourceId, destinationId }))
    const { accessToken } = (await (await server.authenticate(apiKey, secret)).json()) as {
      accessToken: string
    }
    repeater.say('{}')
    const query = { DataModel: 'PatientSearch', EventType: 'Query' }
    const answer = await server.endpoint(accessToken, createDeviceNewMessage(destinationId, query))
    expect(answer.status).toBe(200)
    expect(repeater.requests.at(-1)?.headers).toContainEqual(['verification-token', TOKEN])
    expect(await answer.text()).not.toContain(TOKEN)
    expect(JSON.stringify(server.log.lines)).not.toContain(TOKEN)
  })
})

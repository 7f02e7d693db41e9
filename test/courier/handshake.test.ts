import type { RequestListener } from 'node:http'
import { afterEach, describe, expect, test } from 'vitest'
import { networksOf } from '../../src/domain/address.ts'
import { createCourier } from '../../src/http/courier.ts'
import { createDispatch as createWorkerDispatch } from '../../src/worker/dispatch.ts'
import { at, HERE, patiently, TOKEN, testCourier } from '../support/courier/courier.ts'
import { openHttpUpstream } from '../support/upstream/http-upstream.ts'

/*
 * The handshake that verifies a destination, as its documentation has it.
 */

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const CHALLENGE = '5e1f0b3c-challenge'

async function shake(answer: RequestListener, more: Parameters<typeof at>[1] = {}, path = '/') {
  const { url, seen, close } = await openHttpUpstream(answer)
  closing.push(close)
  const verdict = await testCourier().verify(at(`${url}${path}`, more), CHALLENGE, patiently())
  return { verdict, seen, host: new URL(url).host }
}

const saying = (status: number, text: string): RequestListener => {
  return (_, response) => response.writeHead(status).end(text)
}

test('by POST it asks with token and challenge in JSON, under our name', async () => {
  const { verdict, seen, host } = await shake(saying(200, CHALLENGE))
  expect(verdict).toEqual({ outcome: 'delivered', status: 200, challenged: true })
  const body = JSON.stringify({ 'verification-token': TOKEN, challenge: CHALLENGE })
  expect(seen).toEqual([
    {
      method: 'POST',
      url: '/',
      headers: [
        ['application-name', 'Latchkey'],
        ['verification-token', TOKEN],
        ['content-type', 'application/json; charset=utf-8'],
        ['host', host],
        ['accept-encoding', 'identity'],
        ['connection', 'keep-alive'],
        ['content-length', String(body.length)],
      ],
      body: Buffer.from(body),
    },
  ])
})

test('by GET it asks in the query, beside what the URL asks already', async () => {
  const odd = 'a&b=c d'
  const more = { method: 'GET', verificationToken: odd } as const
  const { verdict, seen } = await shake(saying(200, CHALLENGE), more, '/in?site=1')
  expect(verdict).toEqual({ outcome: 'delivered', status: 200, challenged: true })
  expect(seen[0]?.method).toBe('GET')
  const asked = new URL(seen[0]?.url ?? '', 'http://x')
  expect(asked.pathname).toBe('/in')
  expect([...asked.searchParams].sort()).toEqual([
    ['challenge', CHALLENGE],
    ['site', '1'],
    ['verification-token', odd],
  ])
  expect(seen[0]?.body).toHaveLength(0)
  expect(seen[0]?.headers).toContainEqual(['verification-token', odd])
  expect(seen[0]?.headers).toContainEqual(['application-name', 'Latchkey'])
})

const worker = createCourier({
  dispatch: createWorkerDispatch({ allowed: networksOf(HERE) }),
  applicationName: 'Latchkey',
})

test.each([
  ['Node', 'POST', testCourier()],
  ['Node', 'GET', testCourier()],
  ['Workers', 'POST', worker],
  ['Workers', 'GET', worker],
] as const)(
  'on %s, by %s, a receiver that checks the header before all else is verified',
  async (_, method, courier) => {
    const { url, seen, close } = await openHttpUpstream((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x')
      if (request.headers['verification-token'] !== TOKEN) response.writeHead(401).end()
      else if (method === 'GET') response.end(searchParams.get('challenge'))
      else response.end(String(seen.at(-1)?.body))
    })
    closing.push(close)
    expect(await courier.verify(at(url, { method }), CHALLENGE, patiently())).toEqual({
      outcome: 'delivered',
      status: 200,
      challenged: true,
    })
  },
)

test('without a token there is the challenge alone', async () => {
  const { verdict, seen } = await shake(saying(200, CHALLENGE), { verificationToken: null })
  expect(verdict.challenged).toBe(true)
  expect(JSON.parse(String(seen[0]?.body))).toEqual({ challenge: CHALLENGE })
  expect(seen[0]?.headers.map(([name]) => name)).not.toContain('verification-token')
})

describe('it is passed by', () => {
  test.each([
    ['bare', CHALLENGE],
    ['quoted', `"${CHALLENGE}"`],
    ['in JSON', `{"ok":true,"challenge":"${CHALLENGE}"}`],
    ['amid other words', `welcome ${CHALLENGE} friend`],
  ])('a 2xx with the challenge %s', async (_, words) => {
    expect((await shake(saying(201, words))).verdict).toEqual({
      outcome: 'delivered',
      status: 201,
      challenged: true,
    })
  })
})

describe('it is not passed by', () => {
  test.each([
    ['nothing', ''],
    ['another challenge', '5e1f0b3d-challenge'],
    ['part of it', CHALLENGE.slice(1)],
    ['another case of it', CHALLENGE.toUpperCase()],
  ])('a 2xx with %s', async (_, words) => {
    expect((await shake(saying(200, words))).verdict).toEqual({
      outcome: 'delivered',
      status: 200,
      challenged: false,
    })
  })

  test.each([302, 400, 404, 500])(
    'a %i with the challenge, which is kept nowhere',
    async (status) => {
      expect((await shake(saying(status, `no: ${CHALLENGE}`))).verdict).toEqual({
        outcome: 'refused',
        status,
        excerpt: 'no: …',
        challenged: false,
      })
    },
  )

  test('who closes without an answer', async () => {
    const { verdict } = await shake((request) => request.socket.destroy())
    expect(verdict).toEqual({
      outcome: 'failed',
      detail: 'it closed the connection (ECONNRESET)',
      challenged: false,
    })
  })

  test('a redirect to who would', async () => {
    const willing = await openHttpUpstream(saying(200, CHALLENGE))
    closing.push(willing.close)
    const { verdict } = await shake((_, response) =>
      response.writeHead(307, { Location: willing.url }).end(),
    )
    expect(verdict).toMatchObject({ outcome: 'refused', challenged: false })
    expect(willing.seen).toEqual([])
  })

  test('who may not be reached', async () => {
    const courier = testCourier({ allowed: [] })
    for (const url of ['http://127.0.0.1/', null]) {
      expect(await courier.verify(at(url), CHALLENGE, patiently())).toMatchObject({
        outcome: 'forbidden',
        challenged: false,
      })
    }
  })
})

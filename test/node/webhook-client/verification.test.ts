import type { RequestListener } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseKnownNetworks } from '../../../src/domain/ip-network.ts'
import { createWebhookClient } from '../../../src/http/webhook-client.ts'
import { createWorkerSendHttp } from '../../../src/worker/outbound-http.ts'
import {
  createIdleSignal,
  createTestWebhookClient,
  createWebhookEndpoint,
  LOOPBACK_NETWORKS,
  VERIFICATION_TOKEN,
} from '../../support/delivery/webhook-client.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * The handshake that verifies a destination, as its documentation has it.
 */

const CHALLENGE = '5e1f0b3c-challenge'

async function verifyEndpoint(
  answer: RequestListener,
  more: Parameters<typeof createWebhookEndpoint>[1] = {},
  path = '/',
) {
  const { url, requests: seen, close } = await startHttpUpstream(answer)
  onTestFinished(close)
  const verdict = await createTestWebhookClient().sendChallenge(
    createWebhookEndpoint(`${url}${path}`, more),
    CHALLENGE,
    createIdleSignal(),
  )
  return { verdict, seen, host: new URL(url).host }
}

const respondWith = (status: number, text: string): RequestListener => {
  return (_, response) => response.writeHead(status).end(text)
}

test('by POST it asks with token and challenge in JSON, under our name', async () => {
  const { verdict, seen, host } = await verifyEndpoint(respondWith(200, CHALLENGE))
  expect(verdict).toEqual({ outcome: 'delivered', status: 200, challenged: true })
  const body = JSON.stringify({ 'verification-token': VERIFICATION_TOKEN, challenge: CHALLENGE })
  expect(seen).toEqual([
    {
      method: 'POST',
      url: '/',
      headers: [
        ['application-name', 'Latchkey'],
        ['verification-token', VERIFICATION_TOKEN],
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
  const { verdict, seen } = await verifyEndpoint(respondWith(200, CHALLENGE), more, '/in?site=1')
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

const worker = createWebhookClient({
  sendHttp: createWorkerSendHttp({ allowed: parseKnownNetworks(LOOPBACK_NETWORKS) }),
  applicationName: 'Latchkey',
})

test.each([
  ['Node', 'POST', createTestWebhookClient()],
  ['Node', 'GET', createTestWebhookClient()],
  ['Workers', 'POST', worker],
  ['Workers', 'GET', worker],
] as const)(
  'on %s, by %s, a receiver that checks the header before all else is verified',
  async (_, method, webhookClient) => {
    const {
      url,
      requests: seen,
      close,
    } = await startHttpUpstream((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://x')
      if (request.headers['verification-token'] !== VERIFICATION_TOKEN)
        response.writeHead(401).end()
      else if (method === 'GET') response.end(searchParams.get('challenge'))
      else response.end(String(seen.at(-1)?.body))
    })
    onTestFinished(close)
    expect(
      await webhookClient.sendChallenge(
        createWebhookEndpoint(url, { method }),
        CHALLENGE,
        createIdleSignal(),
      ),
    ).toEqual({
      outcome: 'delivered',
      status: 200,
      challenged: true,
    })
  },
)

test('without a token there is the challenge alone', async () => {
  const { verdict, seen } = await verifyEndpoint(respondWith(200, CHALLENGE), {
    verificationToken: null,
  })
  expect(verdict.challenged).toBe(true)
  expect(JSON.parse(String(seen[0]?.body))).toEqual({ challenge: CHALLENGE })
  expect(seen[0]?.headers.map(([name]) => name)).not.toContain('verification-token')
})

describe('the verification succeeds for', () => {
  test.each([
    ['bare', CHALLENGE],
    ['quoted', `"${CHALLENGE}"`],
    ['in JSON', `{"ok":true,"challenge":"${CHALLENGE}"}`],
    ['amid other words', `welcome ${CHALLENGE} friend`],
  ])('a 2xx with the challenge %s', async (_, words) => {
    expect((await verifyEndpoint(respondWith(201, words))).verdict).toEqual({
      outcome: 'delivered',
      status: 201,
      challenged: true,
    })
  })
})

describe('the verification fails for', () => {
  test.each([
    ['nothing', ''],
    ['another challenge', '5e1f0b3d-challenge'],
    ['part of it', CHALLENGE.slice(1)],
    ['another case of it', CHALLENGE.toUpperCase()],
  ])('a 2xx with %s', async (_, words) => {
    expect((await verifyEndpoint(respondWith(200, words))).verdict).toEqual({
      outcome: 'delivered',
      status: 200,
      challenged: false,
    })
  })

  test.each([302, 400, 404, 500])(
    'a %i with the challenge, which is kept nowhere',
    async (status) => {
      expect((await verifyEndpoint(respondWith(status, `no: ${CHALLENGE}`))).verdict).toEqual({
        outcome: 'refused',
        status,
        excerpt: 'no: …',
        challenged: false,
      })
    },
  )

  test('a destination that closes without an answer', async () => {
    const { verdict } = await verifyEndpoint((request) => request.socket.destroy())
    expect(verdict).toEqual({
      outcome: 'failed',
      detail: 'it closed the connection (ECONNRESET)',
      challenged: false,
    })
  })

  test('a redirect to a destination that would', async () => {
    const willing = await startHttpUpstream(respondWith(200, CHALLENGE))
    onTestFinished(willing.close)
    const { verdict } = await verifyEndpoint((_, response) =>
      response.writeHead(307, { Location: willing.url }).end(),
    )
    expect(verdict).toMatchObject({ outcome: 'refused', challenged: false })
    expect(willing.requests).toEqual([])
  })

  test('a destination that may not be reached', async () => {
    const webhookClient = createTestWebhookClient({ allowed: [] })
    for (const url of ['http://127.0.0.1/', null]) {
      expect(
        await webhookClient.sendChallenge(
          createWebhookEndpoint(url),
          CHALLENGE,
          createIdleSignal(),
        ),
      ).toMatchObject({
        outcome: 'forbidden',
        challenged: false,
      })
    }
  })
})

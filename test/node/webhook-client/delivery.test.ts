import { pipeline } from 'node:stream/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createIdleSignal,
  createTestWebhookClient,
  createWebhookEndpoint,
  VERIFICATION_TOKEN,
} from '../../support/delivery/webhook-client.ts'
import { startRawUpstream } from '../../support/upstream/raw-upstream.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * One delivery over real sockets: the request that a destination receives, and the result of each
 * kind of response.
 */

async function startDestinationServer(...answer: Parameters<typeof startHttpUpstream>) {
  const opened = await startHttpUpstream(...answer)
  onTestFinished(opened.close)
  return opened
}

async function startRawDestination(...answer: Parameters<typeof startRawUpstream>) {
  const opened = await startRawUpstream(...answer)
  onTestFinished(opened.close)
  return opened
}

const webhookClient = createTestWebhookClient()
const BODY = '{"Meta":{"DataModel":"Device"},"Name":"Ä"}'
const BYTES = new TextEncoder().encode(BODY)
const deliver = (url: string | null, more = {}, signal = createIdleSignal()) =>
  webhookClient.deliver(createWebhookEndpoint(url, more), BYTES, signal)
const sendQuery = (url: string | null, signal = createIdleSignal()) =>
  webhookClient.sendSynchronous(createWebhookEndpoint(url), BYTES, signal)

const expectedFailure = (detail: string, more = {}) => ({
  ok: false,
  failure: { reason: 'destination_failed', destinationId: 'destination-1', detail, ...more },
})
const BROKEN_OFF = expectedFailure('its answer is too long, or broke off', {
  answerFault: 'it is longer than 41943040 bytes, or broke off',
})

describe('a destination reads', () => {
  test('the message, its type, and the token that was agreed on', async () => {
    const { url, requests: seen } = await startDestinationServer()
    expect(await deliver(`${url}/in?site=1`)).toEqual({ outcome: 'delivered', status: 200 })
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/in?site=1',
        headers: [
          ['content-type', 'application/json; charset=utf-8'],
          ['verification-token', VERIFICATION_TOKEN],
          ['host', new URL(url).host],
          ['accept-encoding', 'identity'],
          ['connection', 'keep-alive'],
          ['content-length', String(Buffer.byteLength(BODY))],
        ],
        body: Buffer.from(BODY),
      },
    ])
  })

  test('the same of a question', async () => {
    const { url, requests: seen } = await startDestinationServer()
    await sendQuery(url)
    await deliver(url)
    expect(seen[0]).toEqual(seen[1])
  })

  test('no token if it has none', async () => {
    const { url, requests: seen } = await startDestinationServer()
    await deliver(url, { verificationToken: null })
    expect(seen[0]?.headers.map(([name]) => name)).not.toContain('verification-token')
  })

  test('one message after the other on one connection', async () => {
    const hosted = await startDestinationServer()
    for (let n = 0; n < 5; n++) await deliver(hosted.url)
    expect(hosted.requests).toHaveLength(5)
    expect(hosted.countConnections()).toBe(1)
  })
})

describe('a delivery', () => {
  test.each([200, 201, 202, 204, 299])('succeeds with the status %i', async (status) => {
    const { url } = await startDestinationServer((_, response) => response.writeHead(status).end())
    expect(await deliver(url)).toEqual({ outcome: 'delivered', status })
  })

  test.each([300, 304, 400, 401, 404, 429, 500, 503])(
    'is refused by %i, and keeps the text of the destination',
    async (status) => {
      const words = status === 304 ? '' : 'not today'
      const { url } = await startDestinationServer((_, response) =>
        response.writeHead(status).end(words),
      )
      expect(await deliver(url)).toEqual({ outcome: 'refused', status, excerpt: words })
    },
  )

  test.each([301, 302, 303, 307, 308])('follows no redirect: %i', async (status) => {
    const elsewhere = await startDestinationServer()
    const { url } = await startDestinationServer((_, response) =>
      response.writeHead(status, { Location: elsewhere.url }).end('there'),
    )
    expect(await deliver(url)).toEqual({ outcome: 'refused', status, excerpt: 'there' })
    expect(await sendQuery(url)).toEqual(expectedFailure(`it answered ${status}`, { status }))
    expect(elsewhere.requests).toEqual([])
  })

  test.each([301, 302, 303, 307, 308])(
    'follows none to another path either: %i',
    async (status) => {
      const { url, requests: seen } = await startDestinationServer((_, response) =>
        response.writeHead(status, { Location: '/elsewhere' }).end(),
      )
      expect(await deliver(url)).toEqual({ outcome: 'refused', status, excerpt: '' })
      expect(await sendQuery(url)).toEqual(expectedFailure(`it answered ${status}`, { status }))
      expect(seen.map((one) => one.url)).toEqual(['/', '/'])
    },
  )

  test('has 200 characters of a refusal, none of them halved', async () => {
    const { url } = await startDestinationServer((_, response) =>
      response.writeHead(500).end('😀'.repeat(300)),
    )
    expect(await deliver(url)).toMatchObject({ excerpt: '😀'.repeat(200) })
  })

  test('removes the token from a refusal that repeats it', async () => {
    const { url } = await startDestinationServer((_, response) =>
      response.writeHead(401).end(`wrong token: ${VERIFICATION_TOKEN}!`),
    )
    expect(await deliver(url)).toMatchObject({ excerpt: 'wrong token: …!' })
  })

  test('to nowhere is not tried', async () => {
    expect(await deliver(null)).toEqual({ outcome: 'forbidden', detail: 'it has no URL' })
    expect(await sendQuery(null)).toEqual(expectedFailure('it has no URL'))
  })
})

describe('an answer of a gigabyte', () => {
  const CHUNK = Buffer.alloc(64 * 1024, 'x')

  /** Writes until the client stops reading, and counts the bytes sent. */
  async function startEndlessDestination(status: number) {
    let sentBytes = 0
    function* chunks() {
      for (; sentBytes < 1024 ** 3; sentBytes += CHUNK.length) yield CHUNK
    }
    const { url } = await startDestinationServer((_, response) => {
      response.writeHead(status)
      pipeline(chunks(), response).catch(() => undefined)
    })
    return { url, sentBytes: () => sentBytes }
  }
  const MB = 1024 ** 2

  test('is read only to the excerpt, and is a delivery if its status says so', async () => {
    const source = await startEndlessDestination(200)
    expect(await deliver(source.url)).toEqual({ outcome: 'delivered', status: 200 })
    expect(source.sentBytes()).toBeLessThan(16 * MB)
  })

  test('is an excerpt where it refuses', async () => {
    const source = await startEndlessDestination(500)
    expect(await deliver(source.url)).toMatchObject({ excerpt: 'x'.repeat(200) })
    expect(source.sentBytes()).toBeLessThan(16 * MB)
  })

  test('is too long for a question', async () => {
    const source = await startEndlessDestination(200)
    expect(await sendQuery(source.url)).toEqual(BROKEN_OFF)
    expect(source.sentBytes()).toBeLessThan(64 * MB)
  })
})

describe('a synchronous message', () => {
  test('is answered by the body, to the byte', async () => {
    const words = '{ "Patient": {"ID": 12345678901234567890, "Name": "Ä"} }\n'
    const { url } = await startDestinationServer((_, response) => void response.end(words))
    const answer = await sendQuery(url)
    expect(answer.ok && new TextDecoder().decode(answer.value)).toBe(words)
  })

  test.each([300, 404, 500])('is not answered by %i', async (status) => {
    const { url } = await startDestinationServer((_, response) =>
      response.writeHead(status).end('{}'),
    )
    expect(await sendQuery(url)).toEqual(expectedFailure(`it answered ${status}`, { status }))
  })
})

describe('a destination that', () => {
  test('answers nothing is given up in time', async () => {
    const { url } = await startDestinationServer(() => {})
    const attempt = await createTestWebhookClient({ deliveryTimeoutMs: 50 }).deliver(
      createWebhookEndpoint(url),
      BYTES,
      createIdleSignal(),
    )
    expect(attempt).toEqual({ outcome: 'failed', detail: 'it took too long' })
  })

  test('stops in the midst of its head is given up in time', async () => {
    const { url, countConnections } = await startRawDestination((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nX-'),
    )
    const attempt = await createTestWebhookClient({ deliveryTimeoutMs: 50 }).deliver(
      createWebhookEndpoint(url),
      BYTES,
      createIdleSignal(),
    )
    expect(attempt).toEqual({ outcome: 'failed', detail: 'it took too long' })
    await expect.poll(countConnections).toBe(0)
  })

  test('is silent after its status has delivered, and answered no question', async () => {
    const { url } = await startRawDestination((socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{'),
    )
    const hasty = createTestWebhookClient({ deliveryTimeoutMs: 50 })
    expect(await hasty.deliver(createWebhookEndpoint(url), BYTES, createIdleSignal())).toEqual({
      outcome: 'delivered',
      status: 200,
    })
    expect(await sendQuery(url, AbortSignal.timeout(50))).toEqual(BROKEN_OFF)
  })

  test('closes without an answer leaves everything open', async () => {
    const { url } = await startRawDestination((socket) => socket.end())
    const attempt = await deliver(url)
    expect(attempt).toEqual({ outcome: 'failed', detail: 'it closed the connection (ECONNRESET)' })
    expect(await sendQuery(url)).toEqual(expectedFailure('it closed the connection (ECONNRESET)'))
  })

  test('resets the connection leaves everything open', async () => {
    const { url } = await startRawDestination((socket) => socket.resetAndDestroy())
    expect(await deliver(url)).toMatchObject({ outcome: 'failed' })
  })

  test('closes in the midst of its body has delivered, and answered no question', async () => {
    const { url } = await startRawDestination((socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}'),
    )
    expect(await deliver(url)).toEqual({ outcome: 'delivered', status: 200 })
    expect(await sendQuery(url)).toEqual(BROKEN_OFF)
  })

  test('speaks no HTTP leaves everything open, and none of its words behind', async () => {
    const { url } = await startRawDestination((socket) => socket.end('Bixby, Timothy\r\n\r\n'))
    const attempt = await deliver(url)
    expect(attempt).toMatchObject({ outcome: 'failed' })
    expect(JSON.stringify(attempt)).not.toContain('Bixby')
  })

  test('is not there leaves everything open', async () => {
    const { url, close } = await startDestinationServer()
    close()
    const attempt = await deliver(url)
    expect(attempt).toMatchObject({ outcome: 'failed', detail: expect.stringMatching(/REFUSED/) })
  })
})

test('an aborted delivery ends at once, and closes its connection', async () => {
  const { url, requests: seen, countConnections } = await startDestinationServer(() => {})
  const leave = new AbortController()
  const attempt = deliver(url, {}, leave.signal)
  await expect.poll(() => seen.length).toBe(1)
  leave.abort()
  expect(await attempt).toEqual({ outcome: 'failed', detail: 'the request was cancelled' })
  await expect.poll(countConnections).toBe(0)
})

test('what was called off before is not sent', async () => {
  const { url, requests: seen } = await startDestinationServer()
  expect(await deliver(url, {}, AbortSignal.abort())).toEqual({
    outcome: 'failed',
    detail: 'the request was cancelled',
  })
  expect(seen).toEqual([])
})

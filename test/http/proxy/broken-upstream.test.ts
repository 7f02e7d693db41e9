import { Miniflare } from 'miniflare'
import { expect, onTestFinished, test, vi } from 'vitest'
import { RawConnection, sendRaw } from '../../support/raw-connection.ts'
import { startRawUpstream } from '../../support/upstream/raw-upstream.ts'
import { startHttpUpstream, startTestProxy } from '../../support/upstream/servers.ts'

/*
 * Upstreams that hang, lie and break: a caller is always answered, and never with half an answer that
 * looks like a whole one.
 */

async function startBrokenUpstream(
  onRequest: Parameters<typeof startRawUpstream>[0],
  { timeoutMs = 20_000 }: { timeoutMs?: number } = {},
) {
  const upstream = await startRawUpstream(onRequest)
  const proxy = await startTestProxy(upstream.url, { timeoutMs })
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  return { upstream, proxy }
}

const GET = 'GET /fhir/Patient HTTP/1.1\r\nHost: x\r\n\r\n'
const POST = 'POST /fhir/Patient HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}'
const WHOLE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

const expectNoConnections = (server: { countConnections(): number }) =>
  expect.poll(() => server.countConnections()).toBe(0)

async function readProxyRefusal(proxy: { url: string }, request = GET): Promise<unknown> {
  const answer = await sendRaw(proxy.url, request)
  expect(answer?.status).toBe(502)
  return JSON.parse(answer?.body ?? '')
}

test.each([
  ['a GET', GET],
  ['a POST', POST],
])('an upstream that never begins its response to %s times out', async (_, request) => {
  const { proxy, upstream } = await startBrokenUpstream(() => {}, { timeoutMs: 300 })
  expect(await readProxyRefusal(proxy, request)).toEqual({ reason: 'upstream_timed_out' })
  await expectNoConnections(upstream)
})

test('an upstream that stops reading a body times out', async () => {
  let resumeUpstream = () => {}
  const { proxy, upstream } = await startBrokenUpstream(
    (socket) => {
      socket.pause()
      resumeUpstream = () => socket.resume()
    },
    { timeoutMs: 300 },
  )
  const connection = await RawConnection.open(proxy.url)
  connection.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n')
  connection.write(new Uint8Array(20_000_000))
  const answer = await connection.readResponse()
  expect([answer?.status, answer?.body]).toEqual([502, '{"reason":"upstream_timed_out"}'])
  connection.destroy()
  resumeUpstream()
  await expectNoConnections(upstream)
})

test('a slow caller does not make the upstream time out', async () => {
  const { proxy } = await startBrokenUpstream(
    (socket) => {
      socket.on('data', (data) => {
        if (data.includes('}')) socket.write(WHOLE)
      })
    },
    { timeoutMs: 2000 },
  )
  const connection = await RawConnection.open(proxy.url)
  connection.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{')
  await new Promise((later) => setTimeout(later, 2200))
  connection.write('}')
  expect((await connection.readResponse())?.status).toBe(200)
  connection.destroy()
})

test('an upstream on a closed port is unreachable', async () => {
  const { proxy, upstream } = await startBrokenUpstream(() => {})
  upstream.close()
  expect(await readProxyRefusal(proxy)).toEqual({
    reason: 'upstream_unreachable',
    detail: expect.stringContaining('ECONNREFUSED'),
  })
})

test('an https upstream without TLS is unreachable', async () => {
  const upstream = await startHttpUpstream()
  const proxy = await startTestProxy(upstream.url.replace('http:', 'https:'))
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  expect(await readProxyRefusal(proxy)).toMatchObject({ reason: 'upstream_unreachable' })
  expect(upstream.requests).toEqual([])
})

test('an https upstream with an untrusted certificate is unreachable', async () => {
  // It signs for itself.
  const script = 'export default { fetch: () => new Response("asked") }'
  const upstream = new Miniflare({ modules: true, script, https: true })
  const proxy = await startTestProxy(String(await upstream.ready))
  onTestFinished(() => upstream.dispose())
  onTestFinished(proxy.close)
  expect(await readProxyRefusal(proxy)).toEqual({
    reason: 'upstream_unreachable',
    detail: expect.stringMatching(/certificate/),
  })
})

test.each<[string, string | null]>([
  ['resets the connection', null],
  ['closes it without an answer', ''],
  ['speaks no HTTP', 'SSH-2.0-OpenSSH_9.6\r\n'],
  [
    'switches protocols unasked',
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  ],
  ['answers with a status that is none', 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n'],
  ['announces two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
  ['sends 100 kB of headers', `HTTP/1.1 200 OK\r\nX-Long: ${'x'.repeat(100_000)}\r\n\r\n`],
])('an upstream that %s is unreachable', async (_, answer) => {
  const { proxy, upstream } = await startBrokenUpstream((socket) => {
    if (answer === null) socket.resetAndDestroy()
    else socket.end(answer, 'latin1')
  })
  const refused = await readProxyRefusal(proxy, POST)
  expect(refused).toEqual({ reason: 'upstream_unreachable', detail: expect.any(String) })
  await expectNoConnections(upstream)
})

test.each([
  ['a length', 'Content-Length: 100'],
  ['chunks', 'Transfer-Encoding: chunked'],
])('a response with %s that breaks off is a broken transfer', async (_, framing) => {
  const consoleError = vi.spyOn(console, 'error').mockReturnValue(undefined)
  const { proxy, upstream } = await startBrokenUpstream((socket) => {
    socket.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nbegun\r\n`)
    setTimeout(() => socket.end(), 50)
  })
  const connection = await RawConnection.open(proxy.url)
  connection.write(GET)
  // No whole answer: the connection ends before its length, or its last chunk.
  expect(await connection.readResponse()).toBeNull()
  await expectNoConnections(upstream)
  expect(proxy.log.lines).toEqual([
    {
      level: 'warn',
      message: 'an upstream ended its response early',
      facts: {
        address: '127.0.0.1',
        requestId: 'request-1',
        path: '/*',
        surface: 'fhir',
        reason: 'upstream_unreachable',
        detail: 'aborted',
      },
    },
  ])
  consoleError.mockRestore()
})

test('a response that pauses too long is a broken transfer', async () => {
  const consoleError = vi.spyOn(console, 'error').mockReturnValue(undefined)
  const { proxy, upstream } = await startBrokenUpstream(
    (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n')
    },
    { timeoutMs: 300 },
  )
  await expect(fetch(proxy.url).then((answer) => answer.text())).rejects.toThrow()
  await expectNoConnections(upstream)
  expect(proxy.log.lines.map(({ facts }) => facts)).toMatchObject([
    { reason: 'upstream_timed_out' },
  ])
  consoleError.mockRestore()
})

test('an early refusal of a body by the upstream reaches the caller', async () => {
  const { proxy, upstream } = await startBrokenUpstream((socket) => {
    socket.end(
      'HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlong',
    )
  })
  const connection = await RawConnection.open(proxy.url)
  connection.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n{')
  const answer = await connection.readResponse()
  expect([answer?.status, answer?.body]).toEqual([413, 'long'])
  connection.destroy()
  await expectNoConnections(upstream)
})

test('after a stale connection, a repeatable request is sent again, and no other is sent twice', async () => {
  const { proxy, upstream } = await startBrokenUpstream((socket, _, nth) => {
    // Answers the first request of a connection, and resets it when a second one comes.
    if (nth === 2 || nth === 4) socket.resetAndDestroy()
    else socket.write(WHOLE)
  })
  expect((await sendRaw(proxy.url, GET))?.status).toBe(200)
  expect((await sendRaw(proxy.url, GET))?.status).toBe(200)
  expect(upstream.countRequests()).toBe(3)
  expect(await readProxyRefusal(proxy, POST)).toMatchObject({ reason: 'upstream_unreachable' })
  expect(upstream.countRequests()).toBe(4)
})

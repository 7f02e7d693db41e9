import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { createUpstreamFetch } from '../../../src/node/upstream-fetch.ts'
import { RawConnection } from '../../support/raw-connection.ts'
import {
  type ListeningServer,
  startListening,
  startTestProxy,
} from '../../support/upstream/servers.ts'

/*
 * Bodies that are larger than memory should be, and callers that disconnect during them.
 */

/** Far more than the process may take. */
const TRANSFER_BYTES = 400 * 1024 ** 2
const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** Gives this much, as fast as it is taken. */
async function writeBytes(
  bytes: number,
  target: { write(chunk: Uint8Array): boolean; end(): unknown } & NodeJS.EventEmitter,
): Promise<void> {
  for (let writtenBytes = 0; writtenBytes < bytes; writtenBytes += CHUNK.length) {
    if (!target.write(CHUNK)) await once(target, 'drain')
  }
  target.end()
}

async function measure(incoming: IncomingMessage): Promise<number> {
  let bytes = 0
  for await (const chunk of incoming) bytes += (chunk as Uint8Array).length
  return bytes
}

describe('400 MB are streamed without filling memory', () => {
  let child: ChildProcess
  let proxy: string
  let upstream: ListeningServer
  beforeEach(async () => {
    upstream = await startListening(
      createServer(async (request, response) => {
        if (request.method === 'GET') {
          response.writeHead(200, { 'Content-Length': TRANSFER_BYTES })
          await writeBytes(TRANSFER_BYTES, response)
        } else {
          response.end(String(await measure(request)))
        }
      }),
    )
    const script = fileURLToPath(
      new URL('../../support/upstream/proxy-process.ts', import.meta.url),
    )
    child = fork(script, [upstream.url], { execArgv: [] })
    const [{ url }] = (await once(child, 'message')) as [{ url: string }]
    proxy = url
  })
  afterEach(() => {
    child.kill()
    upstream.close()
  })

  async function readPeakBytes(): Promise<number> {
    child.send({})
    const [{ peakBytes }] = (await once(child, 'message')) as [{ peakBytes: number }]
    return peakBytes
  }

  const sendLargeRequest = async (
    method: string,
    headers: Record<string, string>,
    body: number,
  ) => {
    const request = httpRequest(proxy, { method, headers })
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    await writeBytes(body, request)
    return (await answered)[0]
  }

  test('down', async () => {
    const before = await readPeakBytes()
    const answer = await sendLargeRequest('GET', {}, 0)
    expect(answer.headers['content-length']).toBe(String(TRANSFER_BYTES))
    expect(await measure(answer)).toBe(TRANSFER_BYTES)
    expect((await readPeakBytes()) - before).toBeLessThan(150 * 1024 ** 2)
  })

  test.each<[string, Record<string, string>]>([
    ['with its length', { 'Content-Length': String(TRANSFER_BYTES) }],
    ['in chunks', { 'Transfer-Encoding': 'chunked' }],
  ])('up, %s', async (_, headers) => {
    const before = await readPeakBytes()
    const answer = await sendLargeRequest('POST', headers, TRANSFER_BYTES)
    expect(Buffer.concat(await answer.toArray()).toString()).toBe(String(TRANSFER_BYTES))
    expect((await readPeakBytes()) - before).toBeLessThan(150 * 1024 ** 2)
  })
})

const expectNoConnections = (server: ListeningServer) =>
  expect.poll(() => server.countConnections()).toBe(0)

test('a caller that does not read slows the upstream down', async () => {
  let writtenBytes = 0
  const upstream = await startListening(
    createServer(async (_, response) => {
      for (; writtenBytes < TRANSFER_BYTES; writtenBytes += CHUNK.length) {
        if (!response.write(CHUNK)) await once(response, 'drain')
      }
    }),
  )
  const proxy = await startTestProxy(upstream.url)
  onTestFinished(upstream.close)
  onTestFinished(proxy.close)
  const request = httpRequest(proxy.url).end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.pause()
  await expect.poll(() => writtenBytes).toBeGreaterThan(0)
  // Until nothing moves any more: what is then under way is what the sockets hold.
  let before = -1
  const isStill = () => {
    const still = writtenBytes === before
    before = writtenBytes
    return still
  }
  await expect.poll(isStill, { interval: 300 }).toBe(true)
  expect(writtenBytes).toBeLessThan(64 * 1024 ** 2)
  request.destroy()
})

describe('a caller that disconnects', () => {
  /** An upstream that notes how each request of it has ended. */
  async function startAbortableUpstream(answer: (request: IncomingMessage) => boolean) {
    const ended: string[] = []
    const upstream = await startListening(
      createServer((request, response) => {
        request.on('error', () => undefined)
        response.on('close', () => {
          const how = request.complete ? 'whole' : 'broken off'
          ended.push(`${how}, ${response.writableFinished ? 'answered' : 'unanswered'}`)
        })
        request.resume()
        if (answer(request)) void writeBytes(TRANSFER_BYTES, response).catch(() => undefined)
      }),
    )
    const proxy = await startTestProxy(upstream.url)
    onTestFinished(upstream.close)
    onTestFinished(proxy.close)
    const connection = await RawConnection.open(proxy.url)
    return { ended, upstream, proxy, connection }
  }

  test.each([
    ['with its length', 'Content-Length: 1000000', 'x'.repeat(1000)],
    ['in chunks', 'Transfer-Encoding: chunked', '5\r\nbegun\r\n'],
  ])('during an upload, %s, aborts the upstream’s request', async (_, framing, some) => {
    const { ended, upstream, proxy, connection } = await startAbortableUpstream(() => false)
    connection.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${some}`)
    await expect.poll(() => upstream.countConnections()).toBe(1)
    connection.destroy()
    await expect.poll(() => ended).toEqual(['broken off, unanswered'])
    await Promise.all([expectNoConnections(upstream), expectNoConnections(proxy)])
  })

  test('before the request is forwarded prevents the forwarding', async () => {
    const upstream = await startListening(createServer())
    onTestFinished(upstream.close)
    const failure = await createUpstreamFetch({ timeoutMs: 1000 })({
      method: 'GET',
      url: new URL(upstream.url),
      headers: new Headers(),
      body: null,
      signal: AbortSignal.abort(),
      onTruncated: () => undefined,
    })
    expect(failure).toEqual({
      ok: false,
      failure: { reason: 'upstream_unreachable', detail: 'the caller closed the connection first' },
    })
    await expectNoConnections(upstream)
  })

  test('before the response aborts the upstream’s request', async () => {
    const { ended, upstream, proxy, connection } = await startAbortableUpstream(() => false)
    connection.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => upstream.countConnections()).toBe(1)
    connection.destroy()
    await expect.poll(() => ended).toEqual(['whole, unanswered'])
    await Promise.all([expectNoConnections(upstream), expectNoConnections(proxy)])
  })

  test('during a download aborts the upstream’s response', async () => {
    const { ended, upstream, proxy, connection } = await startAbortableUpstream(() => true)
    connection.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => upstream.countConnections()).toBe(1)
    connection.destroy()
    await expect.poll(() => ended).toEqual(['whole, unanswered'])
    await Promise.all([expectNoConnections(upstream), expectNoConnections(proxy)])
    // The caller left; the upstream did not.
    expect(proxy.log.lines).toEqual([])
  })
})

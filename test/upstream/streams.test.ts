import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createCarry } from '../../src/node/upstream/carry.ts'
import { RawConnection } from '../support/raw.ts'
import { type Listening, listen, openGate } from '../support/upstream/gate.ts'

/*
 * Bodies that are larger than memory ought to be, and callers who leave in the midst of them.
 */

const closing: (() => void)[] = []
afterEach(() => {
  for (const close of closing.splice(0)) close()
})

const GIGABYTE = 1024 ** 3
const CHUNK = Buffer.alloc(64 * 1024, 'x')

/** Gives this much, as fast as it is taken. */
async function pour(
  bytes: number,
  target: { write(chunk: Uint8Array): boolean; end(): unknown } & NodeJS.EventEmitter,
): Promise<void> {
  for (let given = 0; given < bytes; given += CHUNK.length) {
    if (!target.write(CHUNK)) await once(target, 'drain')
  }
  target.end()
}

async function measure(incoming: IncomingMessage): Promise<number> {
  let bytes = 0
  for await (const chunk of incoming) bytes += (chunk as Uint8Array).length
  return bytes
}

describe('a gigabyte goes through without filling memory', () => {
  let child: ChildProcess
  let gate: string
  let upstream: Listening
  beforeEach(async () => {
    upstream = await listen(
      createServer(async (request, response) => {
        if (request.method === 'GET') {
          response.writeHead(200, { 'Content-Length': GIGABYTE })
          await pour(GIGABYTE, response)
        } else {
          response.end(String(await measure(request)))
        }
      }),
    )
    const script = fileURLToPath(new URL('../support/upstream/gate-process.ts', import.meta.url))
    child = fork(script, [upstream.url], { execArgv: [] })
    const [{ url }] = (await once(child, 'message')) as [{ url: string }]
    gate = url
  })
  afterEach(() => {
    child.kill()
    upstream.close()
  })

  async function peak(): Promise<number> {
    child.send({})
    const [{ peakBytes }] = (await once(child, 'message')) as [{ peakBytes: number }]
    return peakBytes
  }

  const ask = async (method: string, headers: Record<string, string>, body: number) => {
    const request = httpRequest(gate, { method, headers })
    const answered = once(request, 'response') as Promise<[IncomingMessage]>
    await pour(body, request)
    return (await answered)[0]
  }

  test('down', async () => {
    const before = await peak()
    const answer = await ask('GET', {}, 0)
    expect(answer.headers['content-length']).toBe(String(GIGABYTE))
    expect(await measure(answer)).toBe(GIGABYTE)
    expect((await peak()) - before).toBeLessThan(150 * 1024 ** 2)
  })

  test.each<[string, Record<string, string>]>([
    ['with its length', { 'Content-Length': String(GIGABYTE) }],
    ['in chunks', { 'Transfer-Encoding': 'chunked' }],
  ])('up, %s', async (_, headers) => {
    const before = await peak()
    const answer = await ask('POST', headers, GIGABYTE)
    expect(Buffer.concat(await answer.toArray()).toString()).toBe(String(GIGABYTE))
    expect((await peak()) - before).toBeLessThan(150 * 1024 ** 2)
  })
})

const none = (server: Listening) => expect.poll(() => server.open()).toBe(0)

test('a caller who does not read slows the upstream down', async () => {
  let given = 0
  const upstream = await listen(
    createServer(async (_, response) => {
      for (; given < GIGABYTE; given += CHUNK.length) {
        if (!response.write(CHUNK)) await once(response, 'drain')
      }
    }),
  )
  const gate = await openGate(upstream.url)
  closing.push(upstream.close, gate.close)
  const request = httpRequest(gate.url).end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.pause()
  await expect.poll(() => given).toBeGreaterThan(0)
  // Until nothing moves any more: what is then under way is what the sockets hold.
  let before = -1
  const isStill = () => {
    const still = given === before
    before = given
    return still
  }
  await expect.poll(isStill, { interval: 300 }).toBe(true)
  expect(given).toBeLessThan(64 * 1024 ** 2)
  request.destroy()
})

describe('a caller who hangs up', () => {
  /** An upstream that notes how each request of it has ended. */
  async function stand(answer: (request: IncomingMessage) => boolean) {
    const ended: string[] = []
    const upstream = await listen(
      createServer((request, response) => {
        request.on('error', () => undefined)
        response.on('close', () => {
          const how = request.complete ? 'whole' : 'broken off'
          ended.push(`${how}, ${response.writableFinished ? 'answered' : 'unanswered'}`)
        })
        request.resume()
        if (answer(request)) void pour(GIGABYTE, response).catch(() => undefined)
      }),
    )
    const gate = await openGate(upstream.url)
    closing.push(upstream.close, gate.close)
    const connection = await RawConnection.open(gate.url)
    return { ended, upstream, gate, connection }
  }

  test.each([
    ['with its length', 'Content-Length: 1000000', 'x'.repeat(1000)],
    ['in chunks', 'Transfer-Encoding: chunked', '5\r\nbegun\r\n'],
  ])('in mid-upload, %s, ends the upstream’s request', async (_, framing, some) => {
    const { ended, upstream, gate, connection } = await stand(() => false)
    connection.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n${some}`)
    await expect.poll(() => upstream.open()).toBe(1)
    connection.hangUp()
    await expect.poll(() => ended).toEqual(['broken off, unanswered'])
    await Promise.all([none(upstream), none(gate)])
  })

  test('before his request goes on has it go nowhere', async () => {
    const upstream = await listen(createServer())
    closing.push(upstream.close)
    const failure = await createCarry({ timeoutMs: 1000 })({
      method: 'GET',
      url: new URL(upstream.url),
      headers: new Headers(),
      body: null,
      signal: AbortSignal.abort(),
      brokeOff: () => undefined,
    })
    expect(failure).toEqual({
      ok: false,
      failure: { reason: 'upstream_unreachable', detail: 'the caller hung up first' },
    })
    await none(upstream)
  })

  test('before the answer ends the upstream’s request', async () => {
    const { ended, upstream, gate, connection } = await stand(() => false)
    connection.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => upstream.open()).toBe(1)
    connection.hangUp()
    await expect.poll(() => ended).toEqual(['whole, unanswered'])
    await Promise.all([none(upstream), none(gate)])
  })

  test('in mid-download ends the upstream’s answer', async () => {
    const { ended, upstream, gate, connection } = await stand(() => true)
    connection.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await expect.poll(() => upstream.open()).toBe(1)
    connection.hangUp()
    await expect.poll(() => ended).toEqual(['whole, unanswered'])
    await Promise.all([none(upstream), none(gate)])
    // He left; the upstream did not.
    expect(gate.log.lines).toEqual([])
  })
})

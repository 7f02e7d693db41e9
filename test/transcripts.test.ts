import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveServer, startLive } from './support/live.ts'
import { sendRaw } from './support/raw.ts'
import { type TestServer, testServer } from './support/server.ts'
import { replay, type Transport } from './support/transcript/replay.ts'
import { openTranscriptUpstreams, TRANSCRIPTS } from './support/transcript/worlds.ts'

let upstreams: Awaited<ReturnType<typeof openTranscriptUpstreams>>
beforeAll(async () => {
  upstreams = await openTranscriptUpstreams()
})
afterAll(() => upstreams.close())

describe('in process', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer(upstreams.settings)
  })
  afterAll(() => server.close())

  const transport: Transport = {
    shows: 'the app',
    async send({ method, target, headers, body }) {
      // As bytes: a text would bring a Content-Type of its own.
      const bytes = new TextEncoder().encode(body)
      const answer = await server.call(target, {
        method,
        headers: { ...Object.fromEntries(headers), 'Content-Length': String(bytes.length) },
        ...(body === '' ? {} : { body: bytes }),
      })
      return { status: answer.status, headers: [...answer.headers], body: await answer.text() }
    },
  }

  test.each(TRANSCRIPTS)('$name is answered as recorded', async ({ exchanges, seed }) => {
    expect(await replay(exchanges, transport, await seed(server))).toBeNull()
  })
})

describe('over a socket', () => {
  let server: LiveServer
  beforeAll(async () => {
    server = await startLive({ LATCHKEY_URL: 'https://latchkey.example', ...upstreams.settings })
  })
  afterAll(() => server.close())

  const transport: Transport = {
    shows: 'the wire',
    async send({ method, target, headers, body }) {
      const lines = headers.map(([name, value]) => `${name}: ${value}`)
      const length = `Content-Length: ${Buffer.byteLength(body)}`
      const head = [`${method} ${target} HTTP/1.1`, ...lines, length]
      const answer = await sendRaw(server.url, [...head, '', body].join('\r\n'))
      if (answer === null) throw new Error('the server hung up')
      return answer
    },
  }

  test.each(TRANSCRIPTS)('$name is answered as recorded', async ({ exchanges, seed }) => {
    expect(await replay(exchanges, transport, await seed(server))).toBeNull()
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sendRaw } from './support/raw-connection.ts'
import {
  createTestServer,
  type LiveServer,
  startLiveServer,
  type TestServer,
} from './support/server.ts'
import { startTranscriptUpstreams, TRANSCRIPTS } from './support/transcript-fixtures.ts'
import { replayTranscript, type TranscriptTransport } from './support/transcript-replay.ts'

let upstreams: Awaited<ReturnType<typeof startTranscriptUpstreams>>
beforeAll(async () => {
  upstreams = await startTranscriptUpstreams()
})
afterAll(() => upstreams.close())

describe('in process', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer(upstreams.settings)
  })
  afterAll(() => server.close())

  const transport: TranscriptTransport = {
    headerSource: 'the app',
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
    expect(await replayTranscript(exchanges, transport, await seed(server))).toBeNull()
  })
})

describe('over a socket', () => {
  let server: LiveServer
  beforeAll(async () => {
    server = await startLiveServer({
      LATCHKEY_URL: 'https://latchkey.example',
      ...upstreams.settings,
    })
  })
  afterAll(() => server.close())

  const transport: TranscriptTransport = {
    headerSource: 'the wire',
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
    expect(await replayTranscript(exchanges, transport, await seed(server))).toBeNull()
  })
})

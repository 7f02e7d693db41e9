import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type LiveServer, startLive } from './support/live.ts'
import { sendRaw } from './support/raw.ts'
import { type TestServer, testServer } from './support/server.ts'
import { parseTranscript } from './support/transcript/parse.ts'
import { replay, type Transport } from './support/transcript/replay.ts'
import { seedWorld } from './support/world.ts'

const FOLDER = new URL('transcripts/redox/', import.meta.url)
const names = readdirSync(FOLDER)
const transcriptOf = (name: string) => parseTranscript(readFileSync(new URL(name, FOLDER), 'utf8'))

describe('in process', () => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer()
  })
  afterAll(() => server.close())

  const transport: Transport = {
    shows: 'the app',
    async send({ method, target, headers, body }) {
      const content = body === '' ? {} : { body }
      const answer = await server.call(target, {
        method,
        headers: Object.fromEntries(headers),
        ...content,
      })
      return { status: answer.status, headers: [...answer.headers], body: await answer.text() }
    },
  }

  test.each(names)('%s is answered as recorded', async (name) => {
    expect(await replay(transcriptOf(name), transport, await seedWorld(server))).toBeNull()
  })
})

describe('over a socket', () => {
  let server: LiveServer
  beforeAll(async () => {
    server = await startLive({ LATCHKEY_URL: 'https://latchkey.example' })
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

  test.each(names)('%s is answered as recorded', async (name) => {
    expect(await replay(transcriptOf(name), transport, await seedWorld(server))).toBeNull()
  })
})

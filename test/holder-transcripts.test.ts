import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedPracticeWorld, seedXdentWorld } from './support/holder-worlds.ts'
import { type TestServer, testServer } from './support/server.ts'
import { parseTranscript } from './support/transcript/parse.ts'
import { replay, type Transport } from './support/transcript/replay.ts'

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

describe.each([
  ['xdent', seedXdentWorld],
  ['practice', seedPracticeWorld],
] as const)('%s, in process', (dialect, seed) => {
  const folder = new URL(`transcripts/${dialect}/`, import.meta.url)

  test.each(readdirSync(folder))('%s is answered as recorded', async (name) => {
    const exchanges = parseTranscript(readFileSync(new URL(name, folder), 'utf8'))
    expect(exchanges.length).toBeGreaterThan(1)
    expect(await replay(exchanges, transport, await seed(server))).toBeNull()
  })
})

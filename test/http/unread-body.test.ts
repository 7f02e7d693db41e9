import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FetchRequest } from '../../src/http/request.ts'
import { readBody } from '../../src/http/request-body.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from '../support/server.ts'

let server: TestServer
let key: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  server = await createTestServer()
  key = await seedKey(server)
})
afterAll(() => server.close())

const issueAccessToken = async ({ apiKey, secret }: typeof key) =>
  ((await (await server.authenticate(apiKey, secret)).json()) as { accessToken: string })
    .accessToken

/** A body of chunks, and how many of them were asked for. */
function createChunkedInit(count: number, bytes: number) {
  let sentChunks = 0
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (sentChunks++ < count) controller.enqueue(new Uint8Array(bytes))
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return { init: { body, duplex: 'half' } as RequestInit, sentChunks: () => sentChunks }
}

async function countChunksRead(token: string) {
  const { init, sentChunks } = createChunkedInit(3, 100)
  const headers = { Authorization: `Bearer ${token}` }
  const { status } = await server.call('/endpoint', { ...init, headers })
  return [status, sentChunks()]
}

describe('the body of a message', () => {
  test('is read with a valid token', async () => {
    expect(await countChunksRead(await issueAccessToken(key))).toEqual([400, 4])
  })

  test('is not read with a malformed token', async () => {
    expect(await countChunksRead('garbage')).toEqual([401, 0])
  })

  test('is not read with a token of a revoked key', async () => {
    const other = await seedKey(server)
    const token = await issueAccessToken(other)
    unwrap(await server.keys.revoke(other.keyId))
    expect(await countChunksRead(token)).toEqual([401, 0])
  })

  test('is not read with an expired token', async () => {
    const token = await issueAccessToken(key)
    server.clock.advance(25 * 3600 * 1000)
    expect(await countChunksRead(token)).toEqual([401, 0])
  })
})

describe('a body whose length is not announced', () => {
  const LIMIT = 40 * 1024 * 1024
  const read = async (chunks: number, hasRoom: boolean) => {
    const reserved: number[] = []
    const { init, sentChunks } = createChunkedInit(chunks, 512 * 1024)
    const request = new FetchRequest(new Request('http://x/', { method: 'POST', ...init }))
    const body = await readBody(request, LIMIT, (bytes) => {
      reserved.push(bytes)
      return hasRoom
    })
    return { outcome: body.ok ? 'read' : body.failure.reason, reserved, sentChunks: sentChunks() }
  }

  test('reserves the maximum once, as soon as it is long', async () => {
    expect(await read(6, true)).toEqual({ outcome: 'read', reserved: [LIMIT], sentChunks: 7 })
  })

  test('is not read further without a reservation', async () => {
    expect(await read(6, false)).toEqual({ outcome: 'busy', reserved: [LIMIT], sentChunks: 3 })
  })

  test('reserves nothing while it is short', async () => {
    expect(await read(2, false)).toEqual({ outcome: 'read', reserved: [], sentChunks: 3 })
  })
})

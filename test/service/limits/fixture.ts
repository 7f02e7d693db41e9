import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, expect } from 'vitest'
import { createTestServer, seedKey, type TestServer } from '../../support/server.ts'
import { SECOND_MS } from '../../support/time.ts'

export const WINDOW = 300 * SECOND_MS

export const servers: TestServer[] = []

export async function openLimitedServer(settings: Record<string, string>) {
  const server = await createTestServer(settings)
  servers.push(server)
  return createVendorCalls(server, await seedKey(server))
}

export function createVendorCalls(server: TestServer, key: Awaited<ReturnType<typeof seedKey>>) {
  let address = '203.0.113.7'
  const post = (path: string, body: object) =>
    server.call(path, { body: JSON.stringify(body), address })
  return {
    server,
    clock: server.clock,
    key,
    /** Sets the peer address of all later requests. */
    from: (other: string) => {
      address = other
    },
    authenticate: (secret = key.secret, apiKey = key.apiKey) =>
      post('/auth/authenticate', { apiKey, secret }),
    refresh: (refreshToken: string, apiKey = key.apiKey) =>
      post('/auth/refreshToken', { apiKey, refreshToken }),
    post,
  }
}

/** A proven secret is stored after the response, but before the next write: the probe. */
export const waitUntilSettled = ({ server }: { server: TestServer }) => server.storage.probe()

export function useDatabase<T>({ dir }: TestServer, work: (db: Database.Database) => T): T {
  const db = new Database(join(dir, 'latchkey.db'))
  try {
    return work(db)
  } finally {
    db.close()
  }
}

export const collectStatuses = async (times: number, act: (n: number) => Promise<Response>) => {
  const found: number[] = []
  for (let n = 0; n < times; n++) found.push((await act(n)).status)
  return found
}

export async function expectRetryAfter(answer: Response, seconds: number) {
  expect(answer.status).toBe(429)
  expect(answer.headers.get('Retry-After')).toBe(String(seconds))
  expect(answer.headers.get('Content-Type')).toBe('application/json; charset=utf-8')
  expect(await answer.json()).toEqual({ message: `Try again in ${seconds} seconds.` })
}

export const createWrongSecret = (n: number) => `wrong secret number ${n}`

export function useLimitedServers(): void {
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close()
  })
}

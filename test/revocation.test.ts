import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { runWarmCli } from './support/cli/warm-cli.ts'
import { type ServerProcess, startServerProcess } from './support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  createTestServer,
  seedKey,
  type TestServer,
  type TokenResponse,
  unwrap,
} from './support/server.ts'
import {
  createVendorClient,
  parseTokenResponse,
  type VendorClientConnection,
} from './support/vendor-clients.ts'

const PUBLIC_URL = 'https://latchkey.example'
const PLENTY = '1000000000'
const settings = {
  LATCHKEY_URL: PUBLIC_URL,
  LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
}

type SeededKey = Awaited<ReturnType<typeof seedKey>>

describe('from another process, of a server that has everything in its caches', () => {
  const dir = createTempFolder()
  let seeds: Awaited<ReturnType<typeof openLatchkey>>
  let server: ServerProcess
  let client: VendorClientConnection
  beforeAll(async () => {
    const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
    seeds = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
    server = await startServerProcess(dir, settings)
    client = createVendorClient(server.url)
  })
  afterAll(async () => {
    await server.stop()
    await seeds.storage.close()
    rmSync(dir, { recursive: true, force: true })
  })

  /** A key with tokens of three generations, each of them used. */
  async function holdKey() {
    const key = await seedKey(seeds)
    const first = parseTokenResponse(await client.authenticate(key.apiKey, key.secret))
    const second = parseTokenResponse(await client.refresh(key.apiKey, first.refreshToken))
    const third = parseTokenResponse(await client.refresh(key.apiKey, second.refreshToken))
    const tokens = [first, second, third]
    expect(await readStatuses(key, tokens)).toEqual({ access: [200, 200, 200], secret: 200 })
    return { key, tokens }
  }

  /** Lists the requests that succeed now. (Refreshing is tested apart: it changes the token.) */
  async function readStatuses(key: SeededKey, tokens: TokenResponse[], secret = key.secret) {
    const access: number[] = []
    for (const { accessToken } of tokens) {
      access.push(
        (await client.endpoint(accessToken, createDeviceNewMessage(key.destinationId))).status,
      )
    }
    return { access, secret: (await client.authenticate(key.apiKey, secret)).status }
  }

  async function readRefreshStatus(key: SeededKey, tokens: TokenResponse[]): Promise<number> {
    return (await client.refresh(key.apiKey, tokens.at(-1)?.refreshToken ?? '')).status
  }

  async function runCommand(...args: string[]) {
    const result = await runWarmCli([...args, '--json'], { dir, env: settings })
    if (result.code !== 0) throw new Error(result.stderr)
    return JSON.parse(result.stdout) as { secret?: string }
  }

  const REFUSED = { access: [401, 401, 401], secret: 401 }

  test('a revoked key: the next request with each of its tokens, or its secret, is refused', async () => {
    const { key, tokens } = await holdKey()
    await runCommand('keys', 'revoke', key.keyId, '--yes')
    expect(await readRefreshStatus(key, tokens)).toBe(401)
    expect(await readStatuses(key, tokens)).toEqual(REFUSED)
  })

  test('a key that is revoked while it is used: no request that begins later is answered', async () => {
    const { key, tokens } = await holdKey()
    let isRevoked = false
    const late: number[] = []
    const sendUntilStopped = async ({ accessToken }: TokenResponse) => {
      for (let status = 200; status === 200; ) {
        const isLate = isRevoked
        status = (await client.endpoint(accessToken, createDeviceNewMessage(key.destinationId)))
          .status
        if (isLate) late.push(status)
      }
    }
    const hammers = tokens.map(sendUntilStopped)
    await runCommand('keys', 'revoke', key.keyId, '--yes')
    isRevoked = true
    await Promise.all(hammers)
    expect(late.filter((status) => status !== 401)).toEqual([])
    expect(await readStatuses(key, tokens)).toEqual(REFUSED)
  })

  test('a disabled key is refused at once, and opens again as soon as it is enabled', async () => {
    const { key, tokens } = await holdKey()
    await runCommand('keys', 'disable', key.keyId)
    expect(await readRefreshStatus(key, tokens)).toBe(401)
    expect(await readStatuses(key, tokens)).toEqual(REFUSED)
    await runCommand('keys', 'enable', key.keyId)
    expect(await readStatuses(key, tokens)).toEqual({ access: [200, 200, 200], secret: 200 })
    expect(await readRefreshStatus(key, tokens)).toBe(200)
  })

  test('a closed account: its keys are refused at once, those of others are not', async () => {
    const { key, tokens } = await holdKey()
    const other = await holdKey()
    await runCommand('accounts', 'close', key.accountId)
    expect(await readRefreshStatus(key, tokens)).toBe(401)
    expect(await readStatuses(key, tokens)).toEqual(REFUSED)
    expect(await readStatuses(other.key, other.tokens)).toEqual({
      access: [200, 200, 200],
      secret: 200,
    })
    await runCommand('accounts', 'reopen', key.accountId)
    expect(await readStatuses(key, tokens)).toEqual({ access: [200, 200, 200], secret: 200 })
    expect(await readRefreshStatus(key, tokens)).toBe(200)
  })

  test('a replaced secret: the old one and every token end at once, the new one opens', async () => {
    const { key, tokens } = await holdKey()
    const { secret = '' } = await runCommand('keys', 'rotate-secret', key.keyId)
    expect(await readRefreshStatus(key, tokens)).toBe(401)
    expect(await readStatuses(key, tokens)).toEqual(REFUSED)
    const fresh = parseTokenResponse(await client.authenticate(key.apiKey, secret))
    expect(await readStatuses(key, [fresh], secret)).toEqual({ access: [200], secret: 200 })
    expect(await readRefreshStatus(key, [fresh])).toBe(200)
  })

  test('a replaced secret with an overlap: both secrets open, and tokens live on', async () => {
    const { key, tokens } = await holdKey()
    const { secret = '' } = await runCommand('keys', 'rotate-secret', key.keyId, '--overlap', '1h')
    expect(await readStatuses(key, tokens)).toEqual({ access: [200, 200, 200], secret: 200 })
    expect(await readStatuses(key, tokens, secret)).toEqual({
      access: [200, 200, 200],
      secret: 200,
    })
    expect(await readRefreshStatus(key, tokens)).toBe(200)
  })

  test('a subscription that is paused: its next message is refused', async () => {
    const { key, tokens } = await holdKey()
    const accessToken = tokens[0]?.accessToken ?? ''
    const sendNextMessage = () =>
      client.endpoint(accessToken, createDeviceNewMessage(key.destinationId))
    unwrap(await seeds.subscriptions.setStatus(key.subscriptionId, 'paused'))
    expect((await sendNextMessage()).status).toBe(403)
    unwrap(await seeds.subscriptions.setStatus(key.subscriptionId, 'active'))
    expect((await sendNextMessage()).status).toBe(200)
  })
})

describe('to the millisecond', () => {
  let server: TestServer
  let key: SeededKey
  beforeAll(async () => {
    server = await createTestServer()
    key = await seedKey(server)
  })
  afterAll(() => server.close())

  const authenticate = async (secret: string) =>
    (await server.authenticate(key.apiKey, secret)).status

  test('within one second, tokens of before a replaced secret are dead and those of after open', async () => {
    const before = await tokens(key.secret)
    const { secret } = unwrap(await server.keys.rotateSecret(key.keyId, {}))
    const after = await tokens(secret)
    expect(before.expires).toBe(after.expires)
    const message = createDeviceNewMessage(key.destinationId)
    expect((await server.endpoint(before.accessToken, message)).status).toBe(401)
    expect((await server.refresh(key.apiKey, before.refreshToken)).status).toBe(401)
    expect((await server.endpoint(after.accessToken, message)).status).toBe(200)
    expect((await server.refresh(key.apiKey, after.refreshToken)).status).toBe(200)
    key = { ...key, secret }
  })

  test('an overlap ends at its announced time, and the tokens of the old secret stay valid', async () => {
    const before = await tokens(key.secret)
    const overlapMs = 60_000
    const { secret } = unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs }))
    server.clock.advance(overlapMs - 1)
    expect([await authenticate(key.secret), await authenticate(secret)]).toEqual([200, 200])
    server.clock.advance(1)
    expect([await authenticate(key.secret), await authenticate(secret)]).toEqual([401, 200])
    const accepted = await server.endpoint(
      before.accessToken,
      createDeviceNewMessage(key.destinationId),
    )
    expect(accepted.status).toBe(200)
    expect((await server.refresh(key.apiKey, before.refreshToken)).status).toBe(200)
    key = { ...key, secret }
  })

  async function tokens(secret: string): Promise<TokenResponse> {
    const answer = await server.authenticate(key.apiKey, secret)
    expect(answer.status).toBe(200)
    return (await answer.json()) as TokenResponse
  }
})

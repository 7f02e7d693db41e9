import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import { openLatchkey } from '../../../src/node/open-latchkey.ts'
import { createCredentialHeaders, type OwnerKey, seedOwnerKey } from '../../support/key-seeds.ts'
import { runCli, type ServerProcess, startServerProcess } from '../../support/process.ts'
import {
  createTempFolder,
  createTestLog,
  createTestServer,
  type TestServer,
  unwrap,
} from '../../support/server.ts'
import { HOUR_MS } from '../../support/time.ts'
import { startHttpUpstream } from '../../support/upstream/servers.ts'

/*
 * Keys that come with every request, of the key types whose keys belong to one person: whatever is
 * changed about one is in force at its next request.
 */

const PLENTY = '1000000'
const PUBLIC_URL = 'https://latchkey.example'

const KEY_TYPES = ['xdent', 'practice'] as const
type StaticKeyType = (typeof KEY_TYPES)[number]
/** One path that the server answers itself, and one that it hands on. */
const PATHS = {
  xdent: ['/api/v1/Identity', '/api/v1/Patients'],
  practice: ['/practice/v1/me', '/practice/v1/patients'],
}

const createSettings = (upstream: string) => ({
  LATCHKEY_URL: PUBLIC_URL,
  LATCHKEY_QUOTA_REQUESTS: PLENTY,
  LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
  LATCHKEY_UPSTREAM_XDENT: upstream,
  LATCHKEY_UPSTREAM_PRACTICE: upstream,
})

const OPEN = [200, 200]

describe.each(KEY_TYPES)('from another process, a key of %s', (keyType) => {
  const dir = createTempFolder()
  let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
  let settings: ReturnType<typeof createSettings>
  let here: Awaited<ReturnType<typeof openLatchkey>>
  let server: ServerProcess
  beforeAll(async () => {
    upstream = await startHttpUpstream()
    settings = createSettings(upstream.url)
    const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
    here = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
    server = await startServerProcess(dir, settings)
  })
  afterAll(async () => {
    await server.stop()
    await here.storage.close()
    upstream.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const readStatuses = async (ownerKey: OwnerKey, secret = ownerKey.secret) => {
    const headers = createCredentialHeaders[keyType]({ ...ownerKey, secret })
    const readPathStatus = async (path: string) =>
      (await fetch(`${server.url}${path}`, { headers })).status
    return [
      await readPathStatus(PATHS[keyType][0] ?? ''),
      await readPathStatus(PATHS[keyType][1] ?? ''),
    ]
  }
  /** Whom the server has in its caches. */
  async function seedUsedKey(): Promise<OwnerKey> {
    const ownerKey = await seedOwnerKey(here, keyType)
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
    return ownerKey
  }

  test('that is disabled is refused at once, and opens again as soon as it is enabled', async () => {
    const ownerKey = await seedUsedKey()
    unwrap(await here.keys.disable(ownerKey.keyId))
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
    unwrap(await here.keys.enable(ownerKey.keyId))
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
  })

  test('that is revoked is refused at once; others of its account are not', async () => {
    const ownerKey = await seedUsedKey()
    const sibling = await seedOwnerKey(here, keyType, { accountId: ownerKey.accountId })
    unwrap(await here.keys.revoke(ownerKey.keyId))
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
    expect(await readStatuses(sibling)).toEqual(OPEN)
  })

  test('that is revoked by the command line is refused at once', async () => {
    const ownerKey = await seedUsedKey()
    const args = ['keys', 'revoke', ownerKey.publicId, '--yes', '--json']
    expect((await runCli(args, { dir, env: settings })).code).toBe(0)
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
  })

  test('that is revoked while it is used: no request that begins later is answered', async () => {
    const ownerKey = await seedUsedKey()
    let isRevoked = false
    const late: (number | undefined)[] = []
    const sendUntilStopped = async () => {
      for (let status: number | undefined = 200; status === 200; ) {
        const isLate = isRevoked
        status = (await readStatuses(ownerKey))[0]
        if (isLate) late.push(status)
      }
    }
    const hammers = [sendUntilStopped(), sendUntilStopped(), sendUntilStopped()]
    unwrap(await here.keys.revoke(ownerKey.keyId))
    isRevoked = true
    await Promise.all(hammers)
    expect(late.filter((status) => status !== 401)).toEqual([])
  })

  test('that is deleted is refused at once and in no list; the audit keeps it', async () => {
    const ownerKey = await seedUsedKey()
    const { keyId, accountId, publicId } = ownerKey
    unwrap(await here.keys.delete(keyId))
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
    expect(await here.keys.list({ accountId, limit: 10 })).toEqual([])
    expect(await here.keys.find(publicId)).toMatchObject({ ok: false })
    const events = await here.storage.listEvents({ subject: keyId, limit: 10 })
    expect(events.map(({ action, facts }) => [action, facts])).toEqual([
      ['key.deleted', { keyType, publicId, name: 'Front desk' }],
      ['key.created', { keyType, publicId, ownerId: ownerKey.ownerId }],
    ])
  })

  test('whose secret is rotated accepts the new one only, at once', async () => {
    const ownerKey = await seedUsedKey()
    const { secret } = unwrap(await here.keys.rotateSecret(ownerKey.keyId, {}))
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
    expect(await readStatuses(ownerKey, secret)).toEqual(OPEN)
  })

  test('whose secret is rotated with an overlap accepts both', async () => {
    const ownerKey = await seedUsedKey()
    const { secret } = unwrap(await here.keys.rotateSecret(ownerKey.keyId, { overlapMs: HOUR_MS }))
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
    expect(await readStatuses(ownerKey, secret)).toEqual(OPEN)
    // A second replacement ends the first of the three.
    const third = unwrap(await here.keys.rotateSecret(ownerKey.keyId, { overlapMs: HOUR_MS }))
    expect(await readStatuses(ownerKey)).toEqual([401, 401])
    expect(await readStatuses(ownerKey, secret)).toEqual(OPEN)
    expect(await readStatuses(ownerKey, third.secret)).toEqual(OPEN)
  })

  test('of an account that is closed is refused at once, and opens when it is opened', async () => {
    const ownerKey = await seedUsedKey()
    const refused = keyType === 'xdent' ? 401 : 403
    unwrap(await here.accounts.setStatus(ownerKey.accountId, 'closed'))
    expect(await readStatuses(ownerKey)).toEqual([refused, refused])
    unwrap(await here.accounts.setStatus(ownerKey.accountId, 'open'))
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
  })

  test('of an account that enforces other addresses is refused at once', async () => {
    const ownerKey = await seedUsedKey()
    const { accountId } = ownerKey
    unwrap(await here.ipAllowlist.setEnforced(accountId, true))
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
    unwrap(await here.ipAllowlist.add({ accountId, network: '203.0.113.7' }))
    expect(await readStatuses(ownerKey)).toEqual([403, 403])
    unwrap(await here.ipAllowlist.add({ accountId, network: '127.0.0.0/8' }))
    expect(await readStatuses(ownerKey)).toEqual(OPEN)
  })
})

describe.each(KEY_TYPES)('in time, a key of %s', (keyType: StaticKeyType) => {
  let server: TestServer
  beforeAll(async () => {
    server = await createTestServer(createSettings('http://127.0.0.1:1'))
  })
  afterAll(() => server.close())

  const status = async (ownerKey: OwnerKey, secret = ownerKey.secret) => {
    const headers = createCredentialHeaders[keyType]({ ...ownerKey, secret })
    return (await server.call(PATHS[keyType][0] ?? '', { method: 'GET', headers })).status
  }

  test('opens by its old secret until the overlap ends, to the millisecond, and by its new one after', async () => {
    const ownerKey = await seedOwnerKey(server, keyType)
    const { secret } = unwrap(
      await server.keys.rotateSecret(ownerKey.keyId, { overlapMs: HOUR_MS }),
    )
    server.clock.advance(HOUR_MS - 1)
    expect([await status(ownerKey), await status(ownerKey, secret)]).toEqual([200, 200])
    server.clock.advance(1)
    expect([await status(ownerKey), await status(ownerKey, secret)]).toEqual([401, 200])
  })

  test('opens until it expires, to the millisecond, and again when it is given longer', async () => {
    const ownerKey = await seedOwnerKey(server, keyType, { expiresAt: server.clock() + HOUR_MS })
    server.clock.advance(HOUR_MS - 1)
    expect(await status(ownerKey)).toBe(200)
    server.clock.advance(1)
    expect(await status(ownerKey)).toBe(401)
    unwrap(await server.keys.edit(ownerKey.keyId, { expiresAt: server.clock() + HOUR_MS }))
    expect(await status(ownerKey)).toBe(200)
  })

  test('is counted where it is used, and only where it opens', async () => {
    const ownerKey = await seedOwnerKey(server, keyType)
    expect([await status(ownerKey), await status(ownerKey, 'lk_wrong')]).toEqual([200, 401])
    await server.flushCounters()
    const found = unwrap(await server.keys.find(ownerKey.keyId))
    expect(found.lastUsedAt).toBe(server.clock())
    const day = Math.floor(server.clock() / (24 * HOUR_MS))
    expect(await server.storage.listKeyUses(ownerKey.keyId, day)).toEqual([{ day, uses: 1 }])
  })
})

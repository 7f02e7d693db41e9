import { rmSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { open } from '../src/node/server.ts'
import { credentialOf, type Holder, seedHolder } from './support/holder.ts'
import { runCli, type ServerProcess, startServer } from './support/process.ts'
import { done, type TestServer, temporaryFolder, testLog, testServer } from './support/server.ts'
import { openHttpUpstream } from './support/upstream/http-upstream.ts'

/*
 * Keys that come with every request, of the dialects whose keys belong to one person: whatever is
 * changed about one is in force at its next request.
 */

const HOUR = 3_600_000
const PLENTY = '1000000'
const PUBLIC_URL = 'https://latchkey.example'

const DIALECTS = ['xdent', 'practice'] as const
type Dialect = (typeof DIALECTS)[number]
/** One path that the server answers itself, and one that it hands on. */
const PATHS = {
  xdent: ['/api/v1/Identity', '/api/v1/Patients'],
  practice: ['/practice/v1/me', '/practice/v1/patients'],
}

const settingsWith = (upstream: string) => ({
  LATCHKEY_URL: PUBLIC_URL,
  LATCHKEY_QUOTA_REQUESTS: PLENTY,
  LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
  LATCHKEY_UPSTREAM_XDENT: upstream,
  LATCHKEY_UPSTREAM_PRACTICE: upstream,
})

const OPEN = [200, 200]

describe.each(DIALECTS)('from another process, a key of %s', (dialect) => {
  const dir = temporaryFolder()
  let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
  let settings: ReturnType<typeof settingsWith>
  let here: Awaited<ReturnType<typeof open>>
  let server: ServerProcess
  beforeAll(async () => {
    upstream = await openHttpUpstream()
    settings = settingsWith(upstream.url)
    const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
    here = await open(config, { publicUrl: PUBLIC_URL, log: testLog() })
    server = await startServer(dir, settings)
  })
  afterAll(async () => {
    await server.stop()
    await here.storage.close()
    upstream.close()
    rmSync(dir, { recursive: true, force: true })
  })

  const statuses = async (holder: Holder, secret = holder.secret) => {
    const headers = credentialOf[dialect]({ ...holder, secret })
    const ask = async (path: string) => (await fetch(`${server.url}${path}`, { headers })).status
    return [await ask(PATHS[dialect][0] ?? ''), await ask(PATHS[dialect][1] ?? '')]
  }
  /** Whom the server has in its caches. */
  async function known(): Promise<Holder> {
    const holder = await seedHolder(here, dialect)
    expect(await statuses(holder)).toEqual(OPEN)
    return holder
  }

  test('that is disabled is refused at once, and opens again as soon as it is enabled', async () => {
    const holder = await known()
    done(await here.keys.disable(holder.keyId))
    expect(await statuses(holder)).toEqual([401, 401])
    done(await here.keys.enable(holder.keyId))
    expect(await statuses(holder)).toEqual(OPEN)
  })

  test('that is revoked is refused at once; others of its account are not', async () => {
    const holder = await known()
    const sibling = await seedHolder(here, dialect, { accountId: holder.accountId })
    done(await here.keys.revoke(holder.keyId))
    expect(await statuses(holder)).toEqual([401, 401])
    expect(await statuses(sibling)).toEqual(OPEN)
  })

  test('that is revoked by the command line is refused at once', async () => {
    const holder = await known()
    const args = ['keys', 'revoke', holder.publicId, '--yes', '--json']
    expect((await runCli(args, { dir, env: settings })).code).toBe(0)
    expect(await statuses(holder)).toEqual([401, 401])
  })

  test('that is revoked while it is used: no request that begins later is answered', async () => {
    const holder = await known()
    let isRevoked = false
    const late: (number | undefined)[] = []
    const hammer = async () => {
      for (let status: number | undefined = 200; status === 200; ) {
        const isLate = isRevoked
        status = (await statuses(holder))[0]
        if (isLate) late.push(status)
      }
    }
    const hammers = [hammer(), hammer(), hammer()]
    done(await here.keys.revoke(holder.keyId))
    isRevoked = true
    await Promise.all(hammers)
    expect(late.filter((status) => status !== 401)).toEqual([])
  })

  test('that is deleted is refused at once and in no list; the audit keeps it', async () => {
    const holder = await known()
    const { keyId, accountId, publicId } = holder
    done(await here.keys.remove(keyId))
    expect(await statuses(holder)).toEqual([401, 401])
    expect(await here.keys.list({ accountId, limit: 10 })).toEqual([])
    expect(await here.keys.find(publicId)).toMatchObject({ ok: false })
    const events = await here.storage.listEvents({ subject: keyId, limit: 10 })
    expect(events.map(({ action, facts }) => [action, facts])).toEqual([
      ['key.deleted', { dialect, publicId, name: 'Front desk' }],
      ['key.created', { dialect, publicId, ownerId: holder.ownerId }],
    ])
  })

  test('whose secret is replaced opens by the new one only, at once', async () => {
    const holder = await known()
    const { secret } = done(await here.keys.rotateSecret(holder.keyId, {}))
    expect(await statuses(holder)).toEqual([401, 401])
    expect(await statuses(holder, secret)).toEqual(OPEN)
  })

  test('whose secret is replaced with an overlap opens by both', async () => {
    const holder = await known()
    const { secret } = done(await here.keys.rotateSecret(holder.keyId, { overlapMs: HOUR }))
    expect(await statuses(holder)).toEqual(OPEN)
    expect(await statuses(holder, secret)).toEqual(OPEN)
    // A second replacement ends the first of the three.
    const third = done(await here.keys.rotateSecret(holder.keyId, { overlapMs: HOUR }))
    expect(await statuses(holder)).toEqual([401, 401])
    expect(await statuses(holder, secret)).toEqual(OPEN)
    expect(await statuses(holder, third.secret)).toEqual(OPEN)
  })

  test('of an account that is closed is refused at once, and opens when it is opened', async () => {
    const holder = await known()
    const refused = dialect === 'xdent' ? 401 : 403
    done(await here.accounts.setStatus(holder.accountId, 'closed'))
    expect(await statuses(holder)).toEqual([refused, refused])
    done(await here.accounts.setStatus(holder.accountId, 'open'))
    expect(await statuses(holder)).toEqual(OPEN)
  })

  test('of an account that enforces other addresses is refused at once', async () => {
    const holder = await known()
    const { accountId } = holder
    done(await here.places.enforceAddresses(accountId, true))
    expect(await statuses(holder)).toEqual(OPEN)
    done(await here.places.addAddress({ accountId, network: '203.0.113.7' }))
    expect(await statuses(holder)).toEqual([403, 403])
    done(await here.places.addAddress({ accountId, network: '127.0.0.0/8' }))
    expect(await statuses(holder)).toEqual(OPEN)
  })
})

describe.each(DIALECTS)('in time, a key of %s', (dialect: Dialect) => {
  let server: TestServer
  beforeAll(async () => {
    server = await testServer(settingsWith('http://127.0.0.1:1'))
  })
  afterAll(() => server.close())

  const status = async (holder: Holder, secret = holder.secret) => {
    const headers = credentialOf[dialect]({ ...holder, secret })
    return (await server.call(PATHS[dialect][0] ?? '', { method: 'GET', headers })).status
  }

  test('opens by its old secret until the overlap ends, to the millisecond, and by its new one after', async () => {
    const holder = await seedHolder(server, dialect)
    const { secret } = done(await server.keys.rotateSecret(holder.keyId, { overlapMs: HOUR }))
    server.clock.turn(HOUR - 1)
    expect([await status(holder), await status(holder, secret)]).toEqual([200, 200])
    server.clock.turn(1)
    expect([await status(holder), await status(holder, secret)]).toEqual([401, 200])
  })

  test('opens until it expires, to the millisecond, and again when it is given longer', async () => {
    const holder = await seedHolder(server, dialect, { expiresAt: server.clock() + HOUR })
    server.clock.turn(HOUR - 1)
    expect(await status(holder)).toBe(200)
    server.clock.turn(1)
    expect(await status(holder)).toBe(401)
    done(await server.keys.edit(holder.keyId, { expiresAt: server.clock() + HOUR }))
    expect(await status(holder)).toBe(200)
  })

  test('is counted where it is used, and only where it opens', async () => {
    const holder = await seedHolder(server, dialect)
    expect([await status(holder), await status(holder, 'lk_wrong')]).toEqual([200, 401])
    await server.flush()
    const found = done(await server.keys.find(holder.keyId))
    expect(found.lastUsedAt).toBe(server.clock())
    const day = Math.floor(server.clock() / (24 * HOUR))
    expect(await server.storage.listKeyUses(holder.keyId, day)).toEqual([{ day, uses: 1 }])
  })
})

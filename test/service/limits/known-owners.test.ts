import { describe, expect, test } from 'vitest'
import { parseTokens } from '../../support/responses.ts'
import { createTestServer, unwrap } from '../../support/server.ts'
import { SECOND_MS } from '../../support/time.ts'
import {
  collectStatuses,
  createVendorCalls,
  createWrongSecret,
  expectRetryAfter,
  openLimitedServer,
  servers,
  useDatabase,
  useLimitedServers,
  waitUntilSettled,
} from './fixture.ts'

useLimitedServers()

/** Secrets of another system: of them Latchkey cannot know how easily they are guessed. */
const IMPORTED = 'winter-2019-nightly'

describe('an owner whose key id is known to strangers', () => {
  const LOW_LIMITS = { LATCHKEY_FAILURES_PER_ADDRESS: '3' }
  const HOME = '203.0.113.7'

  /** Failures with this key from everywhere: whatever is counted of it is used up. */
  async function sendGuessesFromEverywhere({
    authenticate,
    from,
  }: Awaited<ReturnType<typeof openLimitedServer>>) {
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(createWrongSecret(n))).status).toBe(401)
    }
    from(HOME)
    expect(await collectStatuses(5, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
  }

  /** Another process on the same database, without the memory of the first. */
  async function restartServer(
    vendor: Awaited<ReturnType<typeof openLimitedServer>>,
    settings = {},
  ) {
    const { dir, clock } = vendor.server
    const server = await createTestServer({ ...LOW_LIMITS, ...settings }, { dir, clock })
    servers.push(server)
    return createVendorCalls(server, vendor.key)
  }

  async function openImportedKeyServer(settings = {}) {
    const vendor = await openLimitedServer({ ...LOW_LIMITS, ...settings })
    const { keyId } = vendor.key
    unwrap(await vendor.server.keys.rotateSecret(keyId, { secret: IMPORTED }))
    return { ...vendor, authenticate: (secret = IMPORTED) => vendor.authenticate(secret) }
  }

  test('is accepted with a secret of Latchkey although strangers fail at the same address, the first time too', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    await sendGuessesFromEverywhere(vendor)
    await parseTokens(await vendor.authenticate())
    await expectRetryAfter(await vendor.authenticate(createWrongSecret(1)), 300)

    const restarted = await restartServer(vendor)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate())
  })

  test('is accepted with the new secret and, in an overlap, with the previous one', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    const { server, key, clock, authenticate } = vendor
    const rotated = unwrap(await server.keys.rotateSecret(key.keyId, { overlapMs: 60 * SECOND_MS }))
    await sendGuessesFromEverywhere(vendor)
    await parseTokens(await authenticate())
    await parseTokens(await authenticate(rotated.secret))
    clock.advance(60 * SECOND_MS)
    await expectRetryAfter(await authenticate(), 240)
    await parseTokens(await authenticate(rotated.secret))
    const last = unwrap(await server.keys.rotateSecret(key.keyId, {}))
    await expectRetryAfter(await authenticate(rotated.secret), 240)
    await parseTokens(await authenticate(last.secret))
  })

  test('is accepted with a secret of Latchkey that had no digest, once it was proven', async () => {
    const vendor = await openLimitedServer(LOW_LIMITS)
    useDatabase(vendor.server, (db) => db.exec('UPDATE keys SET secret_digest = NULL'))
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const restarted = await restartServer(vendor)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate())
  })

  test('is accepted with an imported secret from a network where it was proven, although strangers fail there', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const restarted = await restartServer(vendor)
    const { from, post } = restarted
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: createWrongSecret(n) })
    expect(await collectStatuses(5, sendStrangerRequest)).toEqual([401, 401, 401, 429, 429])
    await parseTokens(await restarted.authenticate(IMPORTED))

    // A stranger who guesses at this very key from there is counted as its owner.
    const third = await restartServer(restarted)
    expect(await collectStatuses(5, (n) => third.authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429, 429,
    ])
    expect((await third.post('/auth/authenticate', { apiKey: 'x', secret: 'y' })).status).toBe(401)
    from('192.0.2.1')
    await parseTokens(await restarted.authenticate(IMPORTED))
  })

  test('is known at all addresses of a network', async () => {
    const vendor = await openImportedKeyServer()
    vendor.from('2001:db8:0:7::1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const { from, post, authenticate } = await restartServer(vendor)
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: crypto.randomUUID(), secret: createWrongSecret(n) })
    from('2001:db8:0:7::2')
    expect(await collectStatuses(4, sendStrangerRequest)).toEqual([401, 401, 401, 429])
    from('2001:db8:0:7::3')
    await parseTokens(await authenticate(IMPORTED))
  })

  test('is known at each network, also before the proof is written', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const { from, post, authenticate } = await restartServer(vendor)
    from('192.0.2.1')
    const sendStrangerRequest = (n: number) =>
      post('/auth/authenticate', { apiKey: 'x', secret: createWrongSecret(n) })
    expect(await collectStatuses(4, sendStrangerRequest)).toEqual([401, 401, 401, 429])
    await parseTokens(await authenticate(IMPORTED))
  })

  test('is accepted with an imported secret from all networks if the operator allows a digest of it', async () => {
    const allowed = { LATCHKEY_DIGEST_IMPORTED_KEYS: 'on' }
    const vendor = await openImportedKeyServer(allowed)
    const listDigests = () =>
      useDatabase(vendor.server, (db) => db.prepare('SELECT secret_digest FROM keys').pluck().all())
    expect(listDigests()).toEqual([null])
    vendor.from('192.0.2.1')
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    expect(listDigests()).toEqual([expect.stringMatching(/^hmac\./)])
    const restarted = await restartServer(vendor, allowed)
    await sendGuessesFromEverywhere(restarted)
    await parseTokens(await restarted.authenticate(IMPORTED))
  })

  test('has no digest of an imported secret if the operator does not allow one', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    const storedKey = useDatabase(vendor.server, (db) => db.prepare('SELECT * FROM keys').get())
    expect(storedKey).toMatchObject({ secret_digest: null, previous_secret_digest: null })
  })

  test('with an imported secret that was never proven is limited by the failures of its own address alone', async () => {
    const { authenticate, from, clock } = await openImportedKeyServer()
    for (let n = 0; n < 20; n++) {
      from(`198.51.100.${n}`)
      expect((await authenticate(createWrongSecret(n))).status).toBe(401)
    }
    from(HOME)
    expect(await collectStatuses(3, (n) => authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401,
    ])
    await expectRetryAfter(await authenticate(), 300)
    from('198.51.100.99')
    await parseTokens(await authenticate())
    from(HOME)
    clock.advance(300 * SECOND_MS)
    await parseTokens(await authenticate())
  })

  test('is not known by the proof of a replaced secret', async () => {
    const vendor = await openImportedKeyServer()
    await parseTokens(await vendor.authenticate())
    await waitUntilSettled(vendor)
    unwrap(await vendor.server.keys.rotateSecret(vendor.key.keyId, { secret: `${IMPORTED}-2` }))
    expect(await collectStatuses(4, (n) => vendor.authenticate(createWrongSecret(n)))).toEqual([
      401, 401, 401, 429,
    ])
    await expectRetryAfter(await vendor.authenticate(), 300)
    await expectRetryAfter(await vendor.authenticate(`${IMPORTED}-2`), 300)
  })
})

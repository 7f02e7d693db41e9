import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openSqlite } from '../src/node/sqlite/engine.ts'
import { StorageUnavailableError } from '../src/service/ports/storage.ts'
import type { Engine } from '../src/storage/engine.ts'
import { composeTestServer, createCountingArgon2 } from './support/composed-server.ts'
import { dumpDatabase, replaceByImportedHash } from './support/imported-keys.ts'
import { createXdentHeaders, seedOwnerKey } from './support/key-seeds.ts'
import { createTestRing } from './support/keyring.ts'
import { seedKey, unwrap } from './support/server.ts'
import { HOUR_MS } from './support/time.ts'

/* Hashes of other systems where something is missing, fails or changes in the middle. */

const SECRET = 'correct-horse-battery-staple'
const PBKDF2 = {
  form: 'pbkdf2-phc',
  hash: '$pbkdf2-sha256$i=25000,l=32$Xk3NjhYzw2vo0iHb0dENsw$85qvQUf5V71AmArvdGdczye399QcGfByVrEhTAIX4XU',
  salt: null,
} as const

let server: Awaited<ReturnType<typeof composeTestServer>>
/** True while the disk is full: nothing is written. */
let isDiskFull = false
beforeEach(async () => {
  isDiskFull = false
  server = await composeTestServer(
    { LATCHKEY_FAILURES_PER_ADDRESS: '1000000' },
    createCountingArgon2(),
    { openEngine: (dir) => withFullDisk(openSqlite(join(dir, 'latchkey.db'))) },
  )
})
afterEach(() => server.close())

function withFullDisk(engine: Engine): Engine {
  return {
    sql: engine.sql,
    read: (step) => engine.read(step),
    scan: (step) => engine.scan(step),
    close: () => engine.close(),
    atomic: (steps) =>
      isDiskFull
        ? Promise.reject(new StorageUnavailableError('the disk is full'))
        : engine.atomic(steps),
  }
}

const exchange = async (apiKey: string, secret: string) =>
  (await server.call('/auth/authenticate', { body: JSON.stringify({ apiKey, secret }) })).status
const openXdent = async (publicId: string, secret: string) => {
  const headers = createXdentHeaders(publicId, secret)
  return (await server.call('/api/v1/Identity', { method: 'GET', headers })).status
}

const listUpgrades = async (keyId: string) =>
  (await server.storage.listEvents({ subject: keyId, limit: 100 })).filter(
    ({ action }) => action === 'key.secret_upgraded',
  )
const isGone = (hash: string) =>
  expect.poll(() => dumpDatabase(server.dir).includes(hash)).toBe(false)

async function seedImported(pepper: string | null = null) {
  const key = await seedKey(server)
  const input = { keyId: key.keyId, keyType: 'redox', imported: PBKDF2, pepper } as const
  return { ...key, hash: await replaceByImportedHash(server, input) }
}

describe('while nothing can be written', () => {
  test.each(['redox', 'xdent'] as const)(
    'a proven secret of %s is answered, checked once, and upgraded later',
    async (keyType) => {
      const { keyId, publicId } =
        keyType === 'xdent'
          ? await seedOwnerKey(server, 'xdent')
          : await seedKey(server).then((key) => ({ ...key, publicId: key.apiKey }))
      const open = keyType === 'xdent' ? openXdent : exchange
      const hash = await replaceByImportedHash(server, { keyId, keyType, imported: PBKDF2 })
      isDiskFull = true
      for (let n = 0; n < 3; n++) expect(await open(publicId, SECRET)).toBe(200)
      expect(server.importChecks).toEqual(['pbkdf2'])
      expect(await open(publicId, 'wrong-secret-quite-long')).toBe(401)
      expect(await listUpgrades(keyId)).toEqual([])
      isDiskFull = false
      expect(await open(publicId, SECRET)).toBe(200)
      await isGone(hash)
      expect(await listUpgrades(keyId)).toHaveLength(1)
    },
  )
})

test('many first requests at once are checked once, and upgraded once', async () => {
  const { keyId, publicId } = await seedOwnerKey(server, 'xdent')
  const hash = await replaceByImportedHash(server, { keyId, keyType: 'xdent', imported: PBKDF2 })
  const statuses = await Promise.all(Array.from({ length: 30 }, () => openXdent(publicId, SECRET)))
  expect(new Set(statuses)).toEqual(new Set([200]))
  expect(server.importChecks).toEqual(['pbkdf2'])
  await isGone(hash)
  expect(await listUpgrades(keyId)).toHaveLength(1)
})

test('an upgrade succeeds though the clock was set back by a day', async () => {
  const { keyId, apiKey, hash } = await seedImported()
  server.clock.advance(-24 * HOUR_MS)
  expect(await exchange(apiKey, SECRET)).toBe(200)
  await isGone(hash)
  expect(await listUpgrades(keyId)).toHaveLength(1)
  expect(await exchange(apiKey, SECRET)).toBe(200)
})

test('tokens stay valid when the secret is upgraded', async () => {
  const { apiKey, hash } = await seedImported()
  const answer = await server.post('/auth/authenticate', { apiKey, secret: SECRET })
  const { refreshToken } = (await answer.json()) as { refreshToken: string }
  await isGone(hash)
  expect((await server.post('/auth/refreshToken', { apiKey, refreshToken })).status).toBe(200)
})

describe('a rotation of a key with an imported hash', () => {
  test('ends the hash at once', async () => {
    const { keyId, apiKey, hash } = await seedImported()
    const { secret } = unwrap(await server.keys.rotateSecret(keyId, {}))
    expect(dumpDatabase(server.dir)).not.toContain(hash)
    expect(await exchange(apiKey, SECRET)).toBe(401)
    expect(await exchange(apiKey, secret)).toBe(200)
    expect(server.importChecks).toEqual([])
  })

  test('keeps both secrets until the overlap ends, upgrades the old one, and forgets it', async () => {
    const { keyId, apiKey, hash } = await seedImported()
    const { secret } = unwrap(await server.keys.rotateSecret(keyId, { overlapMs: HOUR_MS }))
    expect(await exchange(apiKey, secret)).toBe(200)
    expect(dumpDatabase(server.dir)).toContain(hash)
    expect(await exchange(apiKey, 'wrong secret, quite long')).toBe(401)
    expect(await exchange(apiKey, SECRET)).toBe(200)
    await isGone(hash)
    expect(await exchange(apiKey, SECRET)).toBe(200)
    expect(await exchange(apiKey, secret)).toBe(200)
    server.clock.advance(HOUR_MS)
    expect(await exchange(apiKey, SECRET)).toBe(401)
    expect(await exchange(apiKey, secret)).toBe(200)
  })

  test('deletes an old hash that nobody used in the overlap', async () => {
    const { keyId, apiKey, hash } = await seedImported()
    unwrap(await server.keys.rotateSecret(keyId, { overlapMs: HOUR_MS }))
    server.clock.advance(HOUR_MS)
    expect(await exchange(apiKey, SECRET)).toBe(401)
    await server.deleteExpiredData()
    expect(dumpDatabase(server.dir)).not.toContain(hash)
  })
})

test('the secret of a key with an imported hash cannot be viewed', async () => {
  const { keyId } = await seedImported()
  expect(await server.keys.viewSecret(keyId)).toMatchObject({
    ok: false,
    failure: { problem: 'conflict', message: expect.stringContaining('is shown once') },
  })
})

test('a hash that the key ring sealed before a rotation is still accepted', async () => {
  const { apiKey, hash } = await seedImported()
  const { rotateRing } = await import('../src/crypto/ring.ts')
  const { nodePrimitives } = await import('../src/node/primitives.ts')
  for (const use of ['seal', 'digest'] as const) {
    server.keyring.replace(await rotateRing(nodePrimitives, server.ring, use, server.clock()))
  }
  expect(await exchange(apiKey, SECRET)).toBe(200)
  await isGone(hash)
})

describe('a hash that cannot be checked is refused like a wrong secret, and the audit says why', () => {
  async function expectUnverifiable(keyId: string, detail: string) {
    await server.flushAuditEvents()
    const [event] = await server.storage.listEvents({ subject: keyId, limit: 1 })
    expect(event).toMatchObject({ action: 'key.refused' })
    expect(event?.facts).toMatchObject({
      reason: 'secret_unverifiable',
      detail: expect.stringContaining(detail),
    })
  }

  test('where its pepper is missing', async () => {
    const key = await seedKey(server)
    const xdent = await seedOwnerKey(server, 'xdent')
    const bcrypt = {
      form: 'bcrypt',
      hash: '$2a$10$abcdefghijklmnopqrstuuMepG./0L46kWHbeqf3LYMeu.7uHZ3cG',
      salt: null,
    } as const
    const imported = { imported: bcrypt, pepper: 'pepper-0123' }
    await replaceByImportedHash(server, { keyId: key.keyId, keyType: 'redox', ...imported })
    await replaceByImportedHash(server, { keyId: xdent.keyId, keyType: 'xdent', ...imported })
    const database = new Database(join(server.dir, 'latchkey.db'))
    database.exec('DELETE FROM peppers')
    database.close()
    expect(await exchange(key.apiKey, 'correct horse battery staple 42')).toBe(401)
    await expectUnverifiable(key.keyId, 'its pepper')
    expect(await openXdent(xdent.publicId, SECRET)).toBe(401)
    await expectUnverifiable(xdent.keyId, 'its pepper')
    expect(server.importChecks).toEqual([])
  })

  test('where the key ring lacks the key that sealed it', async () => {
    const { keyId, apiKey } = await seedImported()
    const other = await createTestRing()
    const keys = server.ring.keys.filter(({ use }) => use !== 'seal')
    const otherSeals = other.keys.filter(({ use }) => use === 'seal')
    server.keyring.replace({ ...server.ring, keys: [...keys, ...otherSeals] })
    expect(await exchange(apiKey, SECRET)).toBe(401)
    await expectUnverifiable(keyId, 'is not in the key ring')
  })

  test('where it costs more than this runtime computes', async () => {
    const key = await seedKey(server)
    const imported = { ...PBKDF2, hash: PBKDF2.hash.replace('i=25000', 'i=3000000') }
    await replaceByImportedHash(server, { keyId: key.keyId, keyType: 'redox', imported })
    expect(await exchange(key.apiKey, SECRET)).toBe(401)
    await expectUnverifiable(key.keyId, 'costs too much')
  })
})

import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres } from '../src/node/postgres/engine.ts'
import type { Engine } from '../src/storage/engine.ts'
import { composeTestServer, createCountingArgon2 } from './support/composed-server.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from './support/database/postgres.ts'
import { createImportStatements } from './support/imported-keys.ts'
import { IMPORTED_SECRET_VECTORS } from './support/imported-secret-vectors.ts'
import { createXdentHeaders, seedOwnerKey, seedSiteKey } from './support/key-seeds.ts'
import { createTestLog, seedKey } from './support/server.ts'

/* Hashes of other systems on PostgreSQL, where two servers share the keys. */

let postgres: PostgresServer
let engines: Engine[]
let servers: Awaited<ReturnType<typeof composeTestServer>>[]
/** Runs before the second server reads a pepper. */
let beforePepperRead: (() => Promise<void>) | null = null
beforeAll(async () => {
  postgres = await startPostgres()
  const url = await postgres.createDatabase()
  const open = async (): Promise<Engine> => openPostgres(url, createTestLog())
  const second = await open()
  const paused: Engine = {
    ...second,
    async read(step) {
      if (/from "?peppers/.test(step.sql)) await beforePepperRead?.()
      return second.read(step)
    },
  }
  engines = [await open(), paused]
  servers = []
  for (const engine of engines) {
    servers.push(await composeTestServer({}, createCountingArgon2(), { openEngine: () => engine }))
  }
  const [one, other] = servers
  if (one !== undefined) other?.keyring.replace(one.ring)
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  for (const server of servers) await server.close()
  await postgres.stop()
})

test.each([
  ['redox', 'bcrypt'],
  ['redox', 'hmac-sha256'],
  ['xenrad', 'sha256-after-underscore'],
] as const)(
  'a key of type %s with a %s hash is proven at both servers at once, and upgraded once',
  async (keyType, form) => {
    const [one, other] = servers
    const vector = IMPORTED_SECRET_VECTORS.find(({ imported }) => imported.form === form)
    if (one === undefined || other === undefined || vector === undefined)
      throw new Error('no server')
    const key = keyType === 'redox' ? await seedKey(one) : await seedSiteKey(one)
    const { keyId } = key
    const { pepperId, ...imported } = vector.imported
    const input = { keyId, keyType, imported, pepper: vector.pepper }
    const { hash, statements } = await createImportStatements(one.keyring, input)
    await engines[0]?.atomic(statements.map((sql) => ({ sql, values: [] })))
    const open = async (server: typeof one, secret: string) => {
      const answer =
        'apiKey' in key
          ? await server.post('/auth/authenticate', { apiKey: key.apiKey, secret })
          : await server.call('/fhir/Patient/1', {
              method: 'GET',
              headers: { 'X-Api-Key': secret },
            })
      return answer.status !== 401
    }
    const findHash = async () =>
      (await one.storage.findKey('apiKey' in key ? key.apiKey : key.publicId))?.secretHash
    for (const server of servers) expect(await open(server, vector.otherSecret)).toBe(false)
    expect(await findHash()).toBe(hash)
    const answers = await Promise.all(servers.map((server) => open(server, vector.secret)))
    expect(answers).toEqual([true, true])
    await expect.poll(findHash).not.toBe(hash)
    for (const server of servers) {
      expect(await open(server, vector.secret)).toBe(true)
      expect(await open(server, vector.otherSecret)).toBe(false)
    }
    const events = await one.storage.listEvents({ subject: keyId, limit: 100 })
    expect(events.filter(({ action }) => action === 'key.secret_upgraded')).toHaveLength(1)
  },
)

test.each(['redox', 'xdent'] as const)(
  'a hash of a key of type %s that another server upgrades before its pepper is read is proven by the new one',
  async (keyType) => {
    const [one, other] = servers
    if (one === undefined || other === undefined) throw new Error('no server')
    const key = keyType === 'redox' ? await seedKey(one) : await seedOwnerKey(one, keyType)
    const publicId = 'apiKey' in key ? key.apiKey : key.publicId
    const [secret, pepper] = ['brought-from-elsewhere', 'pepper-0123']
    const hmac = createHmac('sha256', pepper).update(secret).digest('hex')
    const imported = { form: 'hmac-sha256', hash: hmac, salt: null } as const
    const input = { keyId: key.keyId, keyType, imported, pepper }
    const { hash, statements } = await createImportStatements(one.keyring, input)
    await engines[0]?.atomic(statements.map((sql) => ({ sql, values: [] })))
    const prove = async (server: typeof one) => {
      const answer =
        keyType === 'redox'
          ? await server.post('/auth/authenticate', { apiKey: publicId, secret })
          : await server.call('/api/v1/Identity', {
              method: 'GET',
              headers: createXdentHeaders(publicId, secret),
            })
      return answer.status
    }
    let pauses = 0
    beforePepperRead = async () => {
      pauses++
      beforePepperRead = null
      expect(await prove(one)).not.toBe(401)
      const findHash = async () => (await one.storage.findKey(publicId))?.secretHash
      await expect.poll(findHash).not.toBe(hash)
    }
    expect(await prove(other)).not.toBe(401)
    expect(pauses).toBe(1)
  },
)

import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyType } from '../../src/domain/key-type.ts'
import { createImportStatements } from '../support/imported-keys.ts'
import { IMPORTED_SECRET_VECTORS } from '../support/imported-secret-vectors.ts'
import { seedOwnerKey, seedSiteKey } from '../support/key-seeds.ts'
import { createTestRing, toKeyring } from '../support/keyring.ts'
import { createBasicHeader, FORM_TYPE, seedClient, toForm } from '../support/oauth.ts'
import { seedKey } from '../support/server.ts'
import { composeBesideWorker } from '../support/worker/node-beside.ts'
import {
  startWorkerd,
  type TestFetcher,
  toTestFetcher,
  type Workerd,
} from '../support/worker/workerd.ts'

/* Hashes of other systems on Cloudflare Workers: the bundle in workerd, with D1. */

const URL_OF_WORKER = 'https://latchkey.example'

let workerd: Workerd
let worker: TestFetcher
let node: ReturnType<typeof composeBesideWorker>
let keyring: ReturnType<typeof toKeyring>
beforeAll(async () => {
  const ring = await createTestRing()
  keyring = toKeyring(ring)
  const bindings = { LATCHKEY_URL: URL_OF_WORKER, LATCHKEY_KEYRING_JSON: JSON.stringify(ring) }
  workerd = await startWorkerd({ bindings })
  worker = toTestFetcher(await workerd.mf.getWorker('server'))
  node = composeBesideWorker({ publicUrl: URL_OF_WORKER, engine: workerd.engine, ring })
})
afterAll(() => workerd.dispose())

const request = async (path: string, init: { headers?: Record<string, string>; body?: string }) => {
  const headers = { 'CF-Connecting-IP': '203.0.113.7', ...init.headers }
  const method = init.body === undefined ? 'GET' : 'POST'
  const answer = await worker.fetch(`${URL_OF_WORKER}${path}`, { method, ...init, headers })
  await answer.text()
  return answer.status
}

const SECRET = 'correct-horse-battery-staple'
const findVector = (form: string, secret?: string) => {
  const vector = IMPORTED_SECRET_VECTORS.find(
    (each) => each.imported.form === form && (secret === undefined || each.secret === secret),
  )
  if (vector === undefined) throw new Error(`there is no vector of the form ${form}`)
  return vector
}

type Case = readonly [
  KeyType,
  string,
  () => Promise<{ keyId: string; open: (secret: string) => Promise<number> }>,
]

const CASES: readonly Case[] = [
  [
    'redox',
    'bcrypt',
    async () => {
      const { keyId, apiKey } = await seedKey(node)
      const open = (secret: string) =>
        request('/auth/authenticate', { body: JSON.stringify({ apiKey, secret }) })
      return { keyId, open }
    },
  ],
  [
    'oauth',
    'hmac-sha256',
    async () => {
      const settings = {
        authenticationMethod: 'client_secret_basic',
        scopes: ['introspect'],
      } as const
      const { keyId, clientId } = await seedClient(node, settings)
      const open = (secret: string) => {
        const headers = { 'Content-Type': FORM_TYPE, ...createBasicHeader(clientId, secret) }
        return request('/oauth2/token', {
          headers,
          body: toForm({ grant_type: 'client_credentials' }),
        })
      }
      return { keyId, open }
    },
  ],
  [
    'xdent',
    'pbkdf2-phc',
    async () => {
      const { keyId, publicId } = await seedOwnerKey(node, 'xdent')
      const open = (secret: string) =>
        request('/api/v1/Identity', { headers: { 'X-Api-Key': `${publicId}.${secret}` } })
      return { keyId, open }
    },
  ],
  [
    'xenrad',
    'sha256-after-underscore',
    async () => {
      const { keyId } = await seedSiteKey(node)
      const open = async (secret: string) => {
        const status = await request('/fhir/Patient/1', { headers: { 'X-Api-Key': secret } })
        // No upstream is set, so a known key is answered 502.
        return status === 502 ? 200 : status
      }
      return { keyId, open }
    },
  ],
]

test.each(CASES)(
  'a key of type %s with a %s hash is accepted, and upgraded once',
  async (keyType, form, seed) => {
    const { keyId, open } = await seed()
    const vector = findVector(form, keyType === 'xdent' ? SECRET : undefined)
    const { pepperId, ...imported } = vector.imported
    const { hash, statements } = await createImportStatements(keyring, {
      keyId,
      keyType,
      imported,
      pepper: vector.pepper,
    })
    await workerd.engine.atomic(statements.map((sql) => ({ sql, values: [] })))
    const isStored = async () => {
      const step = { sql: 'SELECT secret_hash FROM keys WHERE id = ?', values: [keyId] }
      const [row] = await workerd.engine.read<{ secret_hash: string }>(step)
      return row?.secret_hash === hash
    }
    expect(await open(vector.otherSecret)).toBe(401)
    expect(await isStored()).toBe(true)
    expect(await open(vector.secret)).toBe(200)
    await expect.poll(isStored).toBe(false)
    expect(await open(vector.secret)).toBe(200)
    expect(await open(vector.otherSecret)).toBe(401)
    const events = await node.storage.listEvents({ subject: keyId, limit: 100 })
    expect(events.filter(({ action }) => action === 'key.secret_upgraded')).toMatchObject([
      { actor: keyId, facts: { form } },
    ])
  },
)

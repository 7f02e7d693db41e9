import { createHash, createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIGEST_FORM_NAMES, type DigestForm } from '../src/domain/imported-secret.ts'
import {
  dumpDatabase,
  type ImportedHashInput,
  replaceByImportedHash,
} from './support/imported-keys.ts'
import { IMPORTED_SECRET_VECTORS } from './support/imported-secret-vectors.ts'
import { createXdentHeaders, seedOwnerKey, seedSiteKey } from './support/key-seeds.ts'
import {
  createBasicHeader,
  FORM_TYPE,
  postForm,
  STANDARD_TOKEN_PATH,
  seedClient,
} from './support/oauth.ts'
import { createTestServer, seedKey, type TestServer, unwrap } from './support/server.ts'

/* Each form of hash, at the endpoints of each key type: the first success replaces it. */

let server: TestServer
beforeAll(async () => {
  server = await createTestServer({
    LATCHKEY_FAILURES_PER_ADDRESS: '1000000',
    LATCHKEY_QUOTA_REQUESTS: '1000000',
  })
})
afterAll(() => server.close())

type Open = (secret: string) => Promise<boolean>

/** Presents the secret until the old hash is gone, and expects one event. */
async function expectUpgrade(
  input: ImportedHashInput,
  secret: string,
  otherSecret: string,
  open: Open,
) {
  const hash = await replaceByImportedHash(server, input)
  const { keyId, imported } = input
  expect(dumpDatabase(server.dir)).toContain(hash)
  expect(await open(otherSecret)).toBe(false)
  expect(dumpDatabase(server.dir)).toContain(hash)
  expect(await open(secret)).toBe(true)
  await expect.poll(() => dumpDatabase(server.dir).includes(hash)).toBe(false)
  for (let n = 0; n < 2; n++) {
    expect(await open(otherSecret)).toBe(false)
    expect(await open(secret)).toBe(true)
  }
  const text = dumpDatabase(server.dir)
  for (const old of [hash, imported.hash]) expect(text).not.toContain(old)
  const events = await server.storage.listEvents({ subject: keyId, limit: 100 })
  const upgrades = events.filter(({ action }) => action === 'key.secret_upgraded')
  const { form } = imported
  const truncated = form === 'bcrypt' && secret.length > 72 && { truncated: true }
  expect(upgrades).toMatchObject([{ actor: keyId }])
  expect(upgrades[0]?.facts).toEqual({ form, ...truncated })
  expect(text).not.toContain('"sealed_pepper"')
}

const toInput = ({ imported, pepper }: (typeof IMPORTED_SECRET_VECTORS)[number]) => {
  const { pepperId, ...hash } = imported
  return { imported: hash, pepper }
}

describe.each(IMPORTED_SECRET_VECTORS)('the hash $name', (vector) => {
  const { secret, otherSecret } = vector

  test('is accepted by the exchange, and replaced', async () => {
    const { keyId, apiKey } = await seedKey(server)
    await expectUpgrade(
      { keyId, keyType: 'redox', ...toInput(vector) },
      secret,
      otherSecret,
      async (tried) => {
        const { status } = await server.authenticate(apiKey, tried)
        return status === 200
      },
    )
  })

  test.each(['client_secret_basic', 'client_secret_post'] as const)(
    'is accepted by the token endpoint with %s, and replaced',
    async (authenticationMethod) => {
      const settings = { authenticationMethod, scopes: ['fhir:production'] }
      const { keyId, clientId } = await seedClient(server, settings)
      await expectUpgrade(
        { keyId, keyType: 'oauth', ...toInput(vector) },
        secret,
        otherSecret,
        async (tried) => {
          const answer =
            authenticationMethod === 'client_secret_basic'
              ? await postForm(server, STANDARD_TOKEN_PATH, {}, createBasicHeader(clientId, tried))
              : await postForm(server, STANDARD_TOKEN_PATH, {
                  client_id: clientId,
                  client_secret: tried,
                })
          return answer.status === 200
        },
      )
    },
  )
})

// A header cannot carry a blank, so other secrets never reach this key type.
test.each(IMPORTED_SECRET_VECTORS.filter(({ secret }) => !secret.includes(' ')))(
  'the hash $name is accepted by XDENT, and replaced',
  async (vector) => {
    const { secret, otherSecret } = vector
    const { keyId, publicId } = await seedOwnerKey(server, 'xdent')
    const input = { keyId, keyType: 'xdent', ...toInput(vector) } as const
    await expectUpgrade(input, secret, otherSecret, openXdent(publicId))
  },
)

const openXdent =
  (publicId: string): Open =>
  async (secret) => {
    const headers = createXdentHeaders(publicId, secret)
    const { status } = await server.call('/api/v1/Identity', { method: 'GET', headers })
    return status === 200
  }

test.each(['introspect', 'revoke'])(
  'a client is known by an imported hash at /oauth2/%s',
  async (endpoint) => {
    const settings = {
      authenticationMethod: 'client_secret_basic',
      scopes: ['introspect'],
    } as const
    const { keyId, clientId } = await seedClient(server, settings)
    const input = { keyId, keyType: 'oauth', ...createDigestInput('hmac-sha256') } as const
    await expectUpgrade(input, SECRET, OTHER_SECRET, async (tried) => {
      const headers = { 'Content-Type': FORM_TYPE, ...createBasicHeader(clientId, tried) }
      const answer = await server.call(`/oauth2/${endpoint}`, { body: 'token=x', headers })
      return answer.status === 200
    })
  },
)

const SECRET = 'prefix_4f9d|correct_horse-battery'
const OTHER_SECRET = `#${SECRET.slice(1, -1)}#`
const PEPPER = 'pepper-0123'

/** The digests of `SECRET`, as the systems of these forms store them. */
const DIGESTS: Readonly<Record<DigestForm, string>> = {
  sha256: createHash('sha256').update(SECRET).digest('hex'),
  'sha256-after-underscore': createHash('sha256').update('horse-battery').digest('hex'),
  'sha256-after-pipe': createHash('sha256').update('correct_horse-battery').digest('base64'),
  sha512: createHash('sha512').update(SECRET).digest('hex'),
  'hmac-sha256': createHmac('sha256', PEPPER).update(SECRET).digest('hex'),
  sha1: createHash('sha1').update(SECRET).digest('hex'),
  md5: createHash('md5').update(SECRET).digest('hex'),
}

const createDigestInput = (form: DigestForm) => ({
  imported: { form, hash: DIGESTS[form], salt: null },
  pepper: form === 'hmac-sha256' ? PEPPER : null,
})

describe.each(DIGEST_FORM_NAMES)('a digest of the form %s', (form) => {
  test.each([
    ['the proxy', '/fhir/Patient/1', {}],
    [
      'forward-auth',
      '/forward-auth/xenrad',
      { 'X-Forwarded-Method': 'GET', 'X-Forwarded-Uri': '/fhir/Patient/1' },
    ],
  ])('finds the key of a Xenrad site at %s, and is replaced', async (_, path, more) => {
    const { keyId } = await seedSiteKey(server)
    const input = { keyId, keyType: 'xenrad', ...createDigestInput(form) } as const
    await expectUpgrade(input, SECRET, OTHER_SECRET, async (secret) => {
      const headers = { 'X-Api-Key': secret, ...more }
      return (await server.call(path, { method: 'GET', headers })).status !== 401
    })
    unwrap(await server.keys.rotateSecret(keyId, {}))
  })

  test('is accepted by XDENT, and replaced', async () => {
    const { keyId, publicId } = await seedOwnerKey(server, 'xdent')
    const input = { keyId, keyType: 'xdent', ...createDigestInput(form) } as const
    await expectUpgrade(input, SECRET, OTHER_SECRET, openXdent(publicId))
    unwrap(await server.keys.rotateSecret(keyId, {}))
  })
})

test('a secret that the key of another site was imported with is taken', async () => {
  const { keyId } = await seedSiteKey(server)
  await replaceByImportedHash(server, { keyId, keyType: 'xenrad', ...createDigestInput('sha512') })
  const other = await seedSiteKey(server)
  expect(await server.keys.rotateSecret(other.keyId, { secret: SECRET })).toMatchObject({
    ok: false,
    failure: { problem: 'conflict', message: expect.stringContaining('another key has it') },
  })
  expect((await server.keys.rotateSecret(keyId, { secret: SECRET })).ok).toBe(true)
  unwrap(await server.keys.rotateSecret(keyId, {}))
})

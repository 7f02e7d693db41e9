import { pbkdf2Sync } from 'node:crypto'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSealer, createSecretDigester } from '../src/crypto/secrets.ts'
import type { ImportedSecret } from '../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS } from '../src/domain/secret-forms/secret-check.ts'
import { nodePrimitives } from '../src/node/primitives.ts'
import { protectImportedSecret } from '../src/service/keys/protect-imported-secret.ts'
import { composeTestServer, createCountingArgon2 } from './support/composed-server.ts'
import { replaceByImportedHash } from './support/imported-keys.ts'
import { createBasicHeader, postForm, STANDARD_TOKEN_PATH, seedClient } from './support/oauth.ts'
import { seedKey, unwrap } from './support/server.ts'
import { HOUR_MS } from './support/time.ts'

/* Neither answers nor counted work tell which keys exist, where keys have hashes of other systems. */

const argon2 = createCountingArgon2()
const openServer = (failuresPerAddress = '1000000') =>
  composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: failuresPerAddress }, argon2)
type Server = Awaited<ReturnType<typeof openServer>>

const SECRET = 'correct horse battery staple 42'
const SALTED = {
  form: 'sha256-salt-last',
  hash: 'b88536b8689cb36583ca0a5a1cafe899f7c584dab7bfac7cf244e205ac3093d6',
  salt: '0123456789abcdef',
} as const
/** Its check takes longer than the start of a thread for the next one. */
const SLOW_ROUNDS = 50_000
const SLOW_SUM = pbkdf2Sync(SECRET, SALTED.salt, SLOW_ROUNDS, 32, 'sha256').toString('base64')
const SLOW = {
  form: 'pbkdf2-django',
  hash: `pbkdf2_sha256$${SLOW_ROUNDS}$${SALTED.salt}$${SLOW_SUM}`,
  salt: null,
} as const
const DIGEST = {
  form: 'sha256',
  hash: '4da30c37ee0ecc0369ee62679f2f78cd3187cacb8d790e899371257c964a90bd',
  salt: null,
} as const

/** Answers a request, and tells what it cost. */
async function measure(server: Server, send: () => Promise<Response>) {
  const before = argon2.verified
  server.importChecks.length = 0
  server.reads.length = 0
  const response = await send()
  return {
    status: response.status,
    body: await response.text(),
    argon2: argon2.verified - before,
    checks: [...server.importChecks],
    statements: [...server.reads],
  }
}

const exchange = (server: Server, apiKey: string, secret: string, address?: string) =>
  server.call('/auth/authenticate', {
    body: JSON.stringify({ apiKey, secret }),
    ...(address !== undefined && { address }),
  })

const seedImportedKey = async (
  server: Server,
  imported: Omit<ImportedSecret, 'pepperId'> = SALTED,
) => {
  const key = await seedKey(server)
  await replaceByImportedHash(server, { keyId: key.keyId, keyType: 'redox', imported })
  return key
}

describe('where one key has an imported hash', () => {
  let server: Server
  beforeAll(async () => {
    server = await openServer()
  })
  afterAll(() => server.close())

  test('a wrong secret costs two computations and one check, and an unknown id the same', async () => {
    const { apiKey } = await seedImportedKey(server)
    const wrong = await measure(server, () => exchange(server, apiKey, 'wrong secret, quite long'))
    const unknown = await measure(server, () =>
      exchange(server, crypto.randomUUID(), 'wrong secret, quite long'),
    )
    expect(wrong).toMatchObject({
      status: 401,
      body: 'Invalid request',
      argon2: 2,
      checks: ['salted'],
    })
    expect(unknown).toEqual(wrong)
    // Even with the secret of the key that is read in its place.
    expect(await measure(server, () => exchange(server, crypto.randomUUID(), SECRET))).toEqual(
      wrong,
    )
  })

  test.each<
    [string, (server: Server, key: Awaited<ReturnType<typeof seedKey>>) => Promise<unknown>]
  >([
    ['disabled', async ({ keys }, { keyId }) => unwrap(await keys.disable(keyId))],
    ['revoked', async ({ keys }, { keyId }) => unwrap(await keys.revoke(keyId))],
    [
      'of a closed account',
      async ({ accounts }, { accountId }) => unwrap(await accounts.setStatus(accountId, 'closed')),
    ],
    [
      'expired',
      async ({ keys, clock }, { keyId }) => {
        unwrap(await keys.edit(keyId, { expiresAt: clock() + HOUR_MS }))
        clock.advance(HOUR_MS)
      },
    ],
    [
      'of another region',
      async ({ dir }, { accountId }) => {
        const database = new Database(join(dir, 'latchkey.db'))
        database.prepare(`UPDATE accounts SET region = 'eu' WHERE id = ?`).run(accountId)
        database.prepare('UPDATE authority SET version = version + 1').run()
        database.close()
      },
    ],
  ])(
    'a key that is %s costs the same with either secret, and is not upgraded',
    async (_, spoil) => {
      const key = await seedImportedKey(server)
      const expected = await measure(server, () =>
        exchange(server, key.apiKey, 'wrong secret, quite long'),
      )
      expect(expected).toMatchObject({ status: 401, argon2: 2, checks: ['salted'] })
      await spoil(server, key)
      // The work of the change itself is not counted.
      await exchange(server, key.apiKey, 'wrong secret, quite long')
      await server.flushCounters()
      for (let n = 0; n < 2; n++) {
        for (const secret of ['wrong secret, quite long', SECRET]) {
          expect(await measure(server, () => exchange(server, key.apiKey, secret))).toEqual(
            expected,
          )
        }
      }
      const events = await server.storage.listEvents({ subject: key.keyId, limit: 100 })
      expect(events.map(({ action }) => action)).not.toContain('key.secret_upgraded')
    },
  )
})

test('a key of another type does the work of an unknown id, and not its own', async () => {
  const server = await openServer()
  try {
    await seedKey(server)
    const settings = { authenticationMethod: 'client_secret_basic', scopes: [] } as const
    const { keyId, clientId } = await seedClient(server, { ...settings, scopes: ['introspect'] })
    await replaceByImportedHash(server, { keyId, keyType: 'oauth', imported: DIGEST })
    const other = await measure(server, () => exchange(server, clientId, SECRET))
    const unknown = await measure(server, () => exchange(server, crypto.randomUUID(), SECRET))
    expect(other).toEqual(unknown)
    expect(other).toMatchObject({ argon2: 2, checks: [] })
    // It is known at the endpoints of clients.
    const answer = await postForm(server, STANDARD_TOKEN_PATH, {}, createBasicHeader(clientId, 'x'))
    expect(answer.status).toBe(401)
    expect(server.importChecks).toEqual(['digest'])
  } finally {
    await server.close()
  }
})

test('1,000 unknown ids are checked by each form as often as the table has it', async () => {
  const server = await openServer()
  try {
    await seedPopulation(server, { ours: 200, salted: 120, digest: 80 })
    const ids = Array.from({ length: 1000 }, () => crypto.randomUUID())
    const counts = { ours: 0, salted: 0, digest: 0 }
    const formById = new Map<string, string>()
    for (const id of ids) {
      const { checks, argon2: computations } = await measure(server, () =>
        exchange(server, id, 'wrong secret, quite long'),
      )
      expect([computations, checks.length <= 1]).toEqual([2, true])
      const form = (checks[0] ?? 'ours') as keyof typeof counts
      counts[form]++
      formById.set(id, form)
    }
    // The gaps between 400 random salts move a share by 0.025 (one standard deviation).
    for (const [form, share] of [
      ['ours', 0.5],
      ['salted', 0.3],
      ['digest', 0.2],
    ] as const) {
      expect(Math.abs(counts[form] / 1000 - share)).toBeLessThan(0.12)
    }
    // Nor does an id change its form.
    for (const id of ids.slice(0, 50)) {
      const { checks } = await measure(server, () => exchange(server, id, 'another wrong secret'))
      expect(checks[0] ?? 'ours').toBe(formById.get(id))
    }
  } finally {
    await server.close()
  }
})

/** Adds unused keys of an account by SQL: hashes of this server, salted ones and digests. */
async function seedPopulation(
  server: Server,
  { ours, salted, digest }: { ours: number; salted: number; digest: number },
): Promise<void> {
  const first = await seedKey(server)
  const deps = {
    importedSecretVerifier: { bounds: NODE_CHECK_BOUNDS },
    digester: createSecretDigester(nodePrimitives, server.keyring),
    sealer: createSealer(nodePrimitives, server.keyring),
  }
  const database = new Database(join(server.dir, 'latchkey.db'))
  const columns = (database.prepare('SELECT * FROM keys').columns() as { name: string }[]).map(
    ({ name }) => name,
  )
  const addSource = database.prepare(
    'INSERT INTO sources SELECT ?, account_id, name, created_at, event_id FROM sources WHERE id = ?',
  )
  const selected = columns.map((name) =>
    ['id', 'public_id', 'source_id', 'token_salt'].includes(name)
      ? `@${name}`
      : name === 'secret_hash'
        ? 'coalesce(@secret_hash, secret_hash)'
        : name,
  )
  const addKey = database.prepare(
    `INSERT INTO keys (${columns}) SELECT ${selected} FROM keys WHERE id = @first`,
  )
  const forms = [
    ...Array<null>(ours - 1).fill(null),
    ...Array<Omit<ImportedSecret, 'pepperId'>>(salted).fill(SALTED),
    ...Array<Omit<ImportedSecret, 'pepperId'>>(digest).fill(DIGEST),
  ]
  for (const form of forms) {
    const id = crypto.randomUUID()
    const protectedSecret =
      form && (await protectImportedSecret(deps, { ...form, pepperId: null }, 'redox', id))
    addSource.run(id, first.sourceId)
    addKey.run({
      id,
      public_id: crypto.randomUUID(),
      source_id: id,
      token_salt: nodePrimitives.base64urlEncode(nodePrimitives.randomBytes(16)),
      secret_hash: protectedSecret?.hash ?? null,
      first: first.keyId,
    })
  }
  database.prepare('UPDATE authority SET version = version + 1').run()
  database.close()
}

describe('limits come before the check of an imported hash', () => {
  test('at the exchange: of many guesses at once, few are checked', async () => {
    const server = await openServer('5')
    try {
      const { apiKey } = await seedImportedKey(server)
      const guesses = Array.from({ length: 50 }, (_, n) =>
        exchange(server, apiKey, `guess number ${n}`),
      )
      const statuses = (await Promise.all(guesses)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(40)
      expect(server.importChecks.length).toBeLessThan(10)
      server.importChecks.length = 0
      expect((await exchange(server, apiKey, SECRET)).status).toBe(429)
      expect(server.importChecks).toEqual([])
      // Its owner is on another network.
      expect((await exchange(server, apiKey, SECRET, '198.51.100.7')).status).toBe(200)
    } finally {
      await server.close()
    }
  })

  test('a network that has failed does not keep others out of the turn', async () => {
    const server = await openServer()
    try {
      const { apiKey } = await seedImportedKey(server, SLOW)
      await exchange(server, apiKey, 'a first failure')
      let answered = 0
      const guesses = Array.from({ length: 90 }, async (_, n) => {
        await exchange(server, apiKey, `guess number ${n}`)
        answered++
      })
      const owner = await exchange(server, apiKey, SECRET, '198.51.100.7')
      expect(owner.status).toBe(200)
      expect(answered).toBeLessThan(45)
      await Promise.all(guesses)
    } finally {
      await server.close()
    }
  })
})

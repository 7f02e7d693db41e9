import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeArgon2 } from '../../../src/node/primitives.ts'
import { seedAdminClient } from '../../support/admin-client.ts'
import { composeTestServer } from '../../support/composed-server.ts'
import { seedConsoleClient } from '../../support/console-client.ts'
import { seedKey, type TokenResponse, unwrap } from '../../support/server.ts'
import { createSignInInput, createTestCaller, PASSWORD, seedUser } from '../../support/users.ts'

/** The real argon2; on demand, it works at a secret until it may go on. */
function createHaltingArgon2() {
  let halted = Promise.resolve()
  let resume = () => {}
  const processedSecrets: string[] = []
  return {
    /** The secrets that were worked at, in order. */
    processedSecrets,
    hash(secret: string) {
      processedSecrets.push(secret)
      return nodeArgon2.hash(secret)
    },
    async verify(phc: string, secret: string) {
      processedSecrets.push(secret)
      await halted
      return secret !== WRONG_SECRET && nodeArgon2.verify(phc, secret)
    },
    halt() {
      halted = new Promise((resolve) => {
        resume = resolve
      })
    },
    resume: () => resume(),
  }
}

const WRONG_SECRET = 'a guess at the secret'
const IN_WORDS =
  'too many secrets are checked at this moment, and nothing was changed: try again in 2 seconds'
/** Two at work, two hundred in the queue. */
const PLACES = 202

let argon2: ReturnType<typeof createHaltingArgon2>
let server: Awaited<ReturnType<typeof composeTestServer>>
let seeded: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  argon2 = createHaltingArgon2()
  server = await composeTestServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  seeded = await seedKey(server)
})
afterAll(() => server.close())

/** Resolves when each request has read what it needs, and waits for its turn. */
async function waitUntilSettled() {
  for (let n = 0; n < 20; n++) await server.storage.probe()
}

const createAddress = (n: number) => `10.0.${n >> 8}.${n & 255}`

/** Runs `work` while attempts of different strangers take every place. */
async function runWhileGuessing(guess: (n: number) => Promise<unknown>, work: () => Promise<void>) {
  argon2.halt()
  const attempts = Array.from({ length: PLACES }, (_, n) => guess(n))
  try {
    await work()
  } finally {
    argon2.resume()
    await Promise.all(attempts)
  }
}

const guessKeySecret = async (n: number, apiKey: string = crypto.randomUUID()) => {
  const body = JSON.stringify({ apiKey, secret: WRONG_SECRET })
  return (await server.call('/auth/authenticate', { body, address: createAddress(n) })).status
}

const guessPassword = async (n: number) => {
  const answer = await server.signInServices.signIn(
    createSignInInput({ username: `nobody-${n}`, password: WRONG_SECRET }),
    createTestCaller(createAddress(n)),
  )
  return answer.ok ? 'in' : answer.failure.reason
}

const runWhileSignInGuessed = (work: () => Promise<void>) =>
  runWhileGuessing(guessPassword, async () => {
    expect(await guessPassword(PLACES)).toBe('busy')
    await work()
  })

describe('while strangers guess at keys', () => {
  test('the next guess gets the time to wait, and an owner of a key is accepted at once', async () => {
    await runWhileGuessing(guessKeySecret, async () => {
      const body = JSON.stringify({ apiKey: crypto.randomUUID(), secret: WRONG_SECRET })
      const refused = await server.call('/auth/authenticate', { body, address: '192.0.2.1' })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
      const { apiKey, secret } = seeded
      const answer = await server.post('/auth/authenticate', { apiKey, secret })
      expect(answer.status).toBe(200)
      const { refreshToken } = (await answer.json()) as TokenResponse
      expect((await server.post('/auth/refreshToken', { apiKey, refreshToken })).status).toBe(200)
    })
  })

  test('a caller from another address is judged before most of a flood from one address', async () => {
    const flood = () => guessKeySecret(1)
    await runWhileGuessing(flood, async () => {
      const before = argon2.processedSecrets.length
      const body = JSON.stringify({ apiKey: crypto.randomUUID(), secret: 'another guess' })
      const other = server.call('/auth/authenticate', { body, address: '192.0.2.1' })
      await waitUntilSettled()
      argon2.resume()
      expect((await other).status).toBe(401)
      // After what was under way, and one turn of the flood.
      expect(argon2.processedSecrets.indexOf('another guess') - before).toBeLessThan(10)
    })
  })

  test('people sign in, and secrets are made', async () => {
    const testUser = await seedUser(server)
    const { ownerId, accountId } = seeded
    const { id: sourceId } = unwrap(await server.sources.add({ accountId, name: 'Third' }))
    await runWhileGuessing(guessKeySecret, async () => {
      const before = argon2.processedSecrets.length
      const signedIn = server.signInServices.signIn(
        createSignInInput({ ...testUser, password: PASSWORD }),
        createTestCaller(),
      )
      const input = { keyType: 'redox', ownerId, sourceId, name: 'third job' } as const
      const made = server.keys.create(input)
      await waitUntilSettled()
      argon2.resume()
      expect((await signedIn).ok).toBe(true)
      const { secret } = unwrap(await made)
      for (const each of [PASSWORD, secret]) {
        expect(argon2.processedSecrets.indexOf(each, before) - before).toBeLessThan(10)
      }
    })
  })
})

describe('while too many secrets are checked already', () => {
  test('the service returns the time to wait, and a key is created afterwards', async () => {
    const { ownerId, accountId } = seeded
    const { id: sourceId } = unwrap(await server.sources.add({ accountId, name: 'Second' }))
    const input = { keyType: 'redox', ownerId, sourceId, name: 'second job' } as const
    const busy = { problem: 'busy', message: IN_WORDS, retryAfterSeconds: 2 }
    await runWhileSignInGuessed(async () => {
      expect(await server.keys.create(input)).toEqual({ ok: false, failure: busy })
    })
    expect((await server.keys.create(input)).ok).toBe(true)
  })

  test('the management API answers 503 with Retry-After', async () => {
    const { callApi } = await seedAdminClient(server)
    await runWhileSignInGuessed(async () => {
      const { status, headers, body } = await callApi(
        'POST',
        `/keys/${seeded.keyId}/rotate-secret`,
        {},
      )
      expect([status, headers.get('retry-after')]).toEqual([503, '2'])
      expect(body).toMatchObject({
        type: '/admin/v1/reference#problem-unavailable',
        detail: IN_WORDS,
        retryAfterSeconds: 2,
      })
    })
  })

  test('the console reports it above the form, which keeps its input', async () => {
    const operator = await seedConsoleClient(server, 'operator')
    const page = `/console/keys/${seeded.keyId}/rotate-secret`
    const typed = { overlap: '7d' }
    await runWhileSignInGuessed(async () => {
      const { status, headers, text, getFieldValue } = await operator.fill(page, page, typed)
      expect([status, headers.get('retry-after')]).toEqual([503, '5'])
      expect(text).toContain(IN_WORDS.slice(1))
      expect(getFieldValue('overlap')).toBe('7d')
    })
  })

  test('keys whose secret needs no slow hash are created at once', async () => {
    const { ownerId, accountId } = seeded
    const { id: siteId } = unwrap(await server.sites.add({ accountId, name: 'North' }))
    await runWhileSignInGuessed(async () => {
      unwrap(await server.keys.create({ keyType: 'xenrad', ownerId, siteId, name: 'scanner' }))
    })
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeArgon2 } from '../../src/node/primitives.ts'
import { seedAsker } from '../support/admin/asker.ts'
import { someone } from '../support/browsing.ts'
import { composedServer } from '../support/composed.ts'
import { from, PASSWORD, seedPerson, typed } from '../support/people.ts'
import { done, seedKey, type TokenAnswer } from '../support/server.ts'

/** The real argon2; on demand, it works at a secret until it may go on. */
function haltingArgon2() {
  let halted = Promise.resolve()
  let goOn = () => {}
  const worked: string[] = []
  return {
    /** The secrets that were worked at, in order. */
    worked,
    hash(secret: string) {
      worked.push(secret)
      return nodeArgon2.hash(secret)
    },
    async verify(phc: string, secret: string) {
      worked.push(secret)
      await halted
      return secret !== GUESS && nodeArgon2.verify(phc, secret)
    },
    halt() {
      halted = new Promise((resolve) => {
        goOn = resolve
      })
    },
    goOn: () => goOn(),
  }
}

const GUESS = 'a guess at the secret'
const IN_WORDS =
  'too many secrets are checked at this moment, and nothing was changed: try again in 2 seconds'
/** Two at work, two hundred in the queue. */
const PLACES = 202

let argon2: ReturnType<typeof haltingArgon2>
let server: Awaited<ReturnType<typeof composedServer>>
let seeded: Awaited<ReturnType<typeof seedKey>>
beforeAll(async () => {
  argon2 = haltingArgon2()
  server = await composedServer({ LATCHKEY_FAILURES_PER_ADDRESS: '1000000' }, argon2)
  seeded = await seedKey(server)
})
afterAll(() => server.close())

/** Whatever was asked for has read what it needs, and waits for its turn. */
async function settled() {
  for (let n = 0; n < 20; n++) await server.storage.probe()
}

const addressOf = (n: number) => `10.0.${n >> 8}.${n & 255}`

/** Does this while every place of a lane is taken, each by another stranger who guesses. */
async function whileCrowdedBy(guess: (n: number) => Promise<unknown>, work: () => Promise<void>) {
  argon2.halt()
  const guesses = Array.from({ length: PLACES }, (_, n) => guess(n))
  try {
    await work()
  } finally {
    argon2.goOn()
    await Promise.all(guesses)
  }
}

const guessAtKey = async (n: number, apiKey: string = crypto.randomUUID()) => {
  const body = JSON.stringify({ apiKey, secret: GUESS })
  return (await server.call('/auth/authenticate', { body, address: addressOf(n) })).status
}

const guessAtName = async (n: number) => {
  const answer = await server.access.signIn(
    typed({ username: `nobody-${n}`, password: GUESS }),
    from(addressOf(n)),
  )
  return answer.ok ? 'in' : answer.failure.reason
}

const whileCrowded = (work: () => Promise<void>) =>
  whileCrowdedBy(guessAtName, async () => {
    expect(await guessAtName(PLACES)).toBe('busy')
    await work()
  })

describe('while strangers guess at keys', () => {
  test('the next is told when to come back, and a key’s owner comes in at once', async () => {
    await whileCrowdedBy(guessAtKey, async () => {
      const body = JSON.stringify({ apiKey: crypto.randomUUID(), secret: GUESS })
      const refused = await server.call('/auth/authenticate', { body, address: '192.0.2.1' })
      expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '2'])
      const { apiKey, secret } = seeded
      const answer = await server.post('/auth/authenticate', { apiKey, secret })
      expect(answer.status).toBe(200)
      const { refreshToken } = (await answer.json()) as TokenAnswer
      expect((await server.post('/auth/refreshToken', { apiKey, refreshToken })).status).toBe(200)
    })
  })

  test('a caller from another address is judged before most of a flood from one address', async () => {
    const flood = () => guessAtKey(1)
    await whileCrowdedBy(flood, async () => {
      const before = argon2.worked.length
      const body = JSON.stringify({ apiKey: crypto.randomUUID(), secret: 'another guess' })
      const other = server.call('/auth/authenticate', { body, address: '192.0.2.1' })
      await settled()
      argon2.goOn()
      expect((await other).status).toBe(401)
      // After what was under way, and one turn of the flood.
      expect(argon2.worked.indexOf('another guess') - before).toBeLessThan(10)
    })
  })

  test('people sign in, and secrets are made', async () => {
    const person = await seedPerson(server)
    const { ownerId, accountId } = seeded
    const { id: sourceId } = done(await server.routes.addSource({ accountId, name: 'Third' }))
    await whileCrowdedBy(guessAtKey, async () => {
      const before = argon2.worked.length
      const signedIn = server.access.signIn(typed({ ...person, password: PASSWORD }), from())
      const wish = { dialect: 'redox', ownerId, sourceId, name: 'third job' } as const
      const made = server.keys.create(wish)
      await settled()
      argon2.goOn()
      expect((await signedIn).ok).toBe(true)
      const { secret } = done(await made)
      for (const each of [PASSWORD, secret]) {
        expect(argon2.worked.indexOf(each, before) - before).toBeLessThan(10)
      }
    })
  })
})

describe('while too many secrets are checked already', () => {
  test('the service says when to come back, and a key is made then', async () => {
    const { ownerId, accountId } = seeded
    const { id: sourceId } = done(await server.routes.addSource({ accountId, name: 'Second' }))
    const wish = { dialect: 'redox', ownerId, sourceId, name: 'second job' } as const
    const busy = { problem: 'busy', message: IN_WORDS, retryAfterSeconds: 2 }
    await whileCrowded(async () => {
      expect(await server.keys.create(wish)).toEqual({ ok: false, failure: busy })
    })
    expect((await server.keys.create(wish)).ok).toBe(true)
  })

  test('the management API answers 503 with Retry-After', async () => {
    const { ask } = await seedAsker(server)
    await whileCrowded(async () => {
      const { status, headers, body } = await ask('POST', `/keys/${seeded.keyId}/rotate`, {})
      expect([status, headers.get('retry-after')]).toEqual([503, '2'])
      expect(body).toMatchObject({
        type: '/admin/v1/reference#problem-unavailable',
        detail: IN_WORDS,
        retryAfterSeconds: 2,
      })
    })
  })

  test('the console says so above the form, which keeps what was typed', async () => {
    const operator = await someone(server, 'operator')
    const page = `/console/keys/${seeded.keyId}/rotate`
    const typed = { overlap: '7d' }
    await whileCrowded(async () => {
      const { status, headers, text, field } = await operator.fill(page, page, typed)
      expect([status, headers.get('retry-after')]).toEqual([503, '5'])
      expect(text).toContain(IN_WORDS.slice(1))
      expect(field('overlap')).toBe('7d')
    })
  })

  test('keys whose secret is no work are made as ever', async () => {
    const { ownerId, accountId } = seeded
    const { id: siteId } = done(await server.places.addSite({ accountId, name: 'North' }))
    await whileCrowded(async () => {
      done(await server.keys.create({ dialect: 'xenrad', ownerId, siteId, name: 'scanner' }))
    })
  })
})

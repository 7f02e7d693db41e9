import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeArgon2 } from '../../src/node/primitives.ts'
import { seedAsker } from '../support/admin/asker.ts'
import { someone } from '../support/browsing.ts'
import { composedServer } from '../support/composed.ts'
import { done, seedKey } from '../support/server.ts'

/** The real argon2; on demand, it works at a secret until it may go on. */
function haltingArgon2() {
  let halted = Promise.resolve()
  let goOn = () => {}
  return {
    hash: nodeArgon2.hash,
    async verify(phc: string, secret: string) {
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

/** Does this while every place of the queue is taken: by strangers who guess. */
async function whileCrowded(work: () => Promise<void>) {
  argon2.halt()
  const guess = async () => {
    const body = { apiKey: crypto.randomUUID(), secret: GUESS }
    return (await server.post('/auth/authenticate', body)).status
  }
  const guesses = Array.from({ length: PLACES }, guess)
  try {
    expect(await guess()).toBe(503)
    await work()
  } finally {
    argon2.goOn()
    await Promise.all(guesses)
  }
}

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

import { afterAll, beforeAll, expect, test } from 'vitest'
import { nodeArgon2 } from '../../src/node/primitives.ts'
import { startWorkerd, type Workerd } from '../support/worker/workerd.ts'

let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd(undefined, { schema: [] })
})
afterAll(() => workerd.dispose())

const SECRETS = [
  'correct horse battery staple',
  'pässwörd — 密码 🏥',
  'é',
  'é'.repeat(200),
  'a\0b',
  ' blank ',
  'x'.repeat(4096),
]

test.each(SECRETS)(
  'a hash made on Node verifies on a Worker, and the other way round (%#)',
  async (secret) => {
    const wrong = [`${secret}x`, secret.slice(0, -1), `${secret}\0`]
    for (const [maker, taker] of [
      [nodeArgon2, workerd.argon2],
      [workerd.argon2, nodeArgon2],
    ] as const) {
      const phc = await maker.hash(secret)
      expect(phc).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
      for (const server of [maker, taker]) {
        expect(await server.verify(phc, secret)).toBe(true)
        for (const other of wrong) expect(await server.verify(phc, other)).toBe(false)
      }
    }
  },
)

test('two hashes of one secret differ', async () => {
  expect(await workerd.argon2.hash('secret')).not.toBe(await workerd.argon2.hash('secret'))
})

test('a damaged hash is an error, not a wrong secret', async () => {
  for (const phc of ['', '$argon2id$v=19$m=19456,t=2,p=1$', 'plain']) {
    await expect(workerd.argon2.verify(phc, 'secret')).rejects.toThrow()
  }
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { IMPORTED_SECRET_VECTORS } from '../support/imported-secret-vectors.ts'
import { startWorkerd, type Workerd } from '../support/worker/workerd.ts'

let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd(undefined, { schema: [] })
})
afterAll(() => workerd.dispose())

/** Above 100,000 rounds, 32 MiB of scrypt or 64 MiB of argon2. */
const TOO_EXPENSIVE = [
  'Django argon2',
  'django pbkdf2_sha1',
  'django pbkdf2_sha256',
  'keycloak 210000',
  'passlib pbkdf2_sha1',
  'spring {scrypt@SpringSecurity_v5_8}',
  'spring {pbkdf2@SpringSecurity_v5_8}',
  'spring {pbkdf2} v5.5',
]

describe.each(IMPORTED_SECRET_VECTORS)('$name, on Workers', (vector) => {
  const { name, secret, otherSecret, imported, pepper } = vector

  if (TOO_EXPENSIVE.includes(name)) {
    test('is refused for its cost', async () => {
      expect(await workerd.checkSecret(secret, imported, pepper)).toMatch(
        /^the check costs too much .* computes at most (100000|64|32)$/,
      )
    })
    return
  }

  test('matches its secret and no other', async () => {
    expect(await workerd.checkSecret(secret, imported, pepper)).toBe(true)
    for (const other of [otherSecret, '', `\ud800${'é'.repeat(2000)}\0`])
      expect(await workerd.checkSecret(other, imported, pepper)).toBe(false)
  })
})

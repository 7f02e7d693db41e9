import { describe, expect, test } from 'vitest'
import { checkSecret } from '../../src/crypto/check-secret.ts'
import { parseSecretCheck } from '../../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS } from '../../src/domain/secret-forms/secret-check.ts'
import { nodeHashFunctions } from '../../src/node/primitives.ts'
import { IMPORTED_SECRET_VECTORS } from '../support/imported-secret-vectors.ts'

describe.each(IMPORTED_SECRET_VECTORS)('$name', ({ secret, otherSecret, imported, pepper }) => {
  const check = (presented: string) => {
    const parsed = parseSecretCheck(imported, NODE_CHECK_BOUNDS)
    if (!parsed.ok) throw new Error(parsed.failure)
    const pepperBytes = pepper === null ? null : Buffer.from(pepper)
    return checkSecret(nodeHashFunctions, presented, parsed.value, pepperBytes)
  }

  test('matches its secret and no other', async () => {
    expect(await check(secret)).toBe(true)
    expect(await check(otherSecret)).toBe(false)
  })
})

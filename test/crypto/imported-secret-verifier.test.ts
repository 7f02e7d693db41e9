import { beforeEach, describe, expect, test } from 'vitest'
import { createImportedSecretVerifier } from '../../src/crypto/imported-secret-verifier.ts'
import { fail, ok } from '../../src/domain/failure.ts'
import type { ImportedSecret } from '../../src/domain/imported-secret.ts'
import { WORKER_CHECK_BOUNDS } from '../../src/domain/secret-forms/secret-check.ts'
import { nodeHashFunctions, nodePrimitives } from '../../src/node/primitives.ts'
import type { ImportedSecretVerifier } from '../../src/service/ports/crypto.ts'
import { createTestClock } from '../support/time.ts'

const requester = { lane: 'unfailed', party: '192.0.2.0/24', claim: 'a key' } as const
const busy = { ok: false, failure: { reason: 'busy', retryAfterSeconds: 2 } }

const bcrypt: ImportedSecret = {
  form: 'bcrypt',
  hash: '$2b$10$abcdefghijklmnopqrstuuFRL4HsHTBtkdzvD8.3.3nTl.ZcTcgo2',
  salt: null,
  pepperId: null,
}

/** The answers of checks that have begun, to be given by the test. */
let begun: ((matches: boolean | null) => void)[]
let verifier: ImportedSecretVerifier
beforeEach(() => {
  begun = []
  verifier = createImportedSecretVerifier(
    nodePrimitives,
    {
      functions: nodeHashFunctions,
      bounds: WORKER_CHECK_BOUNDS,
      check: () => new Promise((resolve) => begun.push(resolve)),
    },
    createTestClock(),
    { width: 2, queue: 1, waitMs: 5000 },
  )
})

describe('verify', () => {
  test('checks once for equal requests of one party that come together', async () => {
    const verify = (overrides: { party?: string } = {}) =>
      verifier.verify('a secret', bcrypt, null, { ...requester, ...overrides })
    const results = [verify(), verify(), verify({ party: '198.51.100.0/24' })]
    expect(begun).toHaveLength(2)
    begun[0]?.(true)
    begun[1]?.(false)
    expect(await Promise.all(results)).toEqual([ok(true), ok(true), ok(false)])
    void verify()
    expect(begun).toHaveLength(3)
  })

  test('checks two at once, lets one wait, and is busy for a third', async () => {
    const secrets = ['first', 'second', 'third', 'fourth']
    const results = secrets.map((secret) => verifier.verify(secret, bcrypt, null, requester))
    expect(await results[3]).toEqual(busy)
    expect(begun).toHaveLength(2)
    begun[0]?.(false)
    expect(await results[0]).toEqual(ok(false))
    await Promise.resolve()
    expect(begun).toHaveLength(3)
  })

  test('is busy when a check does not end', async () => {
    const result = verifier.verify('a secret', bcrypt, null, requester)
    begun[0]?.(null)
    expect(await result).toEqual(busy)
  })

  test('does not begin if the caller has been limited while it waited', async () => {
    const refusal = fail({ reason: 'failures_exceeded', retryAfterSeconds: 60 } as const)
    const result = await verifier.verify('a secret', bcrypt, null, requester, () => refusal)
    expect(result).toBe(refusal)
    expect(begun).toEqual([])
  })

  test('throws for a hash that costs more than this runtime allows', async () => {
    const expensive = { ...bcrypt, hash: bcrypt.hash.replace('10', '13') }
    await expect(verifier.verify('a secret', expensive, null, requester)).rejects.toThrow(
      'the check costs too much (bcrypt cost: 13): this server computes at most 12',
    )
  })
})

describe('toDigest', () => {
  test.each([
    ['sha256', 'a_b|c_secret', 'a_b|c_secret'],
    ['sha256-after-underscore', 'a_b|c_secret', 'secret'],
    ['sha256-after-pipe', 'a_b|c_secret', 'c_secret'],
    ['sha256-after-underscore', 'secret', 'secret'],
    ['sha256-after-pipe', 'secret', 'secret'],
  ] as const)('of the form %s for %s digests %s', (form, secret, part) => {
    const digest = verifier.toDigest(secret, form, null)
    expect(nodePrimitives.base64urlEncode(digest)).toBe(nodePrimitives.sha256(part))
  })

  test('of an HMAC uses the pepper, and throws without it', () => {
    const pepper = Buffer.from('pepper-0123')
    const digest = verifier.toDigest('correct horse battery staple 42', 'hmac-sha256', pepper)
    expect(Buffer.from(digest).toString('hex')).toBe(
      '3f3ae2951b24b229013512b555a9c8dc2179999c076cd5cde03a441d63816451',
    )
    expect(() => verifier.toDigest('secret', 'hmac-sha256', null)).toThrow('the pepper of an')
  })
})

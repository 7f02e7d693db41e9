import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  ASSERTION_ALGORITHMS,
  type AssertionProfile,
  judgeAssertionClaims,
  judgeAssertionHeader,
} from '../../src/domain/client-assertion.ts'

const NOW = Date.UTC(2026, 5, 1, 12)
const seconds = NOW / 1000
const ISSUER = 'https://keys.example/base'
const audiences = [ISSUER, `${ISSUER}/oauth2/token`, `${ISSUER}/v2/auth/token`]
const clientId = 'b1a2c3d4'
const good = {
  iss: clientId,
  sub: clientId,
  aud: ISSUER,
  iat: seconds,
  exp: seconds + 300,
  jti: 'one',
}

const judge = (change: object, profile: AssertionProfile, now = NOW) => {
  const claims = Object.fromEntries(
    Object.entries({ ...good, ...change }).filter(([, value]) => value !== undefined),
  )
  const expectations = { profile, clientId, audiences, now }
  return judgeAssertionClaims({ claims, signingInput: 'head.body' }, expectations)
}
const verdict = (change: object, profile: AssertionProfile, now?: number) => {
  const result = judge(change, profile, now)
  return result.ok ? 'ok' : result.failure.reason
}

describe('the claims of a client assertion', () => {
  // Each row: what changes, then the vendor's verdict and the standard's.
  const rows: [string, object, string, string?][] = [
    ['all right', {}, 'ok'],
    ['iss absent', { iss: undefined }, 'issuer_other'],
    ['iss of another client', { iss: 'other' }, 'issuer_other'],
    ['iss in other case', { iss: clientId.toUpperCase() }, 'issuer_other'],
    ['sub absent', { sub: undefined }, 'subject_other'],
    ['sub of another client', { sub: 'other' }, 'subject_other'],
    ['sub a list', { sub: [clientId] }, 'subject_other'],
    ['aud absent', { aud: undefined }, 'ok', 'audience_missing'],
    ['aud null', { aud: null }, 'audience_other'],
    ['aud empty', { aud: '' }, 'audience_other'],
    ['aud a token URL', { aud: audiences[1] }, 'ok'],
    ['aud the other token URL', { aud: audiences[2] }, 'ok'],
    ['aud with a slash behind it', { aud: `${ISSUER}/` }, 'audience_other'],
    ['aud another server', { aud: 'https://other.example' }, 'audience_other'],
    ['aud a list of ours', { aud: [ISSUER, audiences[1]] }, 'ok'],
    ['aud a list with a stranger', { aud: [ISSUER, 'https://other.example'] }, 'audience_other'],
    ['aud an empty list', { aud: [] }, 'audience_other'],
    ['aud a list of lists', { aud: [[ISSUER]] }, 'audience_other'],
    ['aud an object', { aud: { 0: ISSUER } }, 'audience_other'],
    ['iat absent', { iat: undefined }, 'ok'],
    ['iat and exp absent', { iat: undefined, exp: undefined }, 'expiry_invalid'],
    ['iat a text', { iat: String(seconds) }, 'issued_at_invalid'],
    ['iat null', { iat: null }, 'issued_at_invalid'],
    ['iat negative', { iat: -1 }, 'issued_at_invalid'],
    ['iat in milliseconds', { iat: NOW }, 'assertion_from_future'],
    ['iat 300 s old', { iat: seconds - 300 }, 'ok'],
    ['iat 309 s old', { iat: seconds - 309 }, 'ok'],
    ['iat 311 s old', { iat: seconds - 311 }, 'assertion_expired'],
    ['iat 9 s ahead', { iat: seconds + 9 }, 'ok'],
    ['iat 60 s ahead', { iat: seconds + 60 }, 'ok'],
    ['iat 61 s ahead', { iat: seconds + 61 }, 'assertion_from_future'],
    ['exp absent', { exp: undefined }, 'ok', 'expiry_invalid'],
    ['exp a text', { exp: '9999999999' }, 'expiry_invalid'],
    ['exp null', { exp: null }, 'expiry_invalid'],
    ['exp now', { exp: seconds }, 'assertion_expired'],
    ['exp 9 s ago', { exp: seconds - 9 }, 'assertion_expired'],
    ['exp in one second', { exp: seconds + 1 }, 'ok'],
    ['exp in parts of a second', { exp: seconds + 0.5 }, 'ok'],
    ['exp in an hour, with iat', { exp: seconds + 3600 }, 'ok'],
    ['exp in 360 s, without iat', { iat: undefined, exp: seconds + 360 }, 'ok'],
    ['exp in 361 s, without iat', { iat: undefined, exp: seconds + 361 }, 'life_too_long'],
    ['nbf 60 s ahead', { nbf: seconds + 60 }, 'ok'],
    ['nbf 61 s ahead', { nbf: seconds + 61 }, 'assertion_from_future'],
    ['nbf past', { nbf: seconds - 9999 }, 'ok'],
    ['nbf a text', { nbf: 'now' }, 'assertion_from_future'],
    ['jti absent', { jti: undefined }, 'ok', 'jti_invalid'],
    ['jti empty', { jti: '' }, 'jti_invalid'],
    ['jti of 255 characters', { jti: 'j'.repeat(255) }, 'ok'],
    ['jti of 256 characters', { jti: 'j'.repeat(256) }, 'jti_invalid'],
    ['jti of a megabyte', { jti: 'j'.repeat(2 ** 20) }, 'jti_invalid'],
    ['jti a number', { jti: 1 }, 'jti_invalid'],
    ['jti null', { jti: null }, 'jti_invalid'],
    ['a scope of its own', { scope: 'fhir:production', scopes: ['x'] }, 'ok'],
  ]
  test.each(rows)('with %s', (_, change, vendor, standard = vendor) => {
    expect([verdict(change, 'vendor'), verdict(change, 'standard')]).toEqual([vendor, standard])
  })

  test('end at exp, or 300 s and a grace of 10 s after iat', () => {
    const findEnd = (change: object) => {
      const result = judge(change, 'vendor')
      return result.ok ? result.value.endsAt - NOW : null
    }
    expect(findEnd({})).toBe(300_000)
    expect(findEnd({ exp: seconds + 3600 })).toBe(310_000)
    expect(findEnd({ exp: undefined })).toBe(310_000)
    expect(findEnd({ exp: undefined, iat: seconds - 100 })).toBe(210_000)
    expect(findEnd({ iat: undefined, exp: seconds + 77 })).toBe(77_000)
  })

  test('are accepted until their end and never after it, whatever they are', () => {
    const near = fc.double({ min: seconds - 1000, max: seconds + 1000, noNaN: true })
    const time = fc.option(near, { nil: undefined })
    fc.assert(
      fc.property(time, time, time, (iat, exp, nbf) => {
        const result = judge({ iat, exp, nbf }, 'vendor')
        if (!result.ok) return
        const { endsAt } = result.value
        expect(endsAt).toBeGreaterThan(NOW)
        expect(endsAt).toBeLessThanOrEqual(NOW + 370_000)
        expect(verdict({ iat, exp, nbf }, 'vendor', endsAt)).toBe('assertion_expired')
      }),
    )
  })

  test('are identified by their jti; without one, by what is signed', () => {
    const id = (change: object) => {
      const result = judge(change, 'vendor')
      return result.ok ? result.value.replayId : null
    }
    expect(id({})).toBe('one')
    expect(id({ jti: undefined })).toBe('head.body')
  })

  test('are judged without an error, whatever they are, in one short line', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...Object.keys(good), 'nbf'), fc.jsonValue()),
        (claims) => {
          const result = judge(claims, 'standard')
          if (result.ok) return
          expect(result.failure.detail).toMatch(/^[^\n]{1,300}$/)
        },
      ),
    )
  })
})

describe('the header of a client assertion', () => {
  const REGISTERED = 'https://client.example/jwks.json'
  const read = (change: object, profile: AssertionProfile, url: string | null = REGISTERED) => {
    const header = Object.fromEntries(
      Object.entries({ alg: 'RS384', kid: 'k1', ...change }).filter(([, v]) => v !== undefined),
    )
    const result = judgeAssertionHeader({ header }, profile, url)
    return result.ok ? 'ok' : result.failure.reason
  }

  test.each([
    ...ASSERTION_ALGORITHMS.map((alg) => [`alg ${alg}`, { alg }, 'ok'] as const),
    ...['none', 'None', 'HS256', 'HS384', 'HS512', 'RS1', 'ES256K', 'rs256', '', null, 1].map(
      (alg) => [`alg ${alg}`, { alg }, 'algorithm_refused'] as const,
    ),
    ['alg absent', { alg: undefined }, 'algorithm_refused'],
    ['kid absent', { kid: undefined }, 'kid_missing', 'ok'],
    ['kid empty', { kid: '' }, 'kid_missing'],
    ['kid a number', { kid: 7 }, 'kid_missing'],
    ['kid a path', { kid: '../../etc/passwd' }, 'ok'],
    ['kid very long', { kid: 'k'.repeat(1025) }, 'kid_missing'],
    ['typ JWT', { typ: 'JWT' }, 'ok'],
    ['typ in small letters', { typ: 'jwt' }, 'ok'],
    ['typ client-authentication+jwt', { typ: 'client-authentication+jwt' }, 'ok'],
    ['typ with application/', { typ: 'application/client-authentication+jwt' }, 'ok'],
    ['typ of an access token', { typ: 'at+jwt' }, 'type_refused'],
    ['typ of an id token', { typ: 'id+jwt' }, 'type_refused'],
    ['typ empty', { typ: '' }, 'type_refused'],
    ['typ null', { typ: null }, 'type_refused'],
    ['jku the registered URL', { jku: REGISTERED }, 'ok'],
    ['jku another URL', { jku: 'https://evil.example/jwks.json' }, 'jku_other'],
    ['jku the registered URL and more', { jku: `${REGISTERED}#` }, 'jku_other'],
    ['jku null', { jku: null }, 'jku_other'],
    ['a critical extension', { crit: ['exp'] }, 'extension_refused'],
    ['an empty list of extensions', { crit: [] }, 'extension_refused'],
    ['an unencoded payload', { b64: false, crit: ['b64'] }, 'extension_refused'],
    ['an unencoded payload, not critical', { b64: false }, 'extension_refused'],
    ['a key of its own', { jwk: { kty: 'RSA' }, x5u: 'https://evil.example' }, 'ok'],
  ] as [string, object, string, string?][])('with %s', (_, change, vendor, standard = vendor) => {
    expect([read(change, 'vendor'), read(change, 'standard')]).toEqual([vendor, standard])
  })

  test('with a jku is refused where the client has no URL', () => {
    expect(read({ jku: REGISTERED }, 'standard', null)).toBe('jku_other')
  })
})

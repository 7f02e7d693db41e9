import { describe, expect, test } from 'vitest'
import { DAY_MS, HOUR_MS } from '../../src/domain/instant.ts'
import {
  checkBrownout,
  isReady,
  isRetired,
  LEGACY_KEY_TYPES,
  MAX_BROWNOUTS,
  parseSunset,
  proposeBrownouts,
  type Sunset,
  toStoredUserAgent,
} from '../../src/domain/sunset.ts'

const NOW = Date.UTC(2026, 0, 2)
const PLAN: Sunset = {
  deprecatedAt: NOW,
  sunsetAt: NOW + 30 * DAY_MS,
  documentationUrl: 'https://clinic.example/move',
  brownouts: [],
}
const window = (fromHours: number, toHours: number) => ({
  startsAt: NOW + fromHours * HOUR_MS,
  endsAt: NOW + toHours * HOUR_MS,
})
const key = (sunset: Sunset | null) => ({ id: 'k1', sunset })

test('every key type is legacy but OAuth clients', () => {
  expect(LEGACY_KEY_TYPES).toEqual([
    'redox',
    'xenrad',
    'opendental',
    'opendental-portal',
    'xdent',
    'practice',
  ])
})

describe('a sunset', () => {
  test('is taken with its brownouts in order, and its URL as it is sent', () => {
    const plan = {
      ...PLAN,
      documentationUrl: ' https://Clinic.example/a b?<c>#"d" ',
      brownouts: [window(50, 51), window(1, 25), window(25, 26)],
    }
    expect(parseSunset(plan, NOW)).toEqual({
      ok: true,
      value: {
        ...PLAN,
        documentationUrl: 'https://clinic.example/a%20b?%3Cc%3E#%22d%22',
        brownouts: [window(1, 25), window(25, 26), window(50, 51)],
      },
    })
  })

  test.each<[string, Partial<Sunset>]>([
    ['deprecated before now', { deprecatedAt: 0 }],
    ['deprecated at its sunset', { deprecatedAt: PLAN.sunsetAt }],
    ['without a page', { documentationUrl: null }],
    ['with a brownout of a day until its sunset', { brownouts: [window(29 * 24, 30 * 24)] }],
  ])('is taken %s', (_, more) => {
    expect(parseSunset({ ...PLAN, ...more }, NOW)).toEqual({
      ok: true,
      value: { ...PLAN, ...more },
    })
  })

  test.each<[string, Partial<Sunset>, string]>([
    ['with a sunset that is now', { sunsetAt: NOW }, 'the sunset must be in the future'],
    ['with a sunset in the past', { sunsetAt: 0 }, 'the sunset must be in the future'],
    [
      'with a sunset before the deprecation',
      { deprecatedAt: PLAN.sunsetAt + 1 },
      'the sunset must not be before the deprecation',
    ],
    ['with an http URL', { documentationUrl: 'http://clinic.example' }, 'must be an https URL'],
    ['with no URL', { documentationUrl: 'clinic' }, 'must be an https URL'],
    ['with a script', { documentationUrl: 'javascript:alert(1)' }, 'must be an https URL'],
    ['with a password', { documentationUrl: 'https://a:b@c.example' }, 'must be an https URL'],
    [
      'with a long URL',
      { documentationUrl: `https://c.example/${'a'.repeat(1000)}` },
      'must not be longer than 1000 characters',
    ],
    ['with an empty brownout', { brownouts: [window(1, 1)] }, 'must end after it starts'],
    ['with a reversed brownout', { brownouts: [window(2, 1)] }, 'must end after it starts'],
    [
      'with a brownout of more than a day',
      { brownouts: [{ startsAt: NOW, endsAt: NOW + DAY_MS + 1 }] },
      'must not be longer than a day',
    ],
    [
      'with a brownout before the deprecation',
      { brownouts: [window(-1, 1)] },
      'must not start before the deprecation',
    ],
    [
      'with a brownout after the sunset',
      { brownouts: [window(30 * 24 - 1, 30 * 24 + 1)] },
      'must not end after the sunset',
    ],
    [
      'with brownouts that overlap, in any order',
      { brownouts: [window(3, 5), window(1, 4)] },
      'must not overlap another',
    ],
    ['with the same brownout twice', { brownouts: [window(1, 2), window(1, 2)] }, 'overlap'],
    [
      'with too many brownouts',
      { brownouts: Array.from({ length: MAX_BROWNOUTS + 1 }, (_, n) => window(n, n + 1)) },
      'a sunset has at most 50 brownouts',
    ],
  ])('is refused %s', (_, more, detail) => {
    expect(parseSunset({ ...PLAN, ...more }, NOW)).toMatchObject({
      ok: false,
      failure: { detail: expect.stringContaining(detail) },
    })
  })
})

describe('a brownout', () => {
  const sunset = { ...PLAN, brownouts: [window(1, 2), window(5, 6)] }
  test.each([
    [window(1, 2).startsAt - 1, null],
    [window(1, 2).startsAt, 3600],
    [window(1, 2).endsAt - 1000, 1],
    [window(1, 2).endsAt - 1, 1],
    [window(1, 2).endsAt, null],
    [window(5, 6).startsAt + 1, 3600],
  ])('at %d refuses for %s seconds', (now, retryAfterSeconds) => {
    const failure = { reason: 'brownout', keyId: 'k1', retryAfterSeconds }
    expect(checkBrownout(key(sunset), now)).toEqual(
      retryAfterSeconds === null ? { ok: true, value: key(sunset) } : { ok: false, failure },
    )
  })

  test('refuses no key without a sunset', () => {
    expect(checkBrownout(key(null), NOW).ok).toBe(true)
  })
})

test('a key is retired from its sunset on, and never without one', () => {
  expect(isRetired(key(PLAN), PLAN.sunsetAt - 1)).toBe(false)
  expect(isRetired(key(PLAN), PLAN.sunsetAt)).toBe(true)
  expect(isRetired(key(null), PLAN.sunsetAt)).toBe(false)
})

test.each([
  [null, false],
  [NOW - 7 * DAY_MS, false],
  [NOW - 7 * DAY_MS + 1, true],
  [NOW, true],
  [NOW + 60_000, true],
  // Written by a fast clock.
  [NOW + 60_001, false],
])('OAuth last used at %s makes a key ready: %s', (lastOAuthUseAt, expected) => {
  expect(isReady(lastOAuthUseAt, NOW)).toBe(expected)
})

describe('the proposed brownouts', () => {
  test('are valid, and longer as the sunset comes closer', () => {
    const dates = { deprecatedAt: NOW, sunsetAt: NOW + 60 * DAY_MS }
    const brownouts = proposeBrownouts(dates, NOW)
    expect(
      brownouts.map(({ startsAt, endsAt }) => [
        (dates.sunsetAt - startsAt) / DAY_MS,
        (endsAt - startsAt) / HOUR_MS,
      ]),
    ).toEqual([
      [28, 0.25],
      [14, 1],
      [7, 4],
      [2, 12],
    ])
    expect(parseSunset({ ...PLAN, ...dates, brownouts }, NOW).ok).toBe(true)
  })

  test.each([0, 1, 2, 3, 7, 10, 14, 28, 29])(
    'are those that are ahead and after the deprecation, %d days before the sunset',
    (days) => {
      const sunsetAt = NOW + days * DAY_MS + 1
      for (const deprecatedAt of [0, NOW, sunsetAt]) {
        const brownouts = proposeBrownouts({ deprecatedAt, sunsetAt }, NOW)
        expect(parseSunset({ ...PLAN, deprecatedAt, sunsetAt, brownouts }, NOW).ok).toBe(true)
        expect(brownouts.every(({ startsAt }) => startsAt > NOW)).toBe(true)
      }
    },
  )
})

test.each([
  ['vendor/1.0 (it\'s "so")', 'vendor/1.0 (it\'s "so")'],
  ['a'.repeat(500), 'a'.repeat(200)],
  ['', null],
  [undefined, null],
  [null, null],
  ['a\tb', null],
  ['a\u0000', null],
  ['ä', null],
])('the User-Agent %j is stored as %j', (text, stored) => {
  expect(toStoredUserAgent(text)).toBe(stored)
})

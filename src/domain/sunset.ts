import { fail, ok, type Result } from './failure.ts'
import { DAY_MS, HOUR_MS, isWithinLast } from './instant.ts'
import { KEY_TYPE_NAMES, type KeyType } from './key-type.ts'

/** The key types that OAuth replaces. */
export type LegacyKeyType = Exclude<KeyType, 'oauth'>

export const LEGACY_KEY_TYPES = KEY_TYPE_NAMES.filter(
  (keyType): keyType is LegacyKeyType => keyType !== 'oauth',
)

/** An announced window in which keys are refused, so that users who have not moved notice in time. */
export interface Brownout {
  readonly startsAt: number
  readonly endsAt: number
}

/** The times at which keys are deprecated, browned out and retired, by the server's clock (epoch ms). */
export interface Sunset {
  readonly deprecatedAt: number
  /** The keys are refused from this time on. */
  readonly sunsetAt: number
  /** A page for the users of the keys; null if there is none. */
  readonly documentationUrl: string | null
  /** In order, without overlaps. */
  readonly brownouts: readonly Brownout[]
}

/** The part of a key that its retirement is judged by. */
interface RetirableKey {
  readonly id: string
  readonly sunset: Sunset | null
}

export const isRetired = ({ sunset }: RetirableKey, now: number): boolean =>
  sunset !== null && now >= sunset.sunsetAt

/**
 * Checks that no brownout refuses the key at this time. Only for callers who have proven the key: others
 * must not learn of its sunset.
 */
export function checkBrownout<Key extends RetirableKey>(
  key: Key,
  now: number,
): Result<Key, { reason: 'brownout'; keyId: string; retryAfterSeconds: number }> {
  if (key.sunset === null) return ok(key)
  const brownout = key.sunset.brownouts.find(
    ({ startsAt, endsAt }) => now >= startsAt && now < endsAt,
  )
  if (brownout === undefined) return ok(key)
  const retryAfterSeconds = Math.ceil((brownout.endsAt - now) / 1000)
  return fail({ reason: 'brownout', keyId: key.id, retryAfterSeconds })
}

/** The time in which a client must have used OAuth for a key to be ready for its retirement. */
export const READY_WINDOW_MS = 7 * DAY_MS

/** True if OAuth was used recently for all that the key is for. */
export const isReady = (lastOAuthUseAt: number | null, now: number): boolean =>
  lastOAuthUseAt !== null && isWithinLast(READY_WINDOW_MS, lastOAuthUseAt, now)

export const MAX_BROWNOUTS = 50
export const MAX_BROWNOUT_MS = DAY_MS
const MAX_DOCUMENTATION_URL_LENGTH = 1000

/** An error in a sunset, or in one of its brownouts. */
export interface SunsetProblem {
  readonly detail: string
  readonly field: 'sunsetAt' | 'documentationUrl' | 'brownouts'
  readonly brownout: Brownout | null
}

const failSunset = (
  field: SunsetProblem['field'],
  detail: string,
  brownout: Brownout | null = null,
) => fail<SunsetProblem>({ detail, field, brownout })

/** Returns the sunset with its brownouts in order and its URL as it is sent, or what is wrong with it. */
export function parseSunset(sunset: Sunset, now: number): Result<Sunset, SunsetProblem> {
  const { deprecatedAt, sunsetAt } = sunset
  if (sunsetAt <= now) return failSunset('sunsetAt', 'the sunset must be in the future')
  if (sunsetAt < deprecatedAt)
    return failSunset('sunsetAt', 'the sunset must not be before the deprecation')
  const documentationUrl = parseDocumentationUrl(sunset.documentationUrl)
  if (!documentationUrl.ok) return documentationUrl
  if (sunset.brownouts.length > MAX_BROWNOUTS) {
    return failSunset('brownouts', `a sunset has at most ${MAX_BROWNOUTS} brownouts`)
  }
  const brownouts = [...sunset.brownouts].sort((a, b) => a.startsAt - b.startsAt)
  for (const [n, brownout] of brownouts.entries()) {
    const problem = findBrownoutProblem(brownout, brownouts[n - 1], sunset)
    if (problem !== null) return failSunset('brownouts', problem, brownout)
  }
  return ok({ deprecatedAt, sunsetAt, documentationUrl: documentationUrl.value, brownouts })
}

function findBrownoutProblem(
  { startsAt, endsAt }: Brownout,
  previous: Brownout | undefined,
  { deprecatedAt, sunsetAt }: Sunset,
): string | null {
  if (endsAt <= startsAt) return 'must end after it starts'
  if (endsAt - startsAt > MAX_BROWNOUT_MS) return 'must not be longer than a day'
  if (startsAt < deprecatedAt) return 'must not start before the deprecation'
  if (endsAt > sunsetAt) return 'must not end after the sunset'
  return previous !== undefined && startsAt < previous.endsAt ? 'must not overlap another' : null
}

/** A URL as `URL` writes it has only characters that a header field may have, and no angle bracket. */
function parseDocumentationUrl(text: string | null): Result<string | null, SunsetProblem> {
  if (text === null) return ok(null)
  const url = URL.parse(text)
  if (url?.protocol !== 'https:' || url.username !== '' || url.password !== '') {
    return failSunset('documentationUrl', 'the documentation must be an https URL')
  }
  return url.href.length > MAX_DOCUMENTATION_URL_LENGTH
    ? failSunset(
        'documentationUrl',
        `the URL of the documentation must not be longer than ${MAX_DOCUMENTATION_URL_LENGTH} characters`,
      )
    : ok(url.href)
}

/** Longer as the sunset comes closer, so that each is noticed by users who missed the one before. */
const PROPOSED_BROWNOUTS = [
  { daysBefore: 28, ms: HOUR_MS / 4 },
  { daysBefore: 14, ms: HOUR_MS },
  { daysBefore: 7, ms: 4 * HOUR_MS },
  { daysBefore: 2, ms: 12 * HOUR_MS },
]

/** Proposes brownouts before a sunset: those that are still ahead. */
export const proposeBrownouts = (
  { deprecatedAt, sunsetAt }: Pick<Sunset, 'deprecatedAt' | 'sunsetAt'>,
  now: number,
): Brownout[] =>
  PROPOSED_BROWNOUTS.map(({ daysBefore, ms }) => {
    const startsAt = sunsetAt - daysBefore * DAY_MS
    return { startsAt, endsAt: startsAt + ms }
  }).filter(({ startsAt }) => startsAt > now && startsAt >= deprecatedAt)

const MAX_USER_AGENT_LENGTH = 200

/** Shortens a User-Agent for storage; null if it is absent or is not printable ASCII. */
export const toStoredUserAgent = (text: string | null | undefined): string | null =>
  text && /^[\x20-\x7e]+$/.test(text) ? text.slice(0, MAX_USER_AGENT_LENGTH) : null

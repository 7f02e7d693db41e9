import { fail, ok, type Result } from './failure.ts'

/*
 * The judgement of a client assertion (RFC 7523 §3; SMART App Launch 2.2, "Client Authentication:
 * Asymmetric"). The client signs one for each token request, with a registered key. Fields come from a
 * parsed, unverified JWT, so their types are unknown.
 */

/** The endpoint decides between two columns of rules: the vendor's documentation, and the standards'. */
export type AssertionProfile = 'vendor' | 'standard'

/** The reason for which an assertion is refused. `detail` is for the operator, never for the caller. */
export interface AssertionFailure {
  readonly reason: AssertionReason
  readonly detail: string
}

export type AssertionReason =
  /** It is not a signed JWT. */
  | 'assertion_malformed'
  | 'algorithm_refused'
  | 'kid_missing'
  | 'type_refused'
  /** `jku` is not the registered URL. */
  | 'jku_other'
  | 'extension_refused'
  | 'issuer_other'
  | 'subject_other'
  | 'audience_missing'
  | 'audience_other'
  | 'issued_at_invalid'
  | 'expiry_invalid'
  /** Its life is over: by `exp`, or 300 seconds after `iat`. */
  | 'assertion_expired'
  | 'assertion_from_future'
  /** Without `iat`, `exp` bounds its life, and is too far ahead. */
  | 'life_too_long'
  | 'jti_invalid'
  /** No registered key has this kid, or no key without one fits. */
  | 'key_unknown'
  | 'key_ambiguous'
  /** The key was found, and must not be used. */
  | 'key_refused'
  | 'key_set_unreachable'
  | 'key_set_invalid'
  | 'signature_wrong'
  | 'assertion_repeated'

export const failAssertion = (reason: AssertionReason, detail: string) =>
  fail<AssertionFailure>({ reason, detail })

/** The signature algorithms of RFC 7518, RFC 8037 and RFC 9864 that rest on a key pair. */
export const ASSERTION_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const
export type AssertionAlgorithm = (typeof ASSERTION_ALGORITHMS)[number]

export interface ParsedAssertion {
  readonly header: Readonly<Record<string, unknown>>
  readonly claims: Readonly<Record<string, unknown>>
  /** The signed text: header and payload. */
  readonly signingInput: string
  readonly text: string
}

/** The part of a header that selects a key. */
export interface AssertionKeyHint {
  readonly algorithm: AssertionAlgorithm
  /** Null where the profile lets a client leave it out. */
  readonly kid: string | null
}

const IAT_LIFE_SECONDS = 300
/** Covers the way of a request and clocks that are slow. */
const IAT_GRACE_SECONDS = 10
const MAX_SECONDS_AHEAD = 60
const MAX_JTI_LENGTH = 255
const MAX_KID_LENGTH = 1024
const ASSERTION_TYPES = ['jwt', 'client-authentication+jwt']

/** Judges the header, and returns what selects the key. `jwk`, `x5c` and `x5u` in it are never used. */
export function judgeAssertionHeader(
  { header }: Pick<ParsedAssertion, 'header'>,
  profile: AssertionProfile,
  registeredUrl: string | null,
): Result<AssertionKeyHint, AssertionFailure> {
  const { alg, kid, typ, jku } = header
  const algorithm = ASSERTION_ALGORITHMS.find((known) => known === alg)
  if (algorithm === undefined) {
    return failAssertion('algorithm_refused', `its algorithm is ${quote(alg)}`)
  }
  // RFC 7515 §4.1.11: an extension that is not understood must refuse the token.
  if ('crit' in header || 'b64' in header) {
    return failAssertion('extension_refused', 'it has a critical extension')
  }
  if (typ !== undefined && !isAssertionType(typ)) {
    return failAssertion('type_refused', `its type is ${quote(typ)}`)
  }
  if (jku !== undefined && jku !== registeredUrl) {
    return failAssertion('jku_other', `its jku is ${quote(jku)}, not the registered URL`)
  }
  if (kid === undefined && profile === 'standard') return ok({ algorithm, kid: null })
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) {
    return failAssertion('kid_missing', kid === undefined ? 'it has no kid' : 'its kid is no name')
  }
  return ok({ algorithm, kid })
}

/** RFC 7515 §4.1.9: a media type, of which `application/` may be left out, in any case. */
const isAssertionType = (typ: unknown): boolean =>
  typeof typ === 'string' &&
  ASSERTION_TYPES.includes(typ.toLowerCase().replace(/^application\//, ''))

export interface AssertionExpectations {
  readonly profile: AssertionProfile
  /** The client that is registered under the id that the assertion names. */
  readonly clientId: string
  /** Every `aud` that is this server: the issuer, and the URLs of the endpoints that take assertions here. */
  readonly audiences: readonly string[]
  readonly now: number
}

/** The facts that a replay check needs. */
export interface JudgedAssertion {
  /** Identifies the assertion among those of its client. Store its hash. */
  readonly replayId: string
  /** The assertion is refused from this instant on (epoch ms). */
  readonly endsAt: number
}

/** Judges the claims. Their signature must be verified too, in any order. */
export function judgeAssertionClaims(
  { claims, signingInput }: Pick<ParsedAssertion, 'claims' | 'signingInput'>,
  expectations: AssertionExpectations,
): Result<JudgedAssertion, AssertionFailure> {
  const { profile, clientId, audiences, now } = expectations
  const { iss, sub, aud, jti } = claims
  if (iss !== clientId) return failAssertion('issuer_other', `its iss is ${quote(iss)}`)
  if (sub !== clientId)
    return failAssertion('subject_other', `its sub is ${quote(sub)}, but its iss is ${quote(iss)}`)
  if (aud === undefined) {
    if (profile === 'standard') return failAssertion('audience_missing', 'it has no aud')
  } else if (!isOwnAudience(aud, audiences)) {
    return failAssertion('audience_other', `its aud is ${quote(aud)}, expected ${audiences[0]}`)
  }
  const life = judgeLife(claims, profile, now)
  if (!life.ok) return life
  // The signature is not part of the id: an ECDSA signature can be rewritten without the key.
  if (jti === undefined && profile === 'vendor') {
    return ok({ replayId: signingInput, endsAt: life.value })
  }
  if (typeof jti !== 'string' || jti.length < 1 || jti.length > MAX_JTI_LENGTH) {
    return failAssertion(
      'jti_invalid',
      jti === undefined
        ? 'it has no jti'
        : `its jti is no text of 1 to ${MAX_JTI_LENGTH} characters`,
    )
  }
  return ok({ replayId: jti, endsAt: life.value })
}

/** Every member must be this server, so that an assertion for several recipients works at none but us. */
function isOwnAudience(aud: unknown, audiences: readonly string[]): boolean {
  const members: readonly unknown[] = Array.isArray(aud) ? aud : [aud]
  return (
    members.length > 0 &&
    members.every((member) => typeof member === 'string' && audiences.includes(member))
  )
}

/** Returns the end of the assertion's life (epoch ms), if it lives. */
function judgeLife(
  { iat, exp, nbf }: Readonly<Record<string, unknown>>,
  profile: AssertionProfile,
  now: number,
): Result<number, AssertionFailure> {
  if (iat !== undefined && !isNumericDate(iat)) {
    return failAssertion('issued_at_invalid', `its iat is ${quote(iat)}, not seconds`)
  }
  if (exp !== undefined && !isNumericDate(exp)) {
    return failAssertion('expiry_invalid', `its exp is ${quote(exp)}, not seconds`)
  }
  if (exp === undefined && profile === 'standard') {
    return failAssertion('expiry_invalid', 'it has no exp')
  }
  if (nbf !== undefined && !isNumericDate(nbf)) {
    return failAssertion('assertion_from_future', `its nbf is ${quote(nbf)}, not seconds`)
  }
  const seconds = now / 1000
  const ahead = Math.max(iat ?? 0, nbf ?? 0) - seconds
  if (ahead > MAX_SECONDS_AHEAD) {
    return failAssertion('assertion_from_future', `it begins ${Math.ceil(ahead)} s from now`)
  }
  if (iat === undefined) {
    if (exp === undefined) return failAssertion('expiry_invalid', 'it has neither iat nor exp')
    if (exp - seconds > IAT_LIFE_SECONDS + MAX_SECONDS_AHEAD) {
      return failAssertion(
        'life_too_long',
        `it has no iat, and ends in ${Math.ceil(exp - seconds)} s`,
      )
    }
  }
  const ends = Math.min(
    exp ?? Number.POSITIVE_INFINITY,
    iat === undefined ? Number.POSITIVE_INFINITY : iat + IAT_LIFE_SECONDS + IAT_GRACE_SECONDS,
  )
  if (seconds >= ends) {
    return failAssertion('assertion_expired', `it ended ${Math.floor(seconds - ends)} s ago`)
  }
  return ok(Math.ceil(ends * 1000))
}

/** RFC 7519 §2: seconds, of which there may be parts. */
const isNumericDate = (value: unknown): value is number =>
  typeof value === 'number' && Number.isFinite(value) && value >= 0

const MAX_LEVELS = 16

/** Tests if a parsed JSON value nests few enough objects and lists to be walked and quoted. */
export const isShallow = (value: unknown, levels = MAX_LEVELS): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((member) => isShallow(member, levels - 1)))

const MAX_QUOTED_LENGTH = 200

/** Shows an unknown value to the operator: one line, and not long. */
function quote(value: unknown): string {
  if (value === undefined) return 'absent'
  const text = JSON.stringify(value)
  return text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`
}

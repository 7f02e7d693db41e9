import {
  ASSERTION_ALGORITHMS,
  type AssertionAlgorithm,
  type AssertionFailure,
  type AssertionKeyHint,
  failAssertion,
  isShallow,
} from './client-assertion.ts'
import { ok, type Result } from './failure.ts'

/*
 * The JWK Set of a client (RFC 7517), and the choice of the key that an assertion was signed with. A key
 * that must not be used does not hide the others, so that a rotation with one mistake ends nothing.
 */

/** A public key that may verify assertions. */
export interface ClientKey {
  readonly kid: string | null
  /** The key type with its curve or length, for the operator. */
  readonly type: string
  readonly algorithms: readonly AssertionAlgorithm[]
  /** Only the members that make the public key. */
  readonly jwk: Readonly<Record<string, string>>
}

export interface RefusedKey {
  readonly kid: string | null
  readonly type: string
  /** Completes "the key …". */
  readonly why: string
}

export interface ClientKeySet {
  readonly keys: readonly ClientKey[]
  readonly refused: readonly RefusedKey[]
}

const MAX_KEYS_PER_SET = 50
const MIN_RSA_BITS = 2048
/** Bounds the work of one verification. */
const MAX_RSA_BITS = 8192
const MAX_RSA_EXPONENT_BYTES = 4
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const RSA_ALGORITHMS = ASSERTION_ALGORITHMS.filter((name) => /^[RP]S/.test(name))
/** RFC 9864 §2.2: two names of one algorithm. Clients send the one or the other. */
const ED25519_ALGORITHMS: readonly AssertionAlgorithm[] = ['EdDSA', 'Ed25519']

/** RFC 7518 §3.4 and RFC 8037 §3.1: one algorithm for each curve, with the length of a coordinate. */
const CURVES: Readonly<
  Record<
    string,
    { kty: string; algorithms: readonly AssertionAlgorithm[]; bytes: number; members: string[] }
  >
> = {
  'P-256': { kty: 'EC', algorithms: ['ES256'], bytes: 32, members: ['x', 'y'] },
  'P-384': { kty: 'EC', algorithms: ['ES384'], bytes: 48, members: ['x', 'y'] },
  'P-521': { kty: 'EC', algorithms: ['ES512'], bytes: 66, members: ['x', 'y'] },
  Ed25519: { kty: 'OKP', algorithms: ED25519_ALGORITHMS, bytes: 32, members: ['x'] },
}

/** Reads a parsed JWK Set. Fails only if it is none. */
export function readClientKeySet(value: unknown): Result<ClientKeySet, AssertionFailure> {
  const entries = isObject(value) ? value.keys : undefined
  if (!Array.isArray(entries)) {
    return failAssertion('key_set_invalid', 'it is no JWK Set: an object with a list `keys`')
  }
  if (!isShallow(entries)) return failAssertion('key_set_invalid', 'it is nested too deeply')
  if (entries.length > MAX_KEYS_PER_SET) {
    return failAssertion('key_set_invalid', `it has more than ${MAX_KEYS_PER_SET} keys`)
  }
  const keys: ClientKey[] = []
  const refused: RefusedKey[] = []
  for (const entry of entries) {
    const key = readKey(entry)
    if ('why' in key) refused.push(key)
    else if (isRepeated(entry, entries)) {
      refused.push({ ...key, why: 'has the kid and the type of another key' })
    } else keys.push(key)
  }
  return ok({ keys, refused })
}

/** Judges a set that is stored here: every key in it must be usable. */
export function readPastedKeySet(value: unknown): Result<ClientKeySet, AssertionFailure> {
  const set = readClientKeySet(value)
  if (!set.ok) return set
  const [refused] = set.value.refused
  if (refused !== undefined) {
    return failAssertion('key_set_invalid', `the key ${describeKid(refused)} ${refused.why}`)
  }
  if (set.value.keys.length === 0) return failAssertion('key_set_invalid', 'it has no key')
  return set
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function isRepeated(entry: unknown, entries: readonly unknown[]): boolean {
  const isSame = (other: unknown) =>
    isObject(entry) && isObject(other) && other.kid === entry.kid && other.kty === entry.kty
  const hasKid = isObject(entry) && entry.kid !== undefined
  return hasKid && entries.filter(isSame).length > 1
}

function readKey(entry: unknown): ClientKey | RefusedKey {
  if (!isObject(entry)) return { kid: null, type: '?', why: 'is no object' }
  const kid = typeof entry.kid === 'string' ? toLine(entry.kid) : null
  const material = readMaterial(entry)
  const type = 'why' in material ? toLine(entry.crv ?? entry.kty) : material.type
  const why = findUsageProblem(entry) ?? ('why' in material ? material.why : null)
  if (why !== null || 'why' in material) return { kid, type, why: why ?? '' }
  const { alg } = entry
  const algorithms = material.algorithms.filter(
    (name) => alg === undefined || name === alg || isEd25519(name, alg),
  )
  if (algorithms.length === 0) {
    return { kid, type, why: `is for the algorithm ${toLine(alg)}, which does not fit it` }
  }
  return { kid: kid === null ? null : (entry.kid as string), type, algorithms, jwk: material.jwk }
}

const isEd25519 = (...names: readonly unknown[]): boolean =>
  names.every((name) => ED25519_ALGORITHMS.some((known) => known === name))

/** Finds what forbids a key that may be well formed. */
function findUsageProblem(entry: Readonly<Record<string, unknown>>): string | null {
  const { kid, use, key_ops: operations } = entry
  if (PRIVATE_MEMBERS.some((member) => member in entry)) {
    return 'has private members, with which every reader can sign: replace it'
  }
  if (kid !== undefined && (typeof kid !== 'string' || kid === ''))
    return 'has a kid that is no name'
  if (use !== undefined && use !== 'sig') return `is for the use ${toLine(use)}, not sig`
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return 'has key_ops without verify'
  }
  return null
}

type KeyMaterial = Pick<ClientKey, 'type' | 'algorithms' | 'jwk'> | { readonly why: string }

function readMaterial(entry: Readonly<Record<string, unknown>>): KeyMaterial {
  const { kty, crv } = entry
  if (kty === 'RSA') return readRsaKey(entry)
  const curve = typeof crv === 'string' && Object.hasOwn(CURVES, crv) ? CURVES[crv] : undefined
  if (kty !== 'EC' && kty !== 'OKP') return { why: 'has a type that cannot sign assertions' }
  if (typeof crv !== 'string' || curve?.kty !== kty) {
    return { why: 'has a curve that cannot sign assertions' }
  }
  const jwk: Record<string, string> = { kty, crv }
  for (const member of curve.members) {
    const text = entry[member]
    if (typeof text !== 'string' || decodeBase64url(text)?.length !== curve.bytes) {
      return { why: `has no ${member} of ${curve.bytes} bytes` }
    }
    jwk[member] = text
  }
  return { type: crv, algorithms: curve.algorithms, jwk }
}

function readRsaKey({ n, e }: Readonly<Record<string, unknown>>): KeyMaterial {
  const modulus = typeof n === 'string' ? decodeBase64url(n) : null
  const exponent = typeof e === 'string' ? decodeBase64url(e) : null
  if (modulus === null || exponent === null) return { why: 'has no n and e in base64url' }
  const bits = countBits(modulus)
  if (bits < MIN_RSA_BITS) return { why: `has ${bits} bits, fewer than ${MIN_RSA_BITS}` }
  if (bits > MAX_RSA_BITS) return { why: `has ${bits} bits, more than ${MAX_RSA_BITS}` }
  const isOdd = (exponent.at(-1)?.charCodeAt(0) ?? 0) % 2 === 1
  if (exponent.length > MAX_RSA_EXPONENT_BYTES || countBits(exponent) < 2 || !isOdd) {
    return { why: 'has an exponent that is not in use' }
  }
  return {
    type: `RSA ${bits}`,
    algorithms: RSA_ALGORITHMS,
    jwk: { kty: 'RSA', n: n as string, e: e as string },
  }
}

/** Returns a character for each byte; null for text that is not canonical base64url (RFC 7515 §2). */
function decodeBase64url(text: string): string | null {
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return null
  return atob(text.replaceAll('-', '+').replaceAll('_', '/'))
}

/** The length of a big-endian number without its leading zeros. */
function countBits(bytes: string): number {
  const start = [...bytes].findIndex((byte) => byte !== '\0')
  if (start === -1) return 0
  const first = bytes.charCodeAt(start)
  return (bytes.length - start - 1) * 8 + (32 - Math.clz32(first))
}

/** Chooses the key that an assertion says it was signed with. */
export function selectClientKey(
  { keys, refused }: ClientKeySet,
  { algorithm, kid }: AssertionKeyHint,
): Result<ClientKey, AssertionFailure> {
  if (kid === null) {
    const fitting = keys.filter(({ algorithms }) => algorithms.includes(algorithm))
    const [only] = fitting
    if (only === undefined) {
      return failAssertion('key_unknown', `it has no kid, and no key fits ${algorithm}`)
    }
    if (fitting.length === 1) return ok(only)
    const detail = `it has no kid, and ${fitting.length} keys fit ${algorithm}`
    return failAssertion('key_ambiguous', detail)
  }
  const named = keys.filter((key) => key.kid === kid)
  const fitting = named.find(({ algorithms }) => algorithms.includes(algorithm))
  if (fitting !== undefined) return ok(fitting)
  const name = describeKid({ kid })
  const [other] = named
  if (other !== undefined) {
    return failAssertion('key_refused', `the key ${name} (${other.type}) does not fit ${algorithm}`)
  }
  const unusable = refused.find((key) => key.kid === toLine(kid))
  return unusable === undefined
    ? failAssertion('key_unknown', `no key has the kid ${name}`)
    : failAssertion('key_refused', `the key ${name} ${unusable.why}`)
}

const describeKid = ({ kid }: Pick<RefusedKey, 'kid'>): string =>
  kid === null ? 'without a kid' : JSON.stringify(toLine(kid))

const MAX_LINE_LENGTH = 100

/** A stranger's value, for one line on the operator's screen. */
function toLine(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'absent')
  return text.slice(0, MAX_LINE_LENGTH).replace(/[^\x20-\x7e]/g, '?')
}

/** The time that a set may be used without asking again: 5 minutes if the response does not say. */
const DEFAULT_CACHE_SECONDS = 300
const MAX_CACHE_SECONDS = 3600

/** Reads how long a response stays fresh (RFC 9111 §4.2.1), at most an hour. */
export function readCacheSeconds(
  cacheControl: string | undefined,
  age: string | undefined,
): number {
  const directives = (cacheControl ?? '')
    .toLowerCase()
    .split(',')
    .map((part) => part.trim())
  if (directives.some((name) => /^no-(store|cache)\b/.test(name))) return 0
  const maxAge = directives.flatMap((name) => /^max-age="?(\d{1,12})"?$/.exec(name)?.[1] ?? [])[0]
  if (maxAge === undefined) return DEFAULT_CACHE_SECONDS
  const elapsed = /^\d{1,12}$/.test(age ?? '') ? Number(age) : 0
  return Math.min(Math.max(Number(maxAge) - elapsed, 0), MAX_CACHE_SECONDS)
}

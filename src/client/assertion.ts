import type {
  AssertionSigner,
  PrivateKeyCredentials,
  SignerCredentials,
  WebCryptoKey,
} from './credentials.ts'
import { TokenError } from './token-error.ts'

/** Servers refuse an `iat` in the future, and know this machine's clock no better than we know theirs. */
const BACKDATE_SECONDS = 5
/** The longest that SMART and the vendors allow. */
const LIFETIME_SECONDS = 300

interface Signer {
  readonly algorithm: string
  readonly sign: AssertionSigner
}

/** Creates a function that signs client assertions (RFC 7523). It imports a private key once. */
export function createAssertionSigner(
  credentials: PrivateKeyCredentials | SignerCredentials,
  audience: string,
): (now: number) => Promise<string> {
  const { clientId, keyId } = credentials
  let signer: Promise<Signer> | undefined
  return async (now) => {
    signer ??= 'sign' in credentials ? Promise.resolve(credentials) : importSigner(credentials)
    const { algorithm, sign } = await signer
    const iat = Math.floor(now / 1000) - BACKDATE_SECONDS
    const header = { alg: algorithm, typ: 'JWT', kid: keyId }
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: audience,
      iat,
      exp: iat + LIFETIME_SECONDS,
      jti: crypto.randomUUID(),
    }
    const text = [header, claims].map((part) => encodeBase64Url(toBytes(JSON.stringify(part))))
    const input = text.join('.')
    const signature = await sign(toBytes(input))
    return `${input}.${encodeBase64Url(toRawSignature(signature, algorithm))}`
  }
}

const toBytes = (text: string) => new TextEncoder().encode(text)

const encodeBase64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

const HASHES: Readonly<Record<string, string>> = { 256: 'SHA-256', 384: 'SHA-384', 512: 'SHA-512' }
const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }
const ALGORITHM_BY_CURVE: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
}
/** The algorithm of RSA keys that the vendors document. */
const RSA_ALGORITHM = 'RS384'

/** Returns the parameters of WebCrypto for an algorithm of JOSE (RFC 7518 §3, RFC 8037). */
function findParameters(algorithm: string) {
  const hash = HASHES[algorithm.slice(2)] ?? ''
  const name = { RS: 'RSASSA-PKCS1-v1_5', PS: 'RSA-PSS', ES: 'ECDSA' }[algorithm.slice(0, 2)]
  if (algorithm === 'EdDSA') return { name: 'Ed25519' }
  if (name === undefined || hash === '') {
    throw new TokenError('invalid_options', `${algorithm} is no algorithm for client assertions.`)
  }
  const saltLength = Number(algorithm.slice(2)) / 8
  return { name, hash, namedCurve: CURVES[algorithm] ?? '', saltLength }
}

async function importSigner({
  privateKey,
  ...credentials
}: PrivateKeyCredentials): Promise<Signer> {
  const algorithm = credentials.algorithm ?? findAlgorithm(privateKey)
  const parameters = findParameters(algorithm)
  const key = await importKey(privateKey, parameters)
  return {
    algorithm,
    sign: async (data) =>
      new Uint8Array(await crypto.subtle.sign(parameters, key, data as Uint8Array<ArrayBuffer>)),
  }
}

async function importKey(
  privateKey: PrivateKeyCredentials['privateKey'],
  parameters: ReturnType<typeof findParameters>,
): Promise<CryptoKey> {
  if (isCryptoKey(privateKey)) return privateKey as CryptoKey
  try {
    return typeof privateKey === 'string'
      ? await crypto.subtle.importKey('pkcs8', readPem(privateKey), parameters, false, ['sign'])
      : // Members such as use and key_ops may not fit WebCrypto, and nothing here needs them.
        await crypto.subtle.importKey('jwk', toPlainJwk(privateKey), parameters, false, ['sign'])
  } catch (error) {
    if (error instanceof TokenError) throw error
    // The error of the runtime is left out: it might quote the key.
    throw new TokenError('invalid_options', 'The private key cannot be read.')
  }
}

const isCryptoKey = (key: PrivateKeyCredentials['privateKey']): key is WebCryptoKey =>
  typeof key === 'object' && Object.prototype.toString.call(key) === '[object CryptoKey]'

const toPlainJwk = (jwk: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(
    Object.entries(jwk).filter(([name]) => !['alg', 'use', 'key_ops', 'kid', 'ext'].includes(name)),
  )

function readPem(text: string): Uint8Array<ArrayBuffer> {
  const match = /-----BEGIN ([A-Z ]+)-----([^-]+)-----END \1-----/.exec(text)
  if (match?.[1] !== 'PRIVATE KEY') {
    throw new TokenError(
      'invalid_options',
      `The private key is ${match === null ? 'no PEM text' : `a ${match[1]}`}.`,
      { advice: 'Convert it: openssl pkcs8 -topk8 -nocrypt -in key.pem.' },
    )
  }
  return Uint8Array.from(atob((match[2] ?? '').replace(/\s/g, '')), (byte) => byte.charCodeAt(0))
}

/** Object identifiers of keys, in DER (RFC 5480 §2.1.1, RFC 8410 §3). */
const CURVE_OIDS: Readonly<Record<string, string>> = {
  '2a8648ce3d030107': 'P-256',
  '2b81040022': 'P-384',
  '2b81040023': 'P-521',
  '2b6570': 'Ed25519',
}
/** Version, algorithm and parameters of PKCS #8 are in the first bytes, before the key itself. */
const PKCS8_HEADER_BYTES = 32

function findAlgorithm(key: PrivateKeyCredentials['privateKey']): string {
  if (isCryptoKey(key)) {
    const { name, namedCurve, hash } = key.algorithm as {
      name: string
      namedCurve?: string
      hash?: { name: string }
    }
    const family = { 'RSASSA-PKCS1-v1_5': 'RS', 'RSA-PSS': 'PS' }[name]
    if (family !== undefined) return `${family}${hash?.name.slice(-3)}`
    return ALGORITHM_BY_CURVE[namedCurve ?? name] ?? name
  }
  if (typeof key !== 'string') {
    return String(key.alg ?? ALGORITHM_BY_CURVE[String(key.crv)] ?? RSA_ALGORITHM)
  }
  const header = [...readPem(key).subarray(0, PKCS8_HEADER_BYTES)]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  const [, curve] = Object.entries(CURVE_OIDS).find(([oid]) => header.includes(oid)) ?? []
  return ALGORITHM_BY_CURVE[curve ?? ''] ?? RSA_ALGORITHM
}

/** Converts an ECDSA signature in DER, as key management services return it, to the form of JOSE. */
function toRawSignature(signature: Uint8Array, algorithm: string): Uint8Array {
  const half = { ES256: 32, ES384: 48, ES512: 66 }[algorithm]
  if (half === undefined || signature.length === 2 * half || signature[0] !== 0x30) return signature
  const raw = new Uint8Array(2 * half)
  // SEQUENCE and its length, which takes two bytes from 128 on.
  let at = (signature[1] ?? 0) < 0x80 ? 2 : 3
  for (const end of [half, 2 * half]) {
    const length = signature[at + 1] ?? 0
    const integer = signature.subarray(at + 2, at + 2 + length)
    const digits = integer.subarray(Math.max(0, length - half))
    raw.set(digits, end - digits.length)
    at += 2 + length
  }
  return raw
}

import { failForged, ok, type Result, type TokenFailure } from '../domain/failure.ts'
import type {
  AccessTokenClaims,
  AccessTokenStrategy,
  ClientTokenClaims,
  RefreshTokenClaims,
  TokenClaims,
} from '../domain/token.ts'
import type { PresentedAccessToken, TokenMinter, TokenPair } from '../service/ports/crypto.ts'
import { createJwtAccessTokens } from './jwt-access-token.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'

export interface TokenMinterOptions {
  /** The `iss` claim: the server's public URL. */
  readonly issuer: string
  /** The `aud` claim: the resource that the tokens give access to. */
  readonly audience: string
  /** The kind of access token to mint. */
  readonly strategy: AccessTokenStrategy
  /** The number of verified signatures to cache. */
  readonly remembered?: number
}

export function createTokenMinter(
  primitives: Primitives,
  keyring: Keyring,
  options: TokenMinterOptions,
): TokenMinter {
  const opaqueTokens = createOpaqueAccessTokens(primitives, keyring, options)
  const jwts = createJwtAccessTokens(primitives, keyring, options)

  return {
    decoySalt: primitives.base64urlEncode(primitives.randomBytes(16)),
    keyringVersion: () => keyring.version,

    mint(claims, tokenSalt) {
      const refreshToken = mintRefreshToken(claims, tokenSalt)
      const toPair = (accessToken: string): TokenPair => ({ accessToken, refreshToken })
      if (options.strategy === 'opaque') return toPair(opaqueTokens.mint(claims, tokenSalt))
      const jwt = jwts.mint(claims)
      return jwt instanceof Promise ? jwt.then(toPair) : toPair(jwt)
    },

    mintClientToken: (request, form, tokenSalt) =>
      form.tokenStrategy === 'opaque'
        ? opaqueTokens.mintForClient(request, tokenSalt)
        : jwts.mintForClient(request, form),

    readAccessToken: (accessToken) =>
      accessToken.startsWith(ACCESS_TOKEN_PREFIX)
        ? opaqueTokens.read(accessToken)
        : jwts.read(accessToken),

    readRefreshToken(refreshToken) {
      const bytes = decodeRefreshToken(refreshToken)
      return bytes && unpackRefreshToken(bytes)
    },

    verifyRefreshToken(refreshToken, tokenSalt) {
      const bytes = decodeRefreshToken(refreshToken)
      const token = bytes === null ? null : unpackRefreshToken(bytes)
      if (bytes === null || token === null) {
        return failForged('not a refresh token of a known version')
      }
      const mac = keyring.mac('refresh', token.ringId)
      if (mac === undefined) return failForged('made with a key that is not in the key ring')
      const tag = mac(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES))
      return primitives.equal(tag, bytes.subarray(REFRESH_TOKEN_BODY_BYTES))
        ? ok(token)
        : failForged('the tag is wrong')
    },
  }

  function decodeRefreshToken(refreshToken: string): Uint8Array | null {
    return refreshToken.startsWith(REFRESH_TOKEN_PREFIX)
      ? primitives.base64urlDecode(refreshToken.slice(REFRESH_TOKEN_PREFIX.length))
      : null
  }

  function mintRefreshToken(claims: TokenClaims, tokenSalt: string): string {
    const ringId = keyring.currentId('refresh')
    const mac = keyring.mac('refresh', ringId)
    if (mac === undefined) throw new Error('the current refresh key is missing')
    const bytes = packRefreshToken({ ...claims, ringId })
    bytes.set(mac(tokenSalt, bytes.subarray(0, REFRESH_TOKEN_BODY_BYTES)), REFRESH_TOKEN_BODY_BYTES)
    return REFRESH_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }
}

/**
 * Mints and verifies opaque access tokens: nothing to sign, and short enough for a narrow column. The tag is
 * an HMAC-SHA-256, cut to 128 bits, over issuer, audience, the key's token salt and the body. Without the
 * salt, the key ring mints none; without the ring, the database mints none.
 */
function createOpaqueAccessTokens(
  primitives: Primitives,
  keyring: Keyring,
  { issuer, audience }: Pick<TokenMinterOptions, 'issuer' | 'audience'>,
) {
  const domain = ['latchkey access token', issuer, audience, ''].join('\0')

  const computeTag = (ringId: string, tokenSalt: string, body: Uint8Array) =>
    keyring
      .mac('access', ringId)?.(domain + tokenSalt, body)
      .subarray(0, ACCESS_TOKEN_TAG_BYTES)

  /** The tag covers everything before it. */
  function seal(bytes: Uint8Array, ringId: string, tokenSalt: string): string {
    const bodyBytes = bytes.length - ACCESS_TOKEN_TAG_BYTES
    const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, bodyBytes))
    if (tag === undefined) throw new Error('the current access token key is missing')
    bytes.set(tag, bodyBytes)
    return ACCESS_TOKEN_PREFIX + primitives.base64urlEncode(bytes)
  }

  return {
    mint(claims: AccessTokenClaims, tokenSalt: string): string {
      const ringId = keyring.currentId('access')
      return seal(packAccessToken({ ...claims, ringId }), ringId, tokenSalt)
    },

    mintForClient(claims: ClientTokenClaims, tokenSalt: string): string {
      const ringId = keyring.currentId('access')
      return seal(packClientToken({ ...claims, ringId }), ringId, tokenSalt)
    },

    /** Reads a token that begins with the prefix. */
    read(token: string): Result<PresentedAccessToken, TokenFailure> {
      const bytes = primitives.base64urlDecode(token.slice(ACCESS_TOKEN_PREFIX.length))
      const unpacked = bytes && (unpackAccessToken(bytes) ?? unpackClientToken(bytes))
      if (bytes === null || unpacked === null) {
        return failForged('not an access token of a known version')
      }
      const { ringId, ...claims } = unpacked
      if (keyring.mac('access', ringId) === undefined) {
        return failForged('made with a key that is not in the key ring')
      }
      return ok({
        keyId: claims.keyId,
        verify(tokenSalt) {
          const bodyBytes = bytes.length - ACCESS_TOKEN_TAG_BYTES
          const tag = computeTag(ringId, tokenSalt, bytes.subarray(0, bodyBytes))
          return tag !== undefined && primitives.equal(tag, bytes.subarray(bodyBytes))
            ? ok(claims)
            : failForged('the tag is wrong, or the secret was replaced after it was issued')
        },
      })
    },
  }
}

/*
 * The layouts of tokens that carry a tag instead of a signature. Numbers are unsigned and big-endian. Each
 * token has one spelling: its prefix and the base64url of its bytes, without padding or spare bits.
 *
 * rt_: version 1 ‖ ring id 4 ‖ grant id 16 ‖ generation 4 ‖ issued-at 6 ‖ tag 32
 *      63 bytes, so 87 characters.
 * at_: version 1 ‖ ring id 4 ‖ key's row id 16 ‖ grant id 16 ‖ generation 4 ‖ epoch 4 ‖ issued-at 6 ‖ tag 16
 *      67 bytes, so 93 characters.
 * at_: version 2 ‖ ring id 4 ‖ key's row id 16 ‖ token id 16 ‖ epoch 4 ‖ issued-at 6 ‖ lifetime 2 ‖ scopes ‖ tag 16
 *      for OAuth clients: 65 bytes and the scopes in ASCII, separated by blanks.
 *
 * The first byte of both is the version. A later version may have another length, and other fields after
 * its ring id and key.
 */
const REFRESH_TOKEN_PREFIX = 'rt_'
const REFRESH_TOKEN_BODY_BYTES = 31
const REFRESH_TOKEN_BYTES = REFRESH_TOKEN_BODY_BYTES + 32
const REFRESH_TOKEN_VERSION = 1

const ACCESS_TOKEN_PREFIX = 'at_'
const ACCESS_TOKEN_TAG_BYTES = 16
const ACCESS_TOKEN_BYTES = 51 + ACCESS_TOKEN_TAG_BYTES
const ACCESS_TOKEN_VERSION = 1

const CLIENT_TOKEN_SCOPE_OFFSET = 49
const CLIENT_TOKEN_VERSION = 2

/** Packs a token and leaves its tag zero. The tag is computed over the salt and these body bytes. */
function packRefreshToken(token: RefreshTokenClaims): Uint8Array {
  const bytes = new Uint8Array(REFRESH_TOKEN_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, REFRESH_TOKEN_VERSION)
  view.setUint32(1, Number.parseInt(token.ringId, 16))
  writeUuid(view, 5, token.grantId)
  view.setUint32(21, token.generation)
  writeInstant(view, 25, token.issuedAt)
  return bytes
}

/** Returns null for an unsupported version or length. */
export function unpackRefreshToken(bytes: Uint8Array): RefreshTokenClaims | null {
  if (bytes.length !== REFRESH_TOKEN_BYTES || bytes[0] !== REFRESH_TOKEN_VERSION) return null
  const view = toView(bytes)
  return {
    ringId: readHex(view, 1, 4),
    grantId: readUuid(view, 5),
    generation: view.getUint32(21),
    issuedAt: readInstant(view, 25),
  }
}

/** The claims of an access token, and the id of the ring key that made its tag. */
interface PackedAccessToken extends AccessTokenClaims {
  readonly ringId: string
}

/** Packs a token and leaves its tag zero. */
function packAccessToken(token: PackedAccessToken): Uint8Array {
  const bytes = new Uint8Array(ACCESS_TOKEN_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, ACCESS_TOKEN_VERSION)
  view.setUint32(1, Number.parseInt(token.ringId, 16))
  writeUuid(view, 5, token.keyId)
  writeUuid(view, 21, token.grantId)
  view.setUint32(37, token.generation)
  view.setUint32(41, token.epoch)
  writeInstant(view, 45, token.issuedAt)
  return bytes
}

/** Returns null for an unsupported version or length. */
export function unpackAccessToken(bytes: Uint8Array): PackedAccessToken | null {
  if (bytes.length !== ACCESS_TOKEN_BYTES || bytes[0] !== ACCESS_TOKEN_VERSION) return null
  const view = toView(bytes)
  return {
    ringId: readHex(view, 1, 4),
    keyId: readUuid(view, 5),
    grantId: readUuid(view, 21),
    generation: view.getUint32(37),
    epoch: view.getUint32(41),
    issuedAt: readInstant(view, 45),
  }
}

interface PackedClientToken extends ClientTokenClaims {
  readonly ringId: string
}

/** Packs a token and leaves its tag zero. */
function packClientToken(token: PackedClientToken): Uint8Array {
  const scopes = new TextEncoder().encode(token.scope)
  const bytes = new Uint8Array(CLIENT_TOKEN_SCOPE_OFFSET + scopes.length + ACCESS_TOKEN_TAG_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, CLIENT_TOKEN_VERSION)
  view.setUint32(1, Number.parseInt(token.ringId, 16))
  writeUuid(view, 5, token.keyId)
  writeUuid(view, 21, token.tokenId)
  view.setUint32(37, token.epoch)
  writeInstant(view, 41, token.issuedAt)
  view.setUint16(47, token.lifetimeSeconds)
  bytes.set(scopes, CLIENT_TOKEN_SCOPE_OFFSET)
  return bytes
}

/** Returns null for an unsupported version or length. */
function unpackClientToken(bytes: Uint8Array): PackedClientToken | null {
  const scopeEnd = bytes.length - ACCESS_TOKEN_TAG_BYTES
  if (bytes[0] !== CLIENT_TOKEN_VERSION || scopeEnd < CLIENT_TOKEN_SCOPE_OFFSET) return null
  const view = toView(bytes)
  return {
    ringId: readHex(view, 1, 4),
    keyId: readUuid(view, 5),
    tokenId: readUuid(view, 21),
    epoch: view.getUint32(37),
    issuedAt: readInstant(view, 41),
    lifetimeSeconds: view.getUint16(47),
    scope: new TextDecoder().decode(bytes.subarray(CLIENT_TOKEN_SCOPE_OFFSET, scopeEnd)),
    audience: null,
  }
}

const UINT32_RANGE = 2 ** 32

const toView = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Each byte as two hex digits. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function readHex(view: DataView, at: number, length: number): string {
  let hex = ''
  for (let n = 0; n < length; n++) hex += HEX[view.getUint8(at + n)]
  return hex
}

function writeUuid(view: DataView, at: number, uuid: string): void {
  view.setUint32(at, Number.parseInt(uuid.slice(0, 8), 16))
  view.setUint16(at + 4, Number.parseInt(uuid.slice(9, 13), 16))
  view.setUint16(at + 6, Number.parseInt(uuid.slice(14, 18), 16))
  view.setUint16(at + 8, Number.parseInt(uuid.slice(19, 23), 16))
  view.setUint16(at + 10, Number.parseInt(uuid.slice(24, 28), 16))
  view.setUint32(at + 12, Number.parseInt(uuid.slice(28), 16))
}

const readUuid = (view: DataView, at: number) =>
  `${readHex(view, at, 4)}-${readHex(view, at + 4, 2)}-${readHex(view, at + 6, 2)}-` +
  `${readHex(view, at + 8, 2)}-${readHex(view, at + 10, 6)}`

/** 48 bits of epoch milliseconds. */
function writeInstant(view: DataView, at: number, instant: number): void {
  view.setUint16(at, Math.floor(instant / UINT32_RANGE))
  view.setUint32(at + 2, instant % UINT32_RANGE)
}

const readInstant = (view: DataView, at: number) =>
  view.getUint16(at) * UINT32_RANGE + view.getUint32(at + 2)

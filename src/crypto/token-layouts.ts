import type { AccessTokenClaims, ClientTokenClaims, RefreshTokenClaims } from '../domain/token.ts'

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
export const REFRESH_TOKEN_PREFIX = 'rt_'
export const REFRESH_TOKEN_BODY_BYTES = 31
const REFRESH_TOKEN_BYTES = REFRESH_TOKEN_BODY_BYTES + 32
const REFRESH_TOKEN_VERSION = 1

export const ACCESS_TOKEN_PREFIX = 'at_'
export const ACCESS_TOKEN_TAG_BYTES = 16
const ACCESS_TOKEN_BYTES = 51 + ACCESS_TOKEN_TAG_BYTES
const ACCESS_TOKEN_VERSION = 1

const CLIENT_TOKEN_SCOPE_OFFSET = 49
const CLIENT_TOKEN_VERSION = 2

// All tokens of a layout share their bytes, because new ones take a microsecond: a token is encoded before
// the next one is packed.
const refreshTokenView = createView(REFRESH_TOKEN_BYTES)
const accessTokenView = createView(ACCESS_TOKEN_BYTES)

/** Packs a token without its tag, which is computed over the bytes before it. */
export function packRefreshToken(
  token: Omit<RefreshTokenClaims, 'ringId'>,
  ringId: string,
): Uint8Array {
  const { view, bytes } = refreshTokenView
  view.setUint8(0, REFRESH_TOKEN_VERSION)
  writeHex(bytes, 1, ringId)
  writeHex(bytes, 5, token.grantId)
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

/** Packs a token without its tag. */
export function packAccessToken(token: AccessTokenClaims, ringId: string): Uint8Array {
  const { view, bytes } = accessTokenView
  view.setUint8(0, ACCESS_TOKEN_VERSION)
  writeHex(bytes, 1, ringId)
  writeHex(bytes, 5, token.keyId)
  writeHex(bytes, 21, token.grantId)
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

/** Packs a token without its tag. */
export function packClientToken(token: ClientTokenClaims, ringId: string): Uint8Array {
  const scopes = new TextEncoder().encode(token.scope)
  const { view, bytes } = createView(
    CLIENT_TOKEN_SCOPE_OFFSET + scopes.length + ACCESS_TOKEN_TAG_BYTES,
  )
  view.setUint8(0, CLIENT_TOKEN_VERSION)
  writeHex(bytes, 1, ringId)
  writeHex(bytes, 5, token.keyId)
  writeHex(bytes, 21, token.tokenId)
  view.setUint32(37, token.epoch)
  writeInstant(view, 41, token.issuedAt)
  view.setUint16(47, token.lifetimeSeconds)
  bytes.set(scopes, CLIENT_TOKEN_SCOPE_OFFSET)
  return bytes
}

/** Returns null for an unsupported version or length. */
export function unpackClientToken(bytes: Uint8Array): PackedClientToken | null {
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

function createView(length: number) {
  const bytes = new Uint8Array(length)
  return { bytes, view: toView(bytes) }
}

function toView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Each byte as two hex digits. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function readHex(view: DataView, at: number, length: number): string {
  let hex = ''
  for (let n = 0; n < length; n++) hex += HEX[view.getUint8(at + n)]
  return hex
}

/** The values of hex digits by their character codes. */
const HEX_VALUES = Uint8Array.from({ length: 128 }, (_, code) =>
  Number.parseInt(String.fromCharCode(code), 16),
)
const HYPHEN = 0x2d

/** Writes the bytes of hex digits, between which there may be hyphens. */
function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let n = 0, to = at; n < hex.length; n += 2, to++) {
    if (hex.charCodeAt(n) === HYPHEN) n++
    const high = HEX_VALUES[hex.charCodeAt(n)] ?? 0
    bytes[to] = (high << 4) | (HEX_VALUES[hex.charCodeAt(n + 1)] ?? 0)
  }
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

import type { AccessTokenClaims, RefreshTokenClaims } from '../domain/token.ts'

/*
 * The layouts of tokens that carry a tag instead of a signature. Numbers are unsigned and big-endian. Each
 * token has one spelling: its prefix and the base64url of its bytes, without padding or spare bits.
 *
 * rt_: version 1 ‖ ring id 4 ‖ grant id 16 ‖ generation 4 ‖ issued-at 6 ‖ tag 32
 *      63 bytes, so 87 characters.
 * at_: version 1 ‖ ring id 4 ‖ key's row id 16 ‖ grant id 16 ‖ generation 4 ‖ epoch 4 ‖ issued-at 6 ‖ tag 16
 *      67 bytes, so 93 characters.
 *
 * The first byte of both is the version. A later version may have another length, and other fields after
 * its ring id and key.
 */
export const REFRESH_TOKEN_PREFIX = 'rt_'
export const REFRESH_TOKEN_BODY_BYTES = 31
export const REFRESH_TOKEN_BYTES = REFRESH_TOKEN_BODY_BYTES + 32
const REFRESH_TOKEN_VERSION = 1

export const ACCESS_TOKEN_PREFIX = 'at_'
export const ACCESS_TOKEN_BODY_BYTES = 51
export const ACCESS_TOKEN_TAG_BYTES = 16
export const ACCESS_TOKEN_BYTES = ACCESS_TOKEN_BODY_BYTES + ACCESS_TOKEN_TAG_BYTES
const ACCESS_TOKEN_VERSION = 1

/** Packs a token and leaves its tag zero. The tag is computed over the salt and these body bytes. */
export function packRefreshToken(token: RefreshTokenClaims): Uint8Array {
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
export interface PackedAccessToken extends AccessTokenClaims {
  readonly ringId: string
}

/** Packs a token and leaves its tag zero. */
export function packAccessToken(token: PackedAccessToken): Uint8Array {
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

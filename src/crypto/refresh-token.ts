import type { RefreshToken } from '../domain/token.ts'

/*
 * rt_ + base64url( version 1 ‖ ring id 4 ‖ grant id 16 ‖ generation 4 ‖ issued-at 6 ‖ tag 32 )
 * 63 bytes, so 84 characters without padding or spare bits: one spelling for each token.
 */
export const PREFIX = 'rt_'
export const BODY_BYTES = 31
export const TOKEN_BYTES = BODY_BYTES + 32
const VERSION = 1
const UINT32 = 2 ** 32

/** The whole token's bytes, the tag's still zero: it is made over the salt and the body before it. */
export function packToken(token: RefreshToken): Uint8Array {
  const bytes = new Uint8Array(TOKEN_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setUint32(1, Number.parseInt(token.ringId, 16))
  const grant = token.grantId.replaceAll('-', '')
  for (let word = 0; word < 4; word++) {
    view.setUint32(5 + word * 4, Number.parseInt(grant.slice(word * 8, word * 8 + 8), 16))
  }
  view.setUint32(21, token.generation)
  view.setUint16(25, Math.floor(token.issuedAt / UINT32))
  view.setUint32(27, token.issuedAt % UINT32)
  return bytes
}

/** Null for a version that is not ours. */
export function unpackToken(bytes: Uint8Array): RefreshToken | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BODY_BYTES)
  if (view.getUint8(0) !== VERSION) return null
  const word = (at: number) => view.getUint32(at).toString(16).padStart(8, '0')
  const grant = word(5) + word(9) + word(13) + word(17)
  return {
    ringId: word(1),
    grantId: [
      grant.slice(0, 8),
      grant.slice(8, 12),
      grant.slice(12, 16),
      grant.slice(16, 20),
      grant.slice(20),
    ].join('-'),
    generation: view.getUint32(21),
    issuedAt: view.getUint16(25) * UINT32 + view.getUint32(27),
  }
}

import { exportJWK } from 'jose/key/export'
import { importPKCS8 } from 'jose/key/import'
import { serializeEvent, serializeStatement } from '../domain/audit-chain.ts'
import type { AuditSigner } from '../service/ports/audit.ts'
import type { Keyring } from './keyring.ts'
import type { Ed25519, Mac, Primitives } from './primitives.ts'

/**
 * A seal is HMAC-SHA-256 under the audit key, a checkpoint's signature Ed25519 under a key that is made
 * of it: `<ring id>.<base64url>`, both. Retired audit keys stay in the ring, so that what they sealed
 * can be verified as long as it is kept.
 */
export function createAuditSigner(primitives: Primitives, keyring: Keyring): AuditSigner {
  const computeTag = (mac: Mac, previous: string, canonical: string) =>
    mac(`${previous}\n${canonical}`)

  // Remembered, since importing a key takes longer than signing.
  const signers = new Map<string, Promise<Ed25519>>()
  function getSigner(id: string, mac: Mac): Promise<Ed25519> {
    const cachedSigner = signers.get(id)
    if (cachedSigner !== undefined) return cachedSigner
    const signer = deriveSigner(primitives, mac)
    signers.set(id, signer)
    return signer
  }

  function getCurrentKey(): { id: string; mac: Mac } {
    const id = keyring.currentId('audit')
    const mac = keyring.auditor(id)
    if (mac === undefined) throw new Error('the current audit key is missing')
    return { id, mac }
  }

  /** The key that a seal or signature names, and its bytes; null where either cannot be ours. */
  function parseTag(text: string): { id: string; mac: Mac; bytes: Uint8Array } | null {
    const [id = '', encoded = '', ...more] = text.split('.')
    const mac = keyring.auditor(id)
    const bytes = primitives.base64urlDecode(encoded)
    return mac === undefined || bytes === null || more.length > 0 ? null : { id, mac, bytes }
  }

  return {
    seal(previous, event, sequence) {
      const { id, mac } = getCurrentKey()
      return `${id}.${primitives.base64urlEncode(computeTag(mac, previous, serializeEvent(event, sequence)))}`
    },

    isSealedEvent(previous, event) {
      const seal = parseTag(event.seal)
      if (seal === null) return false
      const expected = computeTag(seal.mac, previous, serializeEvent(event, event.sequence))
      return primitives.equal(seal.bytes, expected)
    },

    async signCheckpoint(statement) {
      const { id, mac } = getCurrentKey()
      const signer = await getSigner(id, mac)
      const signature = await signer.sign(serializeStatement(statement))
      return { ...statement, signature: `${id}.${primitives.base64urlEncode(signature)}` }
    },

    async isSignedCheckpoint(checkpoint) {
      const signature = parseTag(checkpoint.signature)
      if (signature === null) return false
      const signer = await getSigner(signature.id, signature.mac)
      return signer.verify(serializeStatement(checkpoint), signature.bytes)
    },
  }
}

/** RFC 8410 §7: what stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_PREFIX_HEX = '302e020100300506032b657004220420'

/** No seal is over a text like this: a seal's begins with a seal, or an empty line. */
const SIGNING_KEY_CONTEXT = 'latchkey audit: the key that signs checkpoints'

async function deriveSigner(primitives: Primitives, mac: Mac): Promise<Ed25519> {
  const prefix = PKCS8_PREFIX_HEX.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  const der = String.fromCharCode(...prefix, ...mac(SIGNING_KEY_CONTEXT))
  const pem = `-----BEGIN PRIVATE KEY-----\n${btoa(der)}\n-----END PRIVATE KEY-----`
  return primitives.ed25519(await exportJWK(await importPKCS8(pem, 'EdDSA', { extractable: true })))
}

import { exportJWK } from 'jose/key/export'
import { importPKCS8 } from 'jose/key/import'
import { serializeEvent, serializeStatement } from '../domain/audit-chain.ts'
import type { AuditSigner } from '../service/ports/audit.ts'
import type { Keyring } from './keyring.ts'
import type { Mac, Primitives, Signer } from './primitives.ts'

/**
 * Seals audit events with HMAC-SHA-256 under the audit key, and signs checkpoints with an Ed25519 key
 * that is derived from it. Both are written as `<ring id>.<base64url>`. Retired audit keys stay in the
 * ring, so that everything they sealed can be verified.
 */
export function createAuditSigner(primitives: Primitives, keyring: Keyring): AuditSigner {
  const computeTag = (mac: Mac, previous: string, canonical: string) =>
    mac.compute(`${previous}\n${canonical}`)

  // Importing a key takes longer than signing, so imported keys are cached.
  const signers = new Map<string, Promise<Signer>>()
  function getSigner(id: string, mac: Mac): Promise<Signer> {
    const cachedSigner = signers.get(id)
    if (cachedSigner !== undefined) return cachedSigner
    const signer = deriveSigner(primitives, mac)
    signers.set(id, signer)
    return signer
  }

  function getCurrentKey(): { id: string; mac: Mac } {
    const id = keyring.currentId('audit')
    const mac = keyring.mac('audit', id)
    if (mac === undefined) throw new Error('the current audit key is missing')
    return { id, mac }
  }

  /**
   * Returns the named key and the bytes of a seal or signature; null if the text is malformed or its
   * key is not in the ring.
   */
  function parseTag(text: string): { id: string; mac: Mac; bytes: Uint8Array } | null {
    const [id = '', encoded = '', ...more] = text.split('.')
    const mac = keyring.mac('audit', id)
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

/** The PKCS #8 bytes before the 32 bytes of an Ed25519 key (RFC 8410 §7). */
const PKCS8_PREFIX_HEX = '302e020100300506032b657004220420'

/** Cannot collide with the text of a seal, which begins with another seal or an empty line. */
const SIGNING_KEY_CONTEXT = 'latchkey audit: the key that signs checkpoints'

async function deriveSigner(primitives: Primitives, mac: Mac): Promise<Signer> {
  const prefix = PKCS8_PREFIX_HEX.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? []
  const der = String.fromCharCode(...prefix, ...mac.compute(SIGNING_KEY_CONTEXT))
  const pem = `-----BEGIN PRIVATE KEY-----\n${btoa(der)}\n-----END PRIVATE KEY-----`
  return primitives.signer(await exportJWK(await importPKCS8(pem, 'EdDSA', { extractable: true })))
}

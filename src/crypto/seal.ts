import type { Sealer } from '../service/ports/crypto.ts'
import type { Keyring } from './keyring.ts'
import type { Primitives } from './primitives.ts'

/**
 * Seals with AES-256-GCM, as `<ring id>.<base64url>`. The row's id is associated data, so that sealed
 * values cannot be swapped between rows.
 */
export function createSealer(primitives: Primitives, keyring: Keyring): Sealer {
  return {
    seal(plain, context) {
      const id = keyring.currentId('seal')
      const key = keyring.sealer(id)
      if (key === undefined) throw new Error('the current seal key is missing')
      const finish = (sealed: Uint8Array) => `${id}.${primitives.base64urlEncode(sealed)}`
      const sealed = key.seal(plain, context)
      return sealed instanceof Promise ? sealed.then(finish) : finish(sealed)
    },

    open(sealed, context) {
      const [id = '', text = ''] = sealed.split('.')
      const key = keyring.sealer(id)
      const bytes = primitives.base64urlDecode(text)
      if (key === undefined) throw new Error(`seal key ${id} is not in the key ring`)
      if (bytes === null) throw new Error('what was sealed is damaged')
      return key.open(bytes, context)
    },
  }
}

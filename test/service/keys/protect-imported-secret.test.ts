import { beforeAll, describe, expect, test } from 'vitest'
import type { Keyring } from '../../../src/crypto/keyring.ts'
import { createSealer, createSecretDigester } from '../../../src/crypto/secrets.ts'
import {
  findDigestForm,
  isImportedHash,
  parseSealedHash,
  parseStoredSecret,
} from '../../../src/domain/imported-hash.ts'
import type { ImportedSecret } from '../../../src/domain/imported-secret.ts'
import { NODE_CHECK_BOUNDS } from '../../../src/domain/secret-forms/secret-check.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { protectImportedSecret } from '../../../src/service/keys/protect-imported-secret.ts'
import { openText } from '../../../src/service/ports/crypto.ts'
import { createTestRing, toKeyring } from '../../support/keyring.ts'

const HEX = '4da30c37ee0ecc0369ee62679f2f78cd3187cacb8d790e899371257c964a90bd'
const BASE64 = 'TaMMN+4OzANp7mJnny94zTGHysuNeQ6Jk3ElfJZKkL0='
const NO_SALT = { salt: null, pepperId: null }

let keyring: Keyring
beforeAll(async () => {
  keyring = toKeyring(await createTestRing())
})

const protect = (imported: ImportedSecret, keyType: 'redox' | 'xdent' | 'oauth' | 'xenrad') =>
  protectImportedSecret(
    {
      importedSecretVerifier: { bounds: NODE_CHECK_BOUNDS },
      digester: createSecretDigester(nodePrimitives, keyring),
      sealer: createSealer(nodePrimitives, keyring),
    },
    imported,
    keyType,
    'the key',
  )

describe('an imported hash is stored', () => {
  test.each(['redox', 'xdent', 'oauth'] as const)(
    'sealed for its key, of type %s',
    async (type) => {
      const imported: ImportedSecret = {
        form: 'sha256-salt-first',
        hash: HEX,
        salt: 'salt',
        pepperId: 'p',
      }
      const { hash, digest, sealed } = await protect(imported, type)
      expect({ digest, sealed }).toEqual({ digest: null, sealed: null })
      expect(isImportedHash(hash)).toBe(true)
      expect(hash).not.toContain(HEX)
      const sealer = createSealer(nodePrimitives, keyring)
      const text = parseSealedHash(hash) ?? ''
      expect(parseStoredSecret(await openText(sealer, text, 'the key'))).toEqual(imported)
      await expect(openText(sealer, text, 'another key')).rejects.toThrow()
    },
  )

  test('as one keyed digest in each of its spellings, where the secret finds the key', async () => {
    const { hash } = await protect({ form: 'sha256', hash: HEX, ...NO_SALT }, 'xenrad')
    expect((await protect({ form: 'sha256', hash: BASE64, ...NO_SALT }, 'xenrad')).hash).toBe(hash)
    expect(isImportedHash(hash)).toBe(true)
    expect(findDigestForm(hash)).toBe('sha256')
    expect(parseSealedHash(hash)).toBeNull()
    expect(hash).not.toContain(HEX)
    const other = { form: 'hmac-sha256', hash: HEX, salt: null, pepperId: 'p' } as const
    expect((await protect(other, 'xenrad')).hash).not.toBe(hash)
    expect((await protect({ ...other, pepperId: 'q' }, 'xenrad')).hash).not.toBe(
      (await protect(other, 'xenrad')).hash,
    )
  })

  test('never with a salt where the secret finds the key', async () => {
    const salted = { form: 'sha256-salt-last', hash: HEX, salt: 'salt', pepperId: null } as const
    await expect(protect(salted, 'xenrad')).rejects.toThrow('a key of the type xenrad')
  })
})

test('hashes of this server are no imported hashes', () => {
  for (const hash of ['$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$c3Vt', 'hmac.0a1b2c3d.c3Vt']) {
    expect(isImportedHash(hash)).toBe(false)
    expect(parseSealedHash(hash)).toBeNull()
    expect(findDigestForm(hash)).toBeNull()
  }
})

test('a sealed secret of a form that only a later version knows cannot be read', () => {
  expect(parseStoredSecret('{"form":"sha9","hash":"x"}')).toBeNull()
})

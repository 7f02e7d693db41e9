import {
  formatImportedDigest,
  formatImportedSecret,
  formatSealedHash,
  toImportedDigestText,
} from '../../domain/imported-hash.ts'
import {
  type ImportedSecret,
  isDigestForm,
  parseSecretCheck,
} from '../../domain/imported-secret.ts'
import { getKeyTypeTraits, type KeyType } from '../../domain/key-type.ts'
import {
  type ImportedSecretVerifier,
  type Sealer,
  type SecretDigester,
  sealText,
} from '../ports/crypto.ts'
import type { StoredSecret } from './secrets.ts'

export interface ProtectImportedSecretDeps {
  readonly importedSecretVerifier: Pick<ImportedSecretVerifier, 'bounds'>
  readonly digester: Pick<SecretDigester, 'digest'>
  readonly sealer: Pick<Sealer, 'seal'>
}

/**
 * Protects the hash of another system until its first success, so that nobody who has the database without the key
 * ring can guess secrets by it. `keyId`: the row that it is sealed for. Throws for a hash that
 * `parseImportedSecret` or `findFormRefusal` refuses.
 */
export async function protectImportedSecret(
  { importedSecretVerifier, digester, sealer }: ProtectImportedSecretDeps,
  imported: ImportedSecret,
  keyType: KeyType,
  keyId: string,
): Promise<StoredSecret> {
  if (!getKeyTypeTraits(keyType).foundBySecret) {
    const sealed = await sealText(sealer, formatImportedSecret(imported), keyId)
    return { hash: formatSealedHash(sealed), digest: null, sealed: null }
  }
  const { form, pepperId } = imported
  const check = parseSecretCheck(imported, importedSecretVerifier.bounds)
  if (!isDigestForm(form) || !check.ok || check.value.algorithm !== 'digest') {
    throw new Error(`a key of the type ${keyType} cannot be found by a hash of the form ${form}`)
  }
  const text = toImportedDigestText({ form, pepperId }, check.value.sum)
  const hash = formatImportedDigest({ form, pepperId }, digester.digest(text))
  return { hash, digest: null, sealed: null }
}

import { join } from 'node:path'
import Database from 'better-sqlite3'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { createSealer, createSecretDigester } from '../../src/crypto/secrets.ts'
import type { ImportedSecret } from '../../src/domain/imported-secret.ts'
import type { KeyType } from '../../src/domain/key-type.ts'
import { NODE_CHECK_BOUNDS } from '../../src/domain/secret-forms/secret-check.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { protectImportedSecret } from '../../src/service/keys/protect-imported-secret.ts'

export interface ImportedHashInput {
  readonly keyId: string
  readonly keyType: KeyType
  readonly imported: Omit<ImportedSecret, 'pepperId'>
  readonly pepper?: string | null
}

/** Replaces the secret of a key by the hash of another system, as an import stores it. Returns the stored hash. */
export async function replaceByImportedHash(
  { dir, keyring }: { readonly dir: string; readonly keyring: Keyring },
  input: ImportedHashInput,
): Promise<string> {
  const { hash, statements } = await createImportStatements(keyring, input)
  const database = new Database(join(dir, 'latchkey.db'))
  try {
    for (const statement of statements) database.exec(statement)
  } finally {
    database.close()
  }
  return hash
}

/** The same, as statements for any engine. */
export async function createImportStatements(
  keyring: Keyring,
  { keyId, keyType, imported, pepper = null }: ImportedHashInput,
): Promise<{ readonly hash: string; readonly statements: readonly string[] }> {
  const sealer = createSealer(nodePrimitives, keyring)
  const [importId, newPepperId] = [crypto.randomUUID(), crypto.randomUUID()]
  const pepperId = pepper === null ? null : newPepperId
  const { hash } = await protectImportedSecret(
    {
      importedSecretVerifier: { bounds: NODE_CHECK_BOUNDS },
      digester: createSecretDigester(nodePrimitives, keyring),
      sealer,
    },
    { ...imported, pepperId },
    keyType,
    keyId,
  )
  const sealedPepper = await sealer.seal(Buffer.from(pepper ?? ''), newPepperId)
  return {
    hash,
    statements: [
      `INSERT INTO imports VALUES ('${importId}', NULL, 'keys.csv', NULL, 'finished', 1, 0, 0, 0, 1, 1, NULL, 'event')`,
      ...(pepperId === null
        ? []
        : [
            `INSERT INTO peppers SELECT '${pepperId}', account_id, '${pepperId}', '${sealedPepper}', 1, 'event'
              FROM keys WHERE id = '${keyId}'`,
          ]),
      `INSERT INTO imported_keys VALUES ('${keyId}', '${importId}', 1, '${imported.form}',
        ${pepperId === null ? 'NULL' : `'${pepperId}'`}, '', NULL, NULL)`,
      `UPDATE keys SET secret_hash = '${hash}', secret_digest = NULL WHERE id = '${keyId}'`,
      'UPDATE authority SET version = version + 1',
    ],
  }
}

/** Reads every text of the database, to look for what must not be there. */
export function dumpDatabase(dir: string): string {
  const database = new Database(join(dir, 'latchkey.db'), { readonly: true })
  try {
    const tables = database
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
      .pluck()
      .all() as string[]
    return JSON.stringify(tables.map((name) => database.prepare(`SELECT * FROM "${name}"`).all()))
  } finally {
    database.close()
  }
}

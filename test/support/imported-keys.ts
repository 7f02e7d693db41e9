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
  { keyId, keyType, imported, pepper = null }: ImportedHashInput,
): Promise<string> {
  const sealer = createSealer(nodePrimitives, keyring)
  const pepperId = pepper === null ? null : crypto.randomUUID()
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
  const database = new Database(join(dir, 'latchkey.db'))
  const run = (sql: string, ...values: unknown[]) => database.prepare(sql).run(...values)
  try {
    const importId = crypto.randomUUID()
    run(
      `INSERT INTO imports VALUES (?, NULL, 'keys.csv', NULL, 'finished', 1, 0, 0, 0, 1, 1, NULL, 'event')`,
      importId,
    )
    if (pepper !== null && pepperId !== null) {
      const sealed = await sealer.seal(Buffer.from(pepper), pepperId)
      run(
        'INSERT INTO peppers SELECT ?, account_id, ?, ?, 1, ? FROM keys WHERE id = ?',
        ...[pepperId, pepperId, sealed, 'event', keyId],
      )
    }
    run(
      `INSERT INTO imported_keys VALUES (?, ?, 1, ?, ?, '', NULL, NULL)`,
      ...[keyId, importId, imported.form, pepperId],
    )
    run('UPDATE keys SET secret_hash = ?, secret_digest = NULL WHERE id = ?', hash, keyId)
    run('UPDATE authority SET version = version + 1')
  } finally {
    database.close()
  }
  return hash
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

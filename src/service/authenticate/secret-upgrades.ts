import { findDigestForm } from '../../domain/imported-hash.ts'
import { isTruncatedByForm } from '../../domain/imported-secret.ts'
import type { Key } from '../../domain/key.ts'
import { getKeyTypeTraits } from '../../domain/key-type.ts'
import { toExchangedSecretText } from '../../domain/secret.ts'
import { type KeySecretsDeps, protectKeySecret } from '../keys/secrets.ts'
import type { ImportedSecretStorage, ProofStorage } from '../ports/authority.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'
import type { ImportedSecrets } from './imported-secrets.ts'

export interface SecretUpgradesDeps extends KeySecretsDeps {
  readonly storage: Pick<ImportedSecretStorage, 'upgradeSecret'> &
    Pick<ProofStorage, 'addSecretProofs'>
  readonly importedSecrets: Pick<ImportedSecrets, 'findProvenForm'>
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
  /** True if imported secrets get a digest too, by which their owner is recognized. */
  readonly digestImportedKeys: boolean
}

/** A secret that was proven against the hash of another system. */
export interface ProvenImport {
  readonly key: Pick<Key, 'id' | 'keyType'>
  readonly importedHash: string
  readonly secret: string
  /** The network that it was proven from. */
  readonly network: string
}

/** More are not kept: the next success of such a key starts its upgrade. */
const MAX_WAITING_UPGRADES = 1000

/**
 * Replaces the hashes of other systems by hashes of this server, in the background. If an upgrade fails, or the
 * process is killed, the next success of the key begins another one.
 */
export function createSecretUpgrades(deps: SecretUpgradesDeps) {
  const { storage, log, keepAlive, clock } = deps
  const waiting = new Map<string, ProvenImport>()
  let flushing: Promise<void> | null = null

  return {
    start(proven: ProvenImport): void {
      if (waiting.size >= MAX_WAITING_UPGRADES) return
      waiting.set(proven.importedHash, proven)
      flushing ??= flush()
      keepAlive(flushing)
    },
  }

  async function flush(): Promise<void> {
    for (const [hash, proven] of waiting) {
      try {
        await upgrade(proven)
      } catch (error) {
        log.warn({ error, keyId: proven.key.id }, 'an imported secret could not be upgraded')
      }
      waiting.delete(hash)
    }
    flushing = null
  }

  async function upgrade({ key, importedHash, secret, network }: ProvenImport): Promise<void> {
    const form =
      findDigestForm(importedHash) ?? deps.importedSecrets.findProvenForm(importedHash, secret)
    if (form === undefined) return
    const stored = await protectKeySecret(deps, secret, key.keyType, key.id)
    // Too many secrets are checked at this moment.
    if (!stored.ok) return
    const isExchanged = getKeyTypeTraits(key.keyType).secret === 'exchanged'
    const { hash } = stored.value
    const digest =
      isExchanged && deps.digestImportedKeys
        ? deps.digester.digest(toExchangedSecretText(key.id, secret))
        : stored.value.digest
    const isUpgraded = await storage.upgradeSecret(
      { keyId: key.id, importedHash, hash, digest },
      {
        id: deps.random.uuid(),
        at: clock(),
        actor: key.id,
        action: 'key.secret_upgraded',
        subject: key.id,
        facts: {
          form,
          ...(isTruncatedByForm(form, secret) && { truncated: true }),
        },
        requestId: null,
      },
    )
    if (isUpgraded && isExchanged && digest === null) {
      await storage.addSecretProofs([{ keyId: key.id, hash, network }], clock())
    }
  }
}

export type SecretUpgrades = ReturnType<typeof createSecretUpgrades>

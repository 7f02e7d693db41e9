import { LRUCache } from 'lru-cache'
import { fail, ok, type RateLimitFailure, type Result } from '../../domain/failure.ts'
import {
  formatImportedDigest,
  isImportedHash,
  parseSealedHash,
  parseStoredSecret,
  toImportedDigestText,
} from '../../domain/imported-hash.ts'
import {
  DIGEST_FORM_NAMES,
  getSecretDigest,
  type ImportedSecret,
  type SecretForm,
} from '../../domain/imported-secret.ts'
import { HOUR_MS } from '../../domain/instant.ts'
import { listValidSecretHashes } from '../../domain/key.ts'
import { limitEntries } from '../../domain/limits.ts'
import { type FailureLimiter, toParty } from '../limits/rate-limits.ts'
import type { HashedKey, ImportedSecretStorage, SealedPepper } from '../ports/authority.ts'
import {
  type ImportedSecretVerifier,
  openText,
  type Sealer,
  type SecretDigester,
} from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'

export interface ImportedSecretsDeps {
  readonly storage: Pick<ImportedSecretStorage, 'readImportedDigests' | 'findSealedPepper'>
  readonly importedSecretVerifier: Pick<ImportedSecretVerifier, 'verify' | 'toDigest'>
  readonly digester: SecretDigester
  readonly sealer: Pick<Sealer, 'open'>
  readonly clock: Clock
}

/** A secret that a caller presents for a key with an imported hash. */
export interface PresentedSecret {
  readonly key: HashedKey
  readonly hash: string
  readonly secret: string
  /** The id or name that the caller claims. */
  readonly claim: string
  readonly address: string
  /** The key, if the caller is known for it at this address. */
  readonly ownerId?: string | undefined
}

/** The hash cannot be checked at all, for a reason that the operator must learn. */
export interface Unverifiable {
  readonly reason: 'secret_unverifiable'
  readonly detail: string
}

const MAX_REMEMBERED_PROOFS = 10_000
const PROOF_MS = HOUR_MS

/** Returns the hash of another system that the key still has; undefined if there is none. A key has at most one. */
export function findImportedHash(key: HashedKey | null, now: number): string | undefined {
  // Every exchange asks, and most keys have none.
  if (key === null || !hasImportedHash(key)) return undefined
  return listValidSecretHashes(key, now).find(isImportedHash)
}

const hasImportedHash = ({ secretHash, previousSecretHash }: HashedKey): boolean =>
  isImportedHash(secretHash ?? '') || isImportedHash(previousSecretHash ?? '')

/** Checks secrets against the hashes of other systems. */
export function createImportedSecrets(deps: ImportedSecretsDeps) {
  const { storage, importedSecretVerifier, digester, sealer, clock } = deps
  const proofs = new LRUCache<string, SecretForm>({
    ...limitEntries(MAX_REMEMBERED_PROOFS),
    ttl: PROOF_MS,
    ttlResolution: 0,
    perf: { now: clock },
  })
  let digestUse: {
    readonly version: number | undefined
    readonly peppers: readonly OpenedPepper[] | null
  } | null = null

  const toProof = (hash: string, secret: string) => digester.toCacheName(`${hash}\0${secret}`)

  return {
    /** Returns the form of the hash if `verify` proved this secret in the last hour: its upgrade may not be written yet. */
    findProvenForm: (hash: string, secret: string): SecretForm | undefined =>
      proofs.get(toProof(hash, secret)),

    /**
     * True if the secret is the one that was hashed. The limit is checked when its turn comes, and its failure is
     * returned without work.
     */
    async verify(
      { key, hash, secret, claim, address, ownerId }: PresentedSecret,
      failureLimiter: FailureLimiter,
    ): Promise<Result<boolean, RateLimitFailure | Unverifiable>> {
      const opened = await openHash(hash, key.id)
      if (!opened.ok) return opened
      const { imported, pepper } = opened.value
      const lane = failureLimiter.hasFailures(address, ownerId) ? 'failed' : 'unfailed'
      const requester = { lane, party: toParty(address, ownerId), claim } as const
      const checkAllowed = () => failureLimiter.checkAllowed(address, ownerId)
      try {
        const matched = await importedSecretVerifier.verify(
          secret,
          imported,
          pepper,
          requester,
          checkAllowed,
        )
        if (matched.ok && matched.value) proofs.set(toProof(hash, secret), imported.form)
        return matched
      } catch (error) {
        // The database may have come from a runtime that computes more.
        return failUnverifiable(error)
      }
    },

    /**
     * Computes what keys that are found by their secret alone may have of this one; nothing if there are no such
     * keys. Every caller pays for every form. `version`: the authority's, under which the use of digests is cached;
     * without it, the use is read.
     */
    async listDigests(secret: string, version?: number): Promise<readonly string[]> {
      if (version === undefined || digestUse?.version !== version) {
        const { isUsed, peppers } = await storage.readImportedDigests()
        digestUse = { version, peppers: isUsed ? await openPeppers(peppers) : null }
      }
      return digestUse.peppers === null ? [] : [...computeDigests(secret, digestUse.peppers)]
    },
  }

  async function openHash(
    hash: string,
    keyId: string,
  ): Promise<
    Result<{ readonly imported: ImportedSecret; readonly pepper: Uint8Array | null }, Unverifiable>
  > {
    try {
      const imported = parseStoredSecret(await openText(sealer, parseSealedHash(hash) ?? '', keyId))
      if (imported === null) return failUnverifiable('this version does not know its form')
      const { pepperId } = imported
      if (pepperId === null) return ok({ imported, pepper: null })
      const sealedPepper = await storage.findSealedPepper(pepperId)
      if (sealedPepper === null) return failUnverifiable(`its pepper ${pepperId} is missing`)
      return ok({ imported, pepper: await sealer.open(sealedPepper, pepperId) })
    } catch (error) {
      return failUnverifiable(error)
    }
  }

  /** Skips a pepper that cannot be opened: the other keys must still be found. */
  async function openPeppers(sealed: readonly SealedPepper[]): Promise<readonly OpenedPepper[]> {
    const peppers: OpenedPepper[] = []
    for (const { id, sealedPepper } of sealed) {
      try {
        peppers.push({ id, bytes: await sealer.open(sealedPepper, id) })
      } catch {}
    }
    return peppers
  }

  function* computeDigests(secret: string, peppers: readonly OpenedPepper[]): Iterable<string> {
    for (const form of DIGEST_FORM_NAMES) {
      for (const pepper of getSecretDigest(form).keyed ? peppers : NO_PEPPER) {
        const digest = { form, pepperId: pepper?.id ?? null }
        const sum = importedSecretVerifier.toDigest(secret, form, pepper?.bytes ?? null)
        for (const keyed of digester.candidates(toImportedDigestText(digest, sum))) {
          yield formatImportedDigest(digest, keyed)
        }
      }
    }
  }
}

/**
 * True if a secret was refused because another server has replaced the key's imported hash meanwhile, and deleted a
 * pepper that no other key has: then it must be proven again. `readKey` reads the key as it is now.
 */
export async function isHashReplaced(
  proven: Result<unknown, { readonly reason: string }>,
  importedHash: string | undefined,
  now: number,
  readKey: () => Promise<HashedKey | null>,
): Promise<boolean> {
  if (proven.ok || proven.failure.reason !== 'secret_unverifiable') return false
  return findImportedHash(await readKey(), now) !== importedHash
}

interface OpenedPepper {
  readonly id: string
  readonly bytes: Uint8Array
}

const NO_PEPPER = [null]

const failUnverifiable = (why: unknown) =>
  fail({
    reason: 'secret_unverifiable',
    detail: (why instanceof Error ? why.message : String(why)).replace(/\.$/, ''),
  } as const)

export type ImportedSecrets = ReturnType<typeof createImportedSecrets>

import { LRUCache } from 'lru-cache'
import {
  isPublicId,
  type Key,
  listValidSecretDigests,
  listValidSecretHashes,
} from '../../domain/key.ts'
import type { KeyType } from '../../domain/key-type.ts'
import { limitEntries } from '../../domain/limits.ts'
import { isLatchkeySecret, toExchangedSecretText } from '../../domain/secret.ts'
import type {
  AuthorityStorage,
  ClaimedKey,
  ProofStorage,
  SecretProof,
  VersionedKey,
} from '../ports/authority.ts'
import type { SecretDigester, SecretHasher } from '../ports/crypto.ts'
import type { Clock, KeepAlive, Log } from '../ports/runtime.ts'

export interface KeyProofsDeps {
  readonly storage: Pick<ProofStorage, 'addSecretProofs'> &
    Pick<AuthorityStorage, 'findClaimedKey' | 'readAuthority'>
  readonly hasher: Pick<SecretHasher, 'isProven'>
  readonly digester: SecretDigester
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
  /** True if imported secrets get a digest too, after their first successful exchange. */
  readonly digestImportedKeys: boolean
}

/** A key that a caller names, and how this process remembers the proof that the caller presents. */
export interface PresentedKey {
  readonly publicId: string
  /** The caller's network; '' if it does not matter. */
  readonly network: string
  /** Null if the key is read anew each time. */
  readonly cacheName: string | null
}

/** The key that a caller's claim has found. */
export interface FoundKey extends ClaimedKey {
  /** The digest that proved this caller's secret before, for the same row; null if none did. */
  readonly provenDigest: string | null
}

const MAX_CACHED_KEYS = 10_000

/** The number of digests that each check compares, so that every key costs the same work. */
const DECOY_DIGEST_COUNT = 2

/**
 * Recognizes the owner of a key before any slow hash is computed. A secret with 256 random bits has a
 * digest besides its hash, made with the secret or, for an older secret, at its first proof. For any other
 * secret, the networks that it was proven from are kept.
 */
export function createKeyProofs(deps: KeyProofsDeps) {
  const { storage, hasher, digester, clock, log, keepAlive, digestImportedKeys } = deps
  const decoys = Array<string>(DECOY_DIGEST_COUNT).fill(digester.digest(''))
  const provenKeys = new LRUCache<string, FoundKey & { readonly key: VersionedKey }>(
    limitEntries(MAX_CACHED_KEYS),
  )
  const pending = new Map<string, SecretProof>()
  let flushing: Promise<void> | null = null

  return {
    /** `proof` is a secret, or the id of a grant: only the key's owner can know either. */
    presentKey: (publicId: string, proof: string, network = ''): PresentedKey => ({
      publicId,
      network,
      cacheName: digester.toCacheName(`${publicId}\0${network}\0${proof}`),
    }),

    /**
     * Finds the key with this id, if it is of one of these types. It takes one statement in any case: for
     * an unknown id, that statement reads another key, which depends on the id and cannot be chosen by
     * the caller. After a successful proof, `rememberKey` makes it the authority's version alone, which
     * concurrent requests read together.
     */
    async findKey(
      presented: PresentedKey,
      keyTypes: readonly KeyType[] = ['redox'],
    ): Promise<FoundKey> {
      const { publicId, cacheName } = presented
      if (!isPublicId(publicId)) return NO_KEY
      const proven = cacheName === null ? undefined : provenKeys.get(cacheName)
      const isCurrent =
        proven !== undefined &&
        proven.key.authorityVersion === (await storage.readAuthority()).version
      return isCurrent && keyTypes.includes(proven.key.keyType)
        ? proven
        : readKey(presented, keyTypes)
    },

    /**
     * Remembers the key that was found, once the caller has proven to be its owner. `digest`: what proved
     * their secret, if it was one.
     */
    rememberKey(
      { cacheName }: PresentedKey,
      key: VersionedKey,
      digest: string | null = null,
    ): void {
      if (cacheName === null) return
      const known = provenKeys.peek(cacheName)
      // Every refresh comes here. An entry that lived for a while costs more to collect than to compare.
      if (known?.key === key && known.provenDigest === digest) return
      provenKeys.set(cacheName, { key, decoy: null, provenDigest: digest })
    },

    /** Tests if the digest that proved the caller's secret before is still valid. */
    isStillProven: ({ key, provenDigest }: FoundKey, now: number): boolean =>
      key !== null &&
      provenDigest !== null &&
      listValidSecretDigests(key, now).includes(provenDigest),

    /**
     * Returns the digest by which the secret is the key's; null if there is none. For an unknown key (null) it does
     * the same work.
     */
    findDigest(key: Key | null, secret: string, now: number): string | null {
      const digests = key === null ? [] : listValidSecretDigests(key, now)
      const text = toExchangedSecretText(key?.id ?? UNKNOWN_KEY_ID, secret)
      const compared = [...digests, ...decoys.slice(digests.length)]
      return compared.find((digest) => digester.matches(text, [digest])) ?? null
    },

    /** Tests if this process has proven the secret by its hash. For an unknown key it does the same work. */
    isProven: (key: Key | null, secret: string, now: number): boolean =>
      hasher.isProven(secret, key === null ? [] : listValidSecretHashes(key, now)),

    /** Stores a proof of a secret without a digest, in the background: the next exchange is fast. */
    remember(key: VersionedKey, secret: string, network: string): void {
      const now = clock()
      const hash = listValidSecretHashes(key, now).find((each) => hasher.isProven(secret, [each]))
      if (hash === undefined) return
      if (digestImportedKeys || isLatchkeySecret(secret)) {
        const digest = digester.digest(toExchangedSecretText(key.id, secret))
        pending.set(hash, { keyId: key.id, hash, digest })
      } else if (!isOwnerNetwork(key, now)) {
        pending.set(`${hash} ${network}`, { keyId: key.id, hash, network })
      } else return
      flushing ??= flushPending()
      keepAlive(flushing)
    },

    isOwnerNetwork,
  }

  async function readKey(
    { publicId, network }: PresentedKey,
    keyTypes: readonly KeyType[],
  ): Promise<FoundKey> {
    const decoySalt = digester.toDecoySalt(publicId)
    const claimed = await storage.findClaimedKey({ publicId, keyTypes, network, decoySalt })
    return { ...claimed, provenDigest: null }
  }

  /** Writes all waiting proofs, including those that arrive meanwhile. */
  async function flushPending(): Promise<void> {
    while (pending.size > 0) {
      const proofs = [...pending.values()]
      pending.clear()
      try {
        await storage.addSecretProofs(proofs, clock())
      } catch (error) {
        // The owner's next exchange adds the proof again.
        log.warn({ error, proofs: proofs.length }, 'proofs of secrets could not be written')
      }
    }
    flushing = null
  }
}

/** True if one of the key's valid secrets was proven from the network that the key was read for. */
const isOwnerNetwork = (key: VersionedKey, now: number): boolean =>
  key.provenHash !== null && listValidSecretHashes(key, now).includes(key.provenHash)

const NO_KEY: FoundKey = { key: null, decoy: null, provenDigest: null }

/** Has the length of an id, so that hashing it takes as long. */
const UNKNOWN_KEY_ID = '00000000-0000-0000-0000-000000000000'

export type KeyProofs = ReturnType<typeof createKeyProofs>

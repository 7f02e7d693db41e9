import { isPublicId, type Key, secretDigests, secretHashes } from '../domain/key.ts'
import { isMadeHere } from '../domain/secret.ts'
import { exchangedText } from './key-secrets.ts'
import type {
  AuthorityStorage,
  Clock,
  FoundKey,
  KeepAlive,
  Log,
  ProofStorage,
  SecretDigester,
  SecretHasher,
  SecretProof,
} from './ports.ts'

export interface KeyProofsDeps {
  readonly storage: Pick<ProofStorage, 'addSecretProofs'> & Pick<AuthorityStorage, 'findKey'>
  readonly hasher: Pick<SecretHasher, 'isProven'>
  readonly digester: SecretDigester
  readonly clock: Clock
  readonly log: Log
  readonly keepAlive: KeepAlive
  /** Whether a secret that another system made gets a digest too, once it was proven. */
  readonly digestImported: boolean
}

/** Stands for a digest where a key has none: whether it has costs the same work. */
const DECOYS = 2

/**
 * Tells the owner of a key from strangers before any slow hash. A secret with 256 random bits has a
 * digest beside its hash, from when it is made or, where it is older than that, first proven. Of any
 * other it is remembered from which network it was proven.
 */
export function createKeyProofs(deps: KeyProofsDeps) {
  const { storage, hasher, digester, clock, log, keepAlive, digestImported } = deps
  const decoys = Array<string>(DECOYS).fill(digester.digest(''))
  const waiting = new Map<string, SecretProof>()
  let writing: Promise<void> | null = null

  return {
    /**
     * The key that is exchanged and has this id, by one statement, whether there is one or not: where
     * there is none, another key is read, always the same for one id, and chosen by no caller.
     */
    async findKey(publicId: string, network?: string): Promise<FoundKey | null> {
      if (!isPublicId(publicId)) return null
      const decoyId = toHex(digester.digest(`decoy\0${publicId}`).slice(-DECOY_ID_LENGTH))
      const key = await storage.findKey(publicId, network, decoyId)
      return key?.dialect === 'redox' ? key : null
    },

    /** Whether it is the key's secret, known at once. A no costs the same where there is no such key. */
    isProven(key: Key | null, secret: string, now: number): boolean {
      const digests = key === null ? [] : secretDigests(key, now)
      const text = exchangedText(key?.id ?? NO_KEY, secret)
      const isKnown = digester.matches(text, [...digests, ...decoys.slice(digests.length)])
      return isKnown || hasher.isProven(secret, key === null ? [] : secretHashes(key, now))
    },

    /** Keeps what was proven, if the next time would be slow otherwise. Nobody waits for it. */
    remember(key: FoundKey, secret: string, network: string): void {
      const now = clock()
      if (digester.matches(exchangedText(key.id, secret), secretDigests(key, now))) return
      const hash = secretHashes(key, now).find((each) => hasher.isProven(secret, [each]))
      if (hash === undefined) return
      if (digestImported || isMadeHere(secret)) {
        const digest = digester.digest(exchangedText(key.id, secret))
        waiting.set(hash, { keyId: key.id, hash, digest })
      } else if (!isOwnerAt(key, now)) {
        waiting.set(`${hash} ${network}`, { keyId: key.id, hash, network })
      } else return
      writing ??= write()
      keepAlive(writing)
    },

    isOwnerAt,
  }

  /** What comes while a write is under way goes with the next one. */
  async function write(): Promise<void> {
    while (waiting.size > 0) {
      const proofs = [...waiting.values()]
      waiting.clear()
      try {
        await storage.addSecretProofs(proofs, clock())
      } catch (error) {
        // The next request of the same owner brings it again.
        log.warn({ error, proofs: proofs.length }, 'it was not written that secrets were proven')
      }
    }
    writing = null
  }
}

/** Whether a secret that the key still has was proven from the network that it was read for. */
const isOwnerAt = (key: FoundKey, now: number): boolean =>
  key.provenHash !== null && secretHashes(key, now).includes(key.provenHash)

const DECOY_ID_LENGTH = 8

/** Text that sorts among ids as they do, by the low bits of each character. */
const toHex = (text: string): string =>
  Array.from(text, (letter) => (letter.charCodeAt(0) & 15).toString(16)).join('')

/** As long as any id. */
const NO_KEY = '00000000-0000-0000-0000-000000000000'

export type KeyProofs = ReturnType<typeof createKeyProofs>

import { neighbourhood } from '../domain/address.ts'
import { type Failure, fail, ok, type Result } from '../domain/failure.ts'
import { type Key, mayUse, secretHashes } from '../domain/key.ts'
import { wholeSecond } from '../domain/token.ts'
import { type Guesses, toParty } from './guesses.ts'
import { type Granted, issue } from './issue.ts'
import type { KeyProofs } from './key-proofs.ts'
import type { Clock, Log, Random, SecretHasher, TokenMinter } from './ports.ts'
import type { Recorder } from './recorder.ts'
import type { Caller, Refused } from './refused.ts'
import type { Uses } from './uses.ts'

export interface ExchangeDeps {
  readonly proofs: KeyProofs
  readonly hasher: SecretHasher
  readonly minter: TokenMinter
  readonly guesses: Guesses
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly region: string
  readonly uses: Uses
  readonly recorder: Recorder
  readonly refused: Refused
}

/**
 * Key and secret in, tokens out. Waits for no write: both tokens carry their own proof, and each use of
 * them reads the key's row. The audit hears of it a moment later.
 */
export function createExchange(deps: ExchangeDeps) {
  const { proofs, hasher, minter, guesses, random, clock, log, region } = deps
  const { uses, recorder, refused } = deps

  return async function exchange(
    credential: { publicId: string; secret: string },
    caller: Caller,
  ): Promise<Result<Granted>> {
    const judged = await judge(credential, caller)
    if (!judged.ok) {
      refused('exchange', judged.failure, caller)
      return judged
    }
    const key = judged.value
    const grantId = random.uuid()
    const granted = await issue(minter, key, {
      grantId,
      generation: 0,
      issuedAt: wholeSecond(clock()),
    })
    uses.count(key)
    log.debug({ ...caller, keyId: key.id }, 'exchanged')
    const facts = { surface: 'exchange', grantId }
    recorder.record({ action: 'token.issued', subject: key.id, caller, facts })
    return ok(granted)
  }

  /** The key, if the caller has proved to hold its secret and it may be used. */
  async function judge(
    { publicId, secret }: { publicId: string; secret: string },
    { address }: Caller,
  ): Promise<Result<Key>> {
    const now = clock()
    const network = neighbourhood(address)
    const found = await proofs.findKey(publicId, network)
    const usable: Result<Key> =
      found === null ? fail({ reason: 'key_unknown' }) : mayUse(found, address, now, region)
    // A key that may not be used is treated like one that does not exist: the same work is done, so the
    // time does not tell them apart.
    const key = usable.ok ? found : null

    // Key ids are public, so the owner is recognised before any limit that strangers could use up.
    if (!proofs.isProven(key, secret, now)) {
      const owned = key !== null && proofs.isOwnerAt(key, now) ? key.id : undefined
      const mayTry = () => guesses.mayTry(address, owned)
      const may = mayTry()
      if (!may.ok) return may
      const hashes = key === null ? [] : secretHashes(key, now)
      const party = toParty(address, owned)
      const requester = { lane: 'vendors', party, claim: publicId } as const
      // The limit is checked again when the work begins: of many guesses at once, most must be refused.
      const proven = await hasher.verify(secret, hashes, requester, mayTry)
      if (!proven.ok) return proven
      if (!proven.value) {
        guesses.failed(address, owned)
        return usable.ok ? fail(wrong(usable.value)) : usable
      }
    }
    if (key !== null) proofs.remember(key, secret, network)
    return usable
  }
}

const wrong = (key: Key): Failure => ({ reason: 'secret_wrong', keyId: key.id })

export type Exchange = ReturnType<typeof createExchange>

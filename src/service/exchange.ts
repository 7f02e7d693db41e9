import { type Failure, fail, ok, type Result } from '../domain/failure.ts'
import { isPublicId, type Key, mayUse, secretHashes } from '../domain/key.ts'
import { wholeSecond } from '../domain/token.ts'
import type { Guesses } from './guesses.ts'
import { type Granted, issue } from './issue.ts'
import type { Clock, Log, Random, SecretHasher, TokenMinter } from './ports.ts'
import type { Recorder } from './recorder.ts'
import type { Caller, Refused } from './refused.ts'
import type { Standings } from './standing.ts'
import type { Uses } from './uses.ts'

export interface ExchangeDeps {
  readonly standings: Standings
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
  const { standings, hasher, minter, guesses, random, clock, log, region } = deps
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
    const mayTry = guesses.mayTry(address)
    if (!mayTry.ok) return mayTry

    const now = clock()
    const standing = isPublicId(publicId) ? await standings.ofKey(publicId) : null
    const usable: Result<Key> =
      standing === null
        ? fail({ reason: 'key_unknown' })
        : mayUse(standing.key, address, now, region)
    // A key that may not be used has no hashes, like one that does not exist: the same work is done,
    // and nobody learns which it was.
    const hashes = usable.ok ? secretHashes(usable.value, now) : []

    // Somebody who guesses at a key must not lock out its owner, whose secret is known already.
    if (!hasher.isProven(secret, hashes)) {
      // Asked again when the work begins: of many guesses at once, most must wait like any other.
      const mayTryKey = () => {
        const mayTry = guesses.mayTry(address)
        return mayTry.ok ? guesses.mayTryKey(publicId) : mayTry
      }
      const may = mayTryKey()
      if (!may.ok) return may
      const asker = `${publicId}\0${address}`
      const proven = await hasher.verify(secret, hashes, asker, mayTryKey)
      if (!proven.ok) return proven
      if (!proven.value) {
        guesses.failed(address, publicId)
        return usable.ok ? fail(wrong(usable.value)) : usable
      }
    }
    return usable
  }
}

const wrong = (key: Key): Failure => ({ reason: 'secret_wrong', keyId: key.id })

export type Exchange = ReturnType<typeof createExchange>

import type { Credential } from '../domain/credential.ts'
import {
  fail,
  type NotAllowed,
  type NotNow,
  ok,
  type Result,
  type Unbelieved,
} from '../domain/failure.ts'
import { isPublicId, type Key, mayUse, secretHashes } from '../domain/key.ts'
import { isGarbled } from '../domain/secret.ts'
import type { Guesses } from './guesses.ts'
import type { Pace } from './pace.ts'
import type { Clock, SecretDigester } from './ports.ts'
import type { Caller } from './refused.ts'
import type { Standings } from './standing.ts'
import type { Uses } from './uses.ts'

export interface AuthenticateDeps {
  readonly standings: Standings
  readonly digester: SecretDigester
  readonly guesses: Guesses
  readonly pace: Pace
  readonly uses: Uses
  readonly clock: Clock
  readonly region: string
}

/**
 * A credential that is presented at every request in, its key out, judged anew each time: revocation
 * is in force at once. What is wrong with a key or its account is told only to who holds the secret.
 */
export function createAuthenticate(deps: AuthenticateDeps) {
  const { standings, digester, guesses, pace, uses, clock, region } = deps

  return async function authenticate(
    credential: Credential,
    caller: Caller,
  ): Promise<Result<Key, Unbelieved | NotAllowed | NotNow>> {
    const { address } = caller
    const now = clock()
    const found = await find(credential, now)
    if (!found.ok) {
      // Who can prove himself is never refused for what others have tried; only who fails is slowed down.
      const mayTry = guesses.mayTry(address)
      guesses.failed(address)
      return mayTry.ok ? found : mayTry
    }
    caller.keyId = found.value.id
    const usable = mayUse(found.value, address, now, region)
    if (!usable.ok) return usable
    const key = usable.value
    const inTime = pace(key)
    if (!inTime.ok) return inTime
    uses.count(key)
    return ok(key)
  }

  /** The key whose secret this is. */
  function find(credential: Credential, now: number): Promise<Result<Key, Unbelieved>> {
    switch (credential.dialect) {
      case 'xenrad':
        return findBySecret(credential.secret, now, (key) => key.dialect === 'xenrad')
      case 'opendental':
        return findBySecret(
          credential.secret,
          now,
          (key) => key.developer?.developerKey === credential.developerKey,
        )
      case 'practice':
        return findBySecret(
          credential.secret,
          now,
          (key) => key.dialect === 'practice' && key.username === credential.username,
        )
      case 'xdent':
        return findById(credential, now)
    }
  }

  async function findBySecret(
    secret: string,
    now: number,
    isIts: (key: Key) => boolean,
  ): Promise<Result<Key, Unbelieved>> {
    if (isGarbled(secret)) return unknown
    for (const digest of digester.candidates(secret)) {
      const key = await standings.keyOfSecret(digest)
      if (key !== null && isIts(key) && secretHashes(key, now).includes(digest)) return ok(key)
    }
    return unknown
  }

  async function findById(
    { publicId, secret }: { publicId: string; secret: string | null },
    now: number,
  ): Promise<Result<Key, Unbelieved>> {
    const key = isPublicId(publicId) ? await standings.keyOfId(publicId, region) : null
    if (key === null) return unknown
    if (secret === null) return fail({ reason: 'secret_missing', keyId: key.id })
    return digester.matches(secret, secretHashes(key, now))
      ? ok(key)
      : fail({ reason: 'secret_wrong', keyId: key.id })
  }
}

const unknown = fail({ reason: 'key_unknown' } as const)

export type Authenticate = ReturnType<typeof createAuthenticate>

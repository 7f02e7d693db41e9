import { fail, ok, type Result } from '../domain/failure.ts'
import { type Key, mayUse } from '../domain/key.ts'
import { decide, type Rotation } from '../domain/rotation.ts'
import { GRANT_MS, type RefreshToken } from '../domain/token.ts'
import type { Guesses } from './guesses.ts'
import { type Granted, issue } from './issue.ts'
import type { KeyProofs } from './key-proofs.ts'
import type { Clock, GrantStorage, Log, Random, TokenMinter } from './ports.ts'
import type { Recorder } from './recorder.ts'
import type { Caller, Refused } from './refused.ts'
import type { Uses } from './uses.ts'

export interface RefreshDeps {
  readonly storage: GrantStorage
  readonly proofs: Pick<KeyProofs, 'findKey'>
  readonly minter: TokenMinter
  readonly guesses: Guesses
  readonly random: Random
  readonly clock: Clock
  readonly log: Log
  readonly region: string
  readonly leewayMs: number
  readonly uses: Uses
  readonly recorder: Recorder
  readonly refused: Refused
}

/** How often a lost race is judged again. Each loss means that another request has moved the grant. */
const ATTEMPTS = 10

/**
 * Refresh token in, the next generation out, or the same answer again for a client that lost it.
 */
export function createRefresh(deps: RefreshDeps) {
  const { storage, proofs, minter, guesses, random, clock, log, region, leewayMs } = deps
  const { uses, recorder, refused } = deps

  return async function refresh(
    credential: { publicId: string; refreshToken: string },
    caller: Caller,
  ): Promise<Result<Granted>> {
    const answer = await judge(credential, caller)
    if (answer.ok) {
      log.debug({ ...caller, publicId: credential.publicId }, 'refreshed')
      return answer
    }
    refused('refresh', answer.failure, caller)
    // A genuine token is never refused for what others have tried; only who fails is slowed down.
    const { address } = caller
    const mayTry = guesses.mayTry(address)
    guesses.failed(address)
    return mayTry.ok ? answer : mayTry
  }

  async function judge(
    { publicId, refreshToken }: { publicId: string; refreshToken: string },
    caller: Caller,
  ): Promise<Result<Granted>> {
    const now = clock()
    // The key is read anew each time: with a cache, the time would tell which keys exist.
    const found = await proofs.findKey(publicId)
    const proven = minter.proveRefresh(refreshToken, found?.tokenSalt ?? minter.decoySalt)
    if (found === null) return fail({ reason: 'key_unknown' })
    if (!proven.ok) return proven
    const usable = mayUse(found, caller.address, now, region)
    if (!usable.ok) return usable
    uses.count(found)
    return rotate(usable.value, proven.value, now, caller)
  }

  async function rotate(
    key: Key,
    token: RefreshToken,
    now: number,
    caller: Caller,
  ): Promise<Result<Granted>> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const grant = await storage.findGrant(token.grantId)
      const rotation = decide(token, grant, now, leewayMs)
      const done = await carryOut(rotation, key, token, now, caller)
      if (done !== 'lost the race') return done
    }
    throw new Error(`grant ${token.grantId} moved ${ATTEMPTS} times while it was refreshed once`)
  }

  async function carryOut(
    rotation: Rotation,
    key: Key,
    { grantId, generation }: RefreshToken,
    now: number,
    caller: Caller,
  ): Promise<Result<Granted> | 'lost the race'> {
    const keyId = key.id
    switch (rotation.act) {
      case 'rotate': {
        const { to, issuedAt } = rotation
        const won = await storage.rotateGrant({
          grantId,
          keyId,
          to,
          rotatedAt: issuedAt,
          expiresAt: issuedAt + GRANT_MS,
        })
        if (!won) return 'lost the race'
        const facts = { surface: 'refresh', grantId, generation: to }
        recorder.record({ action: 'token.refreshed', subject: keyId, caller, facts })
        return ok(await issue(minter, key, { grantId, generation: to, issuedAt }))
      }
      case 'repeat': {
        const { to, issuedAt } = rotation
        return ok(await issue(minter, key, { grantId, generation: to, issuedAt }))
      }
      case 'expired':
        return fail({ reason: 'token_expired', keyId })
      case 'revoked':
        return fail({ reason: 'grant_revoked', keyId, grantId })
      case 'outdated':
        return fail({ reason: 'refresh_outdated', keyId, grantId, generation })
      case 'reuse': {
        const { address, path, requestId } = caller
        await storage.revokeGrant(grantId, now, {
          id: random.uuid(),
          at: now,
          actor: keyId,
          action: 'grant.reused',
          subject: grantId,
          facts: { keyId, generation, address, path },
          requestId,
        })
        return fail({ reason: 'refresh_reused', keyId, grantId, generation })
      }
    }
  }
}

export type Refresh = ReturnType<typeof createRefresh>

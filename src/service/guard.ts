import { fail, ok, type Result } from '../domain/failure.ts'
import { isFromFuture } from '../domain/instant.ts'
import { mayUse } from '../domain/key.ts'
import { expiresAt } from '../domain/token.ts'
import type { Clock, GrantStorage, TokenMinter } from './ports.ts'
import type { Standing, Standings } from './standing.ts'
import type { Uses } from './uses.ts'

export interface GuardDeps {
  readonly standings: Standings
  readonly storage: GrantStorage
  readonly minter: TokenMinter
  readonly uses: Uses
  readonly clock: Clock
  readonly region: string
}

/** Who a key is, once it has proved it: what every guarded surface goes by. */
export type Principal = Standing

/** Access token in, principal out, judged anew at every use: revocation is in force at once. */
export function createGuard({ standings, storage, minter, uses, clock, region }: GuardDeps) {
  return async function guard(accessToken: string, address: string): Promise<Result<Principal>> {
    const proven = await minter.proveAccess(accessToken)
    if (!proven.ok) return proven
    const token = proven.value
    const { keyId, grantId, generation } = token

    const now = clock()
    if (now >= expiresAt(token)) return fail({ reason: 'token_expired', keyId })
    if (isFromFuture(token.issuedAt, now)) return fail({ reason: 'token_from_future', keyId })
    const { standing, grant } = await standings.ofToken(token)
    // Another key may have this public id now, and a token must not open what belongs to that key.
    if (standing?.key.id !== keyId) return fail({ reason: 'key_unknown' })
    const usable = mayUse(standing.key, address, now, region)
    if (!usable.ok) return usable
    if (token.epoch !== standing.key.tokenEpoch) return fail({ reason: 'token_superseded', keyId })
    if (grant !== null && grant.revokedAt !== null) {
      return fail({ reason: 'grant_revoked', keyId, grantId })
    }

    // Whoever uses the newest access token has received it: its refresh token is no longer repeated.
    if (grant?.generation === generation && grant.acknowledgedAt === null) {
      await storage.acknowledgeGrant(grantId, generation, now)
      standings.forgetGrant(token)
    }
    uses.count(standing.key)
    return ok(standing)
  }
}

export type Guard = ReturnType<typeof createGuard>

import { fail, KEY_UNKNOWN, ok, type Result } from '../../domain/failure.ts'
import { listAdminPermissions } from '../../domain/scope.ts'
import type { Actor } from '../actor-services.ts'
import type { Caller } from '../caller.ts'
import type { User } from '../ports/accounts.ts'
import type { MaybePromise } from '../ports/runtime.ts'
import type { Guard } from '../tokens/guard.ts'
import type { GuardFailure } from '../tokens/verify-token.ts'

export interface ServiceAccountDeps {
  readonly guard: Guard
  readonly storage: { findUser(id: string): MaybePromise<User | null> }
}

export type FindServiceAccount = (
  accessToken: string,
  caller: Caller,
) => Promise<Result<Actor, GuardFailure>>

/**
 * Finds the actor that an OAuth client is: with the permissions of its token's `admin:` scopes that its owner has
 * now, in its own account.
 */
export const createFindServiceAccount =
  ({ guard, storage }: ServiceAccountDeps): FindServiceAccount =>
  async (accessToken, caller) => {
    const principal = await guard(accessToken, caller)
    if (!principal.ok) return principal
    const { key, scopes } = principal.value
    if (scopes === null)
      return fail({ reason: 'scope_insufficient', keyId: key.id, scope: 'admin:' })
    const owner = await storage.findUser(key.ownerId)
    if (owner === null) return KEY_UNKNOWN
    return ok({
      actor: key.id,
      role: owner.role,
      accountId: key.accountId,
      permissions: owner.deactivatedAt === null ? listAdminPermissions(scopes) : [],
    })
  }

import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import { INTROSPECTION_SCOPE } from '../../domain/scope.ts'
import { getTokenExpiry, isClientToken } from '../../domain/token.ts'
import type { RecordRefusal } from '../audit/record-refusal.ts'
import type { Caller } from '../caller.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import { findAudience, type Guard } from '../tokens/guard.ts'
import { type GuardFailure, type VerifyTokenDeps, verifyToken } from '../tokens/verify-token.ts'
import {
  type AuthenticateClientDeps,
  authenticateClient,
  type ClientCredential,
  type ClientFailure,
} from './authenticate-client.ts'

export interface IntrospectTokenDeps extends AuthenticateClientDeps, VerifyTokenDeps {
  readonly storage: AuthenticateClientDeps['storage'] & VerifyTokenDeps['storage']
  readonly guard: Guard
  readonly keyUseCounter: KeyUseCounter
  readonly recordRefusal: RecordRefusal
}

/** An active token, as a resource server learns of it. */
export interface TokenDescription {
  readonly clientId: string
  /** The `sub` of the token, were it a JWT. */
  readonly subject: string
  /** None for a token that a key and secret were exchanged for. */
  readonly scopes: readonly string[]
  /** Epoch milliseconds, on whole seconds. */
  readonly issuedAt: number
  readonly expiresAt: number
  /** Null for this server. */
  readonly audience: string | null
}

/** A client, or an access token with the scope `introspect`. */
export type IntrospectionCredential = ClientCredential | { readonly accessToken: string }

export type IntrospectionFailure = ClientFailure | GuardFailure

export type IntrospectToken = (
  request: { readonly credential: IntrospectionCredential; readonly token: string },
  caller: Caller,
) => Promise<Result<TokenDescription | null, IntrospectionFailure>>

/**
 * Describes an access token of the caller's account (RFC 7662); null for every other text, and for a token
 * that no longer works.
 */
export const createIntrospectToken =
  (deps: IntrospectTokenDeps): IntrospectToken =>
  async ({ credential, token }, caller) => {
    const authenticated = await authenticateResourceServer(deps, credential, caller)
    if (!authenticated.ok) {
      deps.recordRefusal('introspection', authenticated.failure, caller)
      return authenticated
    }
    return ok(await describeToken(deps, authenticated.value, token))
  }

async function authenticateResourceServer(
  deps: IntrospectTokenDeps,
  credential: IntrospectionCredential,
  caller: Caller,
): Promise<Result<Key, IntrospectionFailure>> {
  if (!('accessToken' in credential)) {
    const client = await authenticateClient(deps, credential, caller)
    if (!client.ok) return client
    caller.keyId = client.value.id
    deps.keyUseCounter.count(client.value, caller)
    return client
  }
  const principal = await deps.guard(credential.accessToken, caller)
  if (!principal.ok) return principal
  const { key, scopes } = principal.value
  return scopes?.includes(INTROSPECTION_SCOPE)
    ? ok(key)
    : fail({ reason: 'scope_insufficient', keyId: key.id, scope: INTROSPECTION_SCOPE })
}

async function describeToken(
  deps: IntrospectTokenDeps,
  { accountId }: Key,
  accessToken: string,
): Promise<TokenDescription | null> {
  const verified = await verifyToken(deps, accessToken, null)
  if (!verified.ok) return null
  const { principal, token } = verified.value
  const { key, scopes } = principal
  if (key.accountId !== accountId) return null
  return {
    clientId: key.publicId,
    subject: isClientToken(token) ? key.publicId : key.id,
    scopes: scopes ?? [],
    issuedAt: token.issuedAt,
    expiresAt: getTokenExpiry(token),
    audience: isClientToken(token) ? findAudience(token, key) : null,
  }
}

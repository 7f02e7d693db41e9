import { fail, ok, type Result } from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import type { OAuthClient } from '../../domain/oauth-client.ts'
import { grantScopes } from '../../domain/scope.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { ACCESS_TOKEN_MS, floorToSecond } from '../../domain/token.ts'
import type { AuditBuffer } from '../audit/buffer.ts'
import type { RecordRefusal } from '../audit/record-refusal.ts'
import { type Caller, identifyKey } from '../caller.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Log, Random } from '../ports/runtime.ts'
import { issueTokens } from '../tokens/issue.ts'
import {
  type AuthenticateClientDeps,
  authenticateClient,
  type ClientCredential,
  type ClientFailure,
} from './authenticate-client.ts'

export interface RequestTokenDeps extends AuthenticateClientDeps {
  readonly minter: TokenMinter
  readonly random: Random
  readonly log: Log
  readonly keyUseCounter: KeyUseCounter
  readonly auditBuffer: AuditBuffer
  readonly recordRefusal: RecordRefusal
}

/** The access token of a client. */
export interface ClientToken {
  readonly accessToken: string
  readonly lifetimeSeconds: number
  /** The granted scopes; none for a legacy key, whose token is that of an exchange. */
  readonly scopes: readonly string[]
}

interface TokenRequest {
  readonly credential: ClientCredential
  /** The `scope` parameter; null without one. */
  readonly scope: string | null
}

export type RequestToken = (
  request: TokenRequest,
  caller: Caller,
) => Promise<Result<ClientToken, ClientFailure>>

/** Issues an access token by the client credentials grant (RFC 6749 §4.4). */
export const createRequestToken =
  (deps: RequestTokenDeps): RequestToken =>
  async ({ credential, scope }, caller) => {
    const { log, keyUseCounter, recordRefusal } = deps
    const client = await authenticateClient(deps, credential, caller)
    if (client.ok) identifyKey(caller, client.value)
    const admitted = client.ok ? checkBrownout(client.value, deps.clock()) : client
    const issued = admitted.ok
      ? await issueClientToken(deps, admitted.value, scope, caller)
      : admitted
    if (!issued.ok) {
      recordRefusal('token', issued.failure, caller)
      return issued
    }
    if (client.ok) keyUseCounter.count(client.value, caller)
    log.debug(caller, 'a client got an access token')
    return issued
  }

async function issueClientToken(
  { minter, random, clock, auditBuffer }: RequestTokenDeps,
  key: Key,
  requestedScope: string | null,
  caller: Caller,
): Promise<Result<ClientToken, ClientFailure>> {
  const { id: keyId, oauthClient } = key
  const scopes = grantScopes(requestedScope, oauthClient?.scopes ?? [], {
    allowsSystem: oauthClient?.authenticationMethod === 'private_key_jwt',
  })
  if (scopes.length === 0 && (oauthClient !== null || requestedScope !== null)) {
    return fail({ reason: 'scope_refused', keyId })
  }
  const issuedAt = floorToSecond(clock())
  const tokenId = random.uuid()
  const issued =
    oauthClient === null
      ? await issueExchangedToken(minter, key, tokenId, issuedAt)
      : await mintToken(minter, { key, oauthClient, tokenId, issuedAt, scopes })
  const facts = { surface: 'token', tokenId, scope: scopes.join(' ') }
  auditBuffer.record({ action: 'token.issued', subject: keyId, caller, facts })
  return ok({ ...issued, scopes })
}

/** A legacy key gets the token that it would be exchanged for. */
async function issueExchangedToken(
  minter: TokenMinter,
  key: Key,
  grantId: string,
  issuedAt: number,
): Promise<Omit<ClientToken, 'scopes'>> {
  const { accessToken } = await issueTokens(minter, key, { grantId, generation: 0, issuedAt })
  return { accessToken, lifetimeSeconds: ACCESS_TOKEN_MS / 1000 }
}

async function mintToken(
  minter: TokenMinter,
  {
    key,
    oauthClient,
    tokenId,
    issuedAt,
    scopes,
  }: {
    readonly key: Key
    readonly oauthClient: OAuthClient
    readonly tokenId: string
    readonly issuedAt: number
    readonly scopes: readonly string[]
  },
): Promise<Omit<ClientToken, 'scopes'>> {
  const { tokenLifetimeSeconds: lifetimeSeconds, audience } = oauthClient
  const claims = {
    keyId: key.id,
    clientId: key.publicId,
    tokenId,
    epoch: key.tokenEpoch,
    issuedAt,
    lifetimeSeconds,
    scope: scopes.join(' '),
    audience,
  }
  return {
    accessToken: await minter.mintClientToken(claims, oauthClient, key.tokenSalt),
    lifetimeSeconds,
  }
}

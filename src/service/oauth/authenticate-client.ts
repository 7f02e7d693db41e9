import type {
  AssertionFailure,
  AssertionProfile,
  AssertionReason,
} from '../../domain/client-assertion.ts'
import {
  type AssertionRefusal,
  fail,
  KEY_UNKNOWN,
  type Result,
  type TokenRequestRefusal,
} from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { checkKeyUsable, type Key } from '../../domain/key.ts'
import { hasSecret } from '../../domain/oauth-client.ts'
import {
  type ExchangedCredential,
  type ExchangedSecretDeps,
  type SecretFailure,
  verifyExchangedSecret,
} from '../authenticate/exchanged-secret.ts'
import type { Caller } from '../caller.ts'
import type { AssertionStorage } from '../ports/authority.ts'
import type { AssertionVerifier } from '../ports/crypto.ts'
import type { LastRefusals } from './last-refusals.ts'
import type { VerifyAssertion } from './verify-assertion.ts'

export interface AuthenticateClientDeps extends ExchangedSecretDeps {
  readonly storage: Pick<AssertionStorage, 'useAssertion'>
  readonly assertionVerifier: AssertionVerifier
  readonly verifyAssertion: VerifyAssertion
  /** SHA-256, base64url. */
  readonly sha256: (text: string) => string
  readonly lastRefusals: Pick<LastRefusals, 'record'>
}

/** The proof of a client's identity in a request to an endpoint of OAuth. */
export type ClientCredential =
  | {
      readonly method: 'private_key_jwt'
      readonly assertion: string
      readonly profile: AssertionProfile
      /** The `aud` values that stand for this endpoint. */
      readonly audiences: readonly string[]
      /** The `client_id` beside the assertion; null without one. */
      readonly clientId: string | null
    }
  | {
      readonly method: 'client_secret_basic' | 'client_secret_post'
      /** The readings of the credential: some clients encode it, others do not. */
      readonly readings: readonly ExchangedCredential[]
    }

export type ClientFailure = SecretFailure | TokenRequestRefusal

/** Returns the key of the client. A legacy key's secret proves it too. */
export const authenticateClient = (
  deps: AuthenticateClientDeps,
  credential: ClientCredential,
  caller: Caller,
): Promise<Result<Key, ClientFailure>> =>
  credential.method === 'private_key_jwt'
    ? authenticateByAssertion(deps, credential, caller)
    : authenticateBySecret(deps, credential, caller)

async function authenticateBySecret(
  deps: AuthenticateClientDeps,
  { method, readings }: Extract<ClientCredential, { readings: unknown }>,
  { address }: Caller,
): Promise<Result<Key, ClientFailure>> {
  let verified: Result<Key, SecretFailure> = KEY_UNKNOWN
  for (const reading of readings) {
    verified = await verifyExchangedSecret(deps, reading, address, ['redox', 'oauth'])
    if (verified.ok) break
  }
  if (!verified.ok) return verified
  const { id: keyId, oauthClient } = verified.value
  // Only a caller who has the secret learns that the method is another one.
  return oauthClient === null || oauthClient.authenticationMethod === method
    ? verified
    : failMethod(keyId, oauthClient.authenticationMethod)
}

const failMethod = (keyId: string, method: string) =>
  fail({ reason: 'client_method_other', keyId, detail: `it is registered for ${method}` } as const)

async function authenticateByAssertion(
  deps: AuthenticateClientDeps,
  credential: Extract<ClientCredential, { assertion: string }>,
  caller: Caller,
): Promise<Result<Key, ClientFailure>> {
  const { failureLimiter, lastRefusals } = deps
  const { address } = caller
  const verified = await verifyClientAssertion(deps, credential, address)
  if (verified.ok) return verified
  const { failure } = verified
  if ('why' in failure && failure.keyId !== undefined) {
    lastRefusals.record(failure.keyId, `${failure.why}: ${failure.detail}`)
  }
  // A signature is checked before this limit, so that strangers at one address lock no client out.
  const allowed = failureLimiter.checkAllowed(address)
  failureLimiter.countFailure(address)
  return allowed.ok ? verified : allowed
}

/** Stands for an unknown client: its assertion is judged in the same way. */
const UNKNOWN_CLIENT = { keyId: '', jwksUrl: null, jwks: null }

async function verifyClientAssertion(
  deps: AuthenticateClientDeps,
  { assertion, profile, audiences, clientId }: Extract<ClientCredential, { assertion: string }>,
  address: string,
): Promise<Result<Key, ClientFailure>> {
  const { keyProofs, assertionVerifier, clock, region } = deps
  const parsed = assertionVerifier.parse(assertion)
  if (!parsed.ok) return fail(toAssertionRefusal(parsed.failure))
  const { iss } = parsed.value.claims
  const issuer = typeof iss === 'string' ? iss : ''
  if (clientId !== null && toStoredId(clientId) !== toStoredId(issuer)) {
    return fail({ reason: 'client_id_other' })
  }
  const { key: found } = await keyProofs.findKey(
    { publicId: toStoredId(issuer), network: '', cacheName: null },
    ['oauth'],
  )
  const usable = found === null ? KEY_UNKNOWN : checkKeyUsable(found, address, clock(), region)
  const client = usable.ok ? usable.value.oauthClient : null
  const verified = await deps.verifyAssertion(
    parsed.value,
    {
      ...UNKNOWN_CLIENT,
      ...(usable.ok && { keyId: usable.value.id }),
      ...(client !== null && { jwksUrl: client.jwksUrl, jwks: client.jwks }),
      clientId: issuer,
    },
    { profile, audiences },
  )
  // An assertion that is wrong for every client is answered alike, so that the answer does not tell which ones exist.
  if (!verified.ok && !CLIENT_REASONS.has(verified.failure.reason)) {
    return fail(toAssertionRefusal(verified.failure, found?.id))
  }
  if (!usable.ok) return usable
  const { value: key } = usable
  if (client === null || hasSecret(key)) {
    return failMethod(key.id, client?.authenticationMethod ?? 'no method')
  }
  if (!verified.ok) return fail(toAssertionRefusal(verified.failure, key.id))
  if (client.repeatedAssertions === 'allowed') return usable
  return (await useOnce(deps, key, verified.value))
    ? usable
    : fail(
        toAssertionRefusal(
          { reason: 'assertion_repeated', detail: 'its jti was used before' },
          key.id,
        ),
      )
}

/** Stores the use of a proven assertion. Returns false if it was used before, in any process. */
const useOnce = (
  { storage, sha256, clock }: AuthenticateClientDeps,
  { id: keyId }: Key,
  { replayId, endsAt }: { readonly replayId: string; readonly endsAt: number },
): Promise<boolean> =>
  storage.useAssertion({ keyId, jtiHash: sha256(replayId), endsAt, now: clock() })

/** The answers tell three kinds of reasons apart, as the vendor's documentation does. */
const REFUSAL_REASONS: Readonly<Partial<Record<AssertionReason, AssertionRefusal['reason']>>> = {
  kid_missing: 'assertion_kid_missing',
  // An `iss` that is no text names no client.
  issuer_other: 'assertion_key_unknown',
  jku_other: 'assertion_key_unknown',
  key_unknown: 'assertion_key_unknown',
  key_ambiguous: 'assertion_key_unknown',
  key_refused: 'assertion_key_unknown',
  key_set_unreachable: 'assertion_key_unknown',
  key_set_invalid: 'assertion_key_unknown',
}

/** The reasons that depend on the client, and not on the assertion alone. */
const CLIENT_REASONS: ReadonlySet<AssertionReason> = new Set([
  'jku_other',
  'key_unknown',
  'key_ambiguous',
  'key_refused',
  'key_set_unreachable',
  'key_set_invalid',
  'signature_wrong',
])

const toAssertionRefusal = (
  { reason, detail }: AssertionFailure,
  keyId?: string,
): AssertionRefusal => ({
  reason: REFUSAL_REASONS[reason] ?? 'assertion_invalid',
  ...(keyId !== undefined && { keyId }),
  why: reason,
  detail,
})

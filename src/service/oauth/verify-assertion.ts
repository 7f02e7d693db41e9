import {
  type AssertionFailure,
  type AssertionProfile,
  failAssertion,
  type JudgedAssertion,
  judgeAssertionClaims,
  judgeAssertionHeader,
  type ParsedAssertion,
} from '../../domain/client-assertion.ts'
import type { Result } from '../../domain/failure.ts'
import type { AssertionVerifier } from '../ports/crypto.ts'
import type { Clock } from '../ports/runtime.ts'
import type { ClientKeys, KeyedClient } from './client-keys.ts'

export interface VerifyAssertionDeps {
  readonly verifier: AssertionVerifier
  readonly clientKeys: ClientKeys
  readonly clock: Clock
}

/** The registered client that an assertion names by its `iss`. */
export interface AssertionClient extends KeyedClient {
  /** The key's public id. */
  readonly clientId: string
}

export type VerifyAssertion = (
  assertion: ParsedAssertion,
  client: AssertionClient,
  expected: { readonly profile: AssertionProfile; readonly audiences: readonly string[] },
) => Promise<Result<JudgedAssertion, AssertionFailure>>

/**
 * Verifies that the client signed the assertion for this server, and that it still lives. Its repetition is
 * the caller's to refuse. Judges everything else first, so that only a plausible assertion fetches a key set.
 */
export const createVerifyAssertion =
  ({ verifier, clientKeys, clock }: VerifyAssertionDeps): VerifyAssertion =>
  async (assertion, client, { profile, audiences }) => {
    const hint = judgeAssertionHeader(assertion, profile, client.jwksUrl)
    if (!hint.ok) return hint
    const { clientId } = client
    const expectations = { profile, clientId, audiences, now: clock() }
    const judged = judgeAssertionClaims(assertion, expectations)
    if (!judged.ok) return judged
    const { algorithm } = hint.value
    const key = await clientKeys.findKey(client, hint.value)
    if (!key.ok) {
      await verifier.spendVerification(assertion, algorithm)
      return key
    }
    if (await verifier.isSigned(assertion, key.value, algorithm)) return judged
    const name = key.value.kid === null ? '' : ` ${JSON.stringify(key.value.kid)}`
    return failAssertion('signature_wrong', `the key${name} did not sign it with ${algorithm}`)
  }

import { ok, type Result } from '../../domain/failure.ts'
import { checkBrownout } from '../../domain/sunset.ts'
import { floorToSecond } from '../../domain/token.ts'
import type { AuditBuffer } from '../audit/buffer.ts'
import type { RecordRefusal } from '../audit/record-refusal.ts'
import {
  type ExchangedCredential,
  type ExchangedSecretDeps,
  verifyExchangedSecret,
} from '../authenticate/exchanged-secret.ts'
import { type Caller, identifyKey } from '../caller.ts'
import type { KeyUseCounter } from '../limits/usage-counters.ts'
import type { TokenMinter } from '../ports/crypto.ts'
import type { Log, Random } from '../ports/runtime.ts'
import { type IssuedTokens, issueTokens } from './issue.ts'

export interface ExchangeDeps extends ExchangedSecretDeps {
  readonly minter: TokenMinter
  readonly random: Random
  readonly log: Log
  readonly keyUseCounter: KeyUseCounter
  readonly auditBuffer: AuditBuffer
  readonly recordRefusal: RecordRefusal
}

export type Exchange = (
  credential: ExchangedCredential,
  caller: Caller,
) => Promise<Result<IssuedTokens>>

export const createExchange =
  (deps: ExchangeDeps): Exchange =>
  (credential, caller) =>
    exchangeSecret(deps, credential, caller)

/**
 * Exchanges a key and secret for tokens. Waits for no write: both tokens carry their own proof, and
 * each use of them reads the key's row. The audit event is written a moment later.
 */
async function exchangeSecret(
  deps: ExchangeDeps,
  credential: ExchangedCredential,
  caller: Caller,
): Promise<Result<IssuedTokens>> {
  const { minter, random, clock, log, keyUseCounter, auditBuffer, recordRefusal } = deps
  const verified = await verifyExchangedSecret(deps, credential, caller.address, ['redox'])
  if (verified.ok) identifyKey(caller, verified.value)
  const admitted = verified.ok ? checkBrownout(verified.value, clock()) : verified
  if (!admitted.ok) {
    recordRefusal('exchange', admitted.failure, caller)
    return admitted
  }
  const key = admitted.value
  const grantId = random.uuid()
  const pending = issueTokens(minter, key, {
    grantId,
    generation: 0,
    issuedAt: floorToSecond(clock()),
  })
  const issued = pending instanceof Promise ? await pending : pending
  keyUseCounter.count(key, caller)
  log.debug(caller, 'a secret was exchanged for tokens')
  const facts = { surface: 'exchange', grantId }
  auditBuffer.record({ action: 'token.issued', subject: key.id, caller, facts })
  return ok(issued)
}

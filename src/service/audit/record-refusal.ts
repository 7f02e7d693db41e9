import type { Failure, SurfaceRefusal } from '../../domain/failure.ts'
import { toRefusalFacts } from '../../domain/refusal-text.ts'
import { type Caller, findRefusedKeyId } from '../caller.ts'
import type { TrafficCounter } from '../limits/usage-counters.ts'
import { type AuditBuffer, type RecordedResponse, UNKNOWN_SUBJECT } from './buffer.ts'
import type { RefusalLog } from './refusal-log.ts'

export interface RecordRefusalDeps {
  readonly auditBuffer: AuditBuffer
  readonly traffic: Pick<TrafficCounter, 'countRefused'>
  readonly refusalLog: Pick<RefusalLog, 'logRefusal'>
}

/**
 * Records a refusal for the operator, in words that the caller never sees. It is not awaited, because
 * its time would reveal whether the key exists.
 */
export function createRecordRefusal({ auditBuffer, traffic, refusalLog }: RecordRefusalDeps) {
  function recordRefusal(surface: string, failure: Failure | SurfaceRefusal, caller: Caller): void {
    refusalLog.logRefusal(surface, failure, caller)
    const keyId = findRefusedKeyId(failure, caller)
    auditBuffer.record({
      action: 'key.refused',
      subject: keyId ?? UNKNOWN_SUBJECT,
      caller,
      facts: { surface, reason: failure.reason },
      createMoreFacts: () => ({
        ...toRefusalFacts(failure),
        ...(keyId !== undefined && { keyId }),
      }),
    })
    traffic.countRefused(caller.isClient === true ? 'oauth' : surface, failure.reason, keyId)
  }

  /** Records this server's response with the event of the refusal. */
  const recordResponse = ({ requestId }: Caller, response: RecordedResponse) =>
    auditBuffer.recordResponse(requestId, response)

  return Object.assign(recordRefusal, { recordResponse })
}

export type RecordRefusal = ReturnType<typeof createRecordRefusal>

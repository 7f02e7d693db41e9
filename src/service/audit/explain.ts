import { ok } from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import { describeRefusal } from '../../domain/refusal-text.ts'
import { describeSignInRefusal } from '../../domain/sign-in-refusal-text.ts'
import type { AuditEvent, AuditEventFacts, AuditStorage } from '../ports/audit.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { KeySummary } from '../ports/keys.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import { failNotFound, type ServiceResult } from '../service-result.ts'
import { type RecordedResponse, toResponseContext } from './buffer.ts'

/** One decision about a request. */
export interface Decision {
  readonly at: number
  readonly action: string
  /** The row id of the subject, and the recorded facts. */
  readonly subject: string
  readonly facts: AuditEventFacts
  /** Describes the decision and its reason, as a sentence. */
  readonly sentence: string
  /** Describes what to do; null if nothing is wrong. */
  readonly advice: string | null
  /** The origin of the request: its address, route and surface. */
  readonly address: string | null
  readonly path: string | null
  readonly surface: string | null
  readonly key: DecidedKey | null
  /** The response that this server wrote, up to 2,048 characters; null if it was not kept. */
  readonly answer: RecordedResponse | null
  /** The number of similar decisions that this one represents. */
  readonly count: number
}

interface DecidedKey {
  readonly id: string
  readonly publicId: string
  readonly name: string
  readonly accountId: string
  readonly accountName: string | null
}

export interface Explanation {
  readonly requestId: string
  readonly decisions: readonly Decision[]
}

/** Explains all decisions about one request, which is found by its id. */
export function createExplainRequest({
  storage,
  sealer,
}: {
  readonly storage: Pick<AuditStorage, 'listRequestEvents'> &
    Pick<ResourceStorage, 'findKeySummary' | 'findAccount'>
  readonly sealer: Pick<Sealer, 'open'>
}) {
  return async function explain(idText: string): Promise<ServiceResult<Explanation>> {
    const requestId = toStoredId(idText)
    const events = await storage.listRequestEvents({ requestId })
    if (events.length === 0) return failNotFound(formatUnknownRequest(requestId))
    return ok({ requestId, decisions: await Promise.all(events.map(toDecision)) })
  }

  async function toDecision(event: AuditEvent): Promise<Decision> {
    const { at, action, actor, subject, facts: stored } = event
    const { answerStatus, answerBody, ...facts } = stored
    const key = await storage.findKeySummary(actor)
    return {
      at,
      action,
      subject,
      facts,
      ...toDecisionText(event, key),
      address: getTextFact(facts, 'address'),
      path: getTextFact(facts, 'path'),
      surface: getTextFact(facts, 'surface'),
      key: key === null ? null : await toDecidedKey(key),
      answer: await openAnswer(event.id, answerStatus, answerBody),
      count: Number(facts.count ?? 1),
    }
  }

  async function openAnswer(
    eventId: string,
    status: unknown,
    body: unknown,
  ): Promise<RecordedResponse | null> {
    if (typeof status !== 'number' || typeof body !== 'string') return null
    try {
      const opened = await sealer.open(body, toResponseContext(eventId))
      return { status, body: new TextDecoder().decode(opened) }
    } catch {
      // The key that sealed it may no longer be in the key ring.
      return null
    }
  }

  async function toDecidedKey(key: KeySummary): Promise<DecidedKey> {
    const account = await storage.findAccount(key.accountId)
    const { publicId, name, accountId } = key
    return { id: key.id, publicId, name, accountId, accountName: account?.name ?? null }
  }
}

function toDecisionText(
  { action, subject, facts }: AuditEvent,
  key: KeySummary | null,
): Pick<Decision, 'sentence' | 'advice'> {
  switch (action) {
    case 'key.refused':
      return describeRefusal(facts, key)
    case 'session.refused':
      return { sentence: describeSignInRefusal(String(facts.reason)), advice: null }
    case 'token.issued':
      return {
        sentence:
          key?.keyType === 'oauth'
            ? 'The client proved its identity: an access token was issued.'
            : 'The key and its secret were right: tokens were issued.',
        advice: null,
      }
    case 'token.refreshed':
      return {
        sentence: `The refresh token was right: generation ${facts.generation} was issued.`,
        advice: null,
      }
    case 'token.revoked':
      return { sentence: 'The access token was revoked.', advice: null }
    case 'grant.revoked':
    case 'grant.reused':
      return { sentence: `The grant ${subject} was revoked, with all its tokens.`, advice: null }
    default:
      return { sentence: `${action} of ${subject}.`, advice: null }
  }
}

const getTextFact = (facts: AuditEventFacts, name: string): string | null =>
  typeof facts[name] === 'string' ? facts[name] : null

const formatUnknownRequest = (requestId: string) =>
  `there is no record of request ${requestId}. Refusals and issued tokens are recorded within a second, and ` +
  'kept as long as the audit. Not recorded are guarded requests that succeed, repeated answers, unknown ' +
  'paths, malformed HTTP, and problems of /admin/v1 other than a refused token. Of many similar requests, ' +
  'only some are recorded'

export type ExplainRequest = ReturnType<typeof createExplainRequest>

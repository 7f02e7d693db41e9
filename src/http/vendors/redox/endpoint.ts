import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import { toStoredId } from '../../../domain/id.ts'
import type { Key } from '../../../domain/key.ts'
import type { MessageEnvelope } from '../../../domain/routing.ts'
import { allowsMessages, allowsServices, MESSAGE_SCOPES } from '../../../domain/scope.ts'
import type { RecordRefusal } from '../../../service/audit/record-refusal.ts'
import type { Caller } from '../../../service/caller.ts'
import type { AddressRateLimit } from '../../../service/limits/rate-limits.ts'
import type { RecordOAuthUse } from '../../../service/limits/usage-counters.ts'
import type { AcceptMessage } from '../../../service/messages/accept.ts'
import type { Log, MaybePromise } from '../../../service/ports/runtime.ts'
import type { Guard } from '../../../service/tokens/guard.ts'
import type { Principal } from '../../../service/tokens/verify-token.ts'
import { hasScheme, parseBearerToken } from '../../authorization.ts'
import { createMemoryBudget, type Reservation } from '../../memory-budget.ts'
import type { RequestAuthenticator } from '../../proxy/forward-auth.ts'
import type { Reply } from '../../reply.ts'
import type { HttpDeps, RequestHeaders, ServerRequest } from '../../request.ts'
import { readBody } from '../../request-body.ts'
import { createPostRoute, type ServerRoute } from '../../server-route.ts'
import {
  createReceiptReply,
  findEcho,
  type MessageProgress,
  readMessage,
  toIncomingMessage,
} from './message.ts'
import { MESSAGE_PATHS } from './paths.ts'
import {
  type RefusalContext,
  refuseRedoxRequest,
  replyRedoxMethodNotAllowed,
  replyRedoxServerError,
  replyUnavailable,
} from './refusals.ts'

export interface MessageEndpointDeps extends HttpDeps {
  readonly guard: Guard
  readonly acceptMessage: AcceptMessage
  readonly addressRateLimit: AddressRateLimit
  readonly recordRefusal: RecordRefusal
  readonly log: Log
  readonly serial: () => number
  readonly subscriptionsUrl: string
  readonly messageLimitBytes: number
  /** Limits the long messages that are read at once. Each takes about twice its length in memory. */
  readonly longMessageBytes: number
  readonly hasDiskSpace?: ((bytes: number) => boolean) | undefined
}

/** Creates `POST /endpoint` and `POST /query`. One handler serves both: the event decides if the caller waits. */
export function createMessageRoutes(deps: MessageEndpointDeps): ServerRoute[] {
  const createReservation = createMemoryBudget(
    Math.max(deps.longMessageBytes, deps.messageLimitBytes),
    deps.hasDiskSpace,
  )
  return MESSAGE_PATHS.map((path) =>
    createPostRoute(path, deps, {
      async handle(request, caller) {
        const reservation = createReservation()
        const progress: MessageProgress = {}
        try {
          const result = await receiveMessage(deps, request, caller, progress, reservation)
          return result.ok ? result.value : refuseMessage(deps, result.failure, caller, progress)
        } finally {
          reservation.release()
        }
      },
      replyMethodNotAllowed: () => replyRedoxMethodNotAllowed(createRefusalContext(deps)),
      replyUnavailable: (seconds, caller) =>
        replyUnavailable(seconds, createRefusalContext(deps, caller)),
      replyServerError: (caller) => replyRedoxServerError(createRefusalContext(deps, caller)),
    }),
  )
}

function refuseMessage(
  deps: MessageEndpointDeps,
  failure: Failure,
  caller: Caller,
  progress: MessageProgress,
): Reply {
  deps.recordRefusal('message', failure, caller)
  const reply = refuseRedoxRequest(failure, createRefusalContext(deps, caller, progress))
  deps.recordRefusal.recordResponse(caller, reply)
  return reply
}

/** Reads the body only after the token is verified. */
async function receiveMessage(
  { guard, acceptMessage, addressRateLimit, messageLimitBytes }: MessageEndpointDeps,
  request: ServerRequest,
  caller: Caller,
  progress: MessageProgress,
  reservation: Reservation,
): Promise<Result<Reply>> {
  const rateLimitCheck = addressRateLimit(caller.address)
  if (!rateLimitCheck.ok) return rateLimitCheck
  const { headers } = request
  const principal = await authenticateBearer(guard, headers, caller)
  if (!principal.ok) return principal
  const { key, scopes } = principal.value
  if (scopes !== null && !allowsMessages(scopes)) {
    return fail({ reason: 'scope_insufficient', keyId: key.id, scope: MESSAGE_SCOPES })
  }

  const payload = await readBody(request, messageLimitBytes, reservation.reserve)
  if (!payload.ok) return payload
  const message = await readMessage(payload.value, progress)
  if (!message.ok) return message
  const { meta } = message.value
  const sourceId = scopes === null ? ok(meta.sourceId) : selectSource(meta, headers)
  if (!sourceId.ok) return sourceId
  const receipt = await acceptMessage(
    principal.value,
    toIncomingMessage(payload.value, message.value, sourceId.value, progress, () =>
      request.createSignal(),
    ),
    caller,
  )
  return receipt.ok ? await createReceiptReply(message.value, receipt.value) : receipt
}

/** Verifies the access token, and sets the caller's key. */
function authenticateBearer(
  guard: Guard,
  headers: RequestHeaders,
  caller: Caller,
  options?: Parameters<Guard>[2],
): MaybePromise<Result<Principal>> {
  const token = parseBearerToken(headers.get('authorization'))
  return token.ok ? guard(token.value, caller, options) : token
}

const SOURCE_HEADER = 'Redox-Source-Id'

/** A client that may use several sources names one in `Meta`, or in this header. */
function selectSource(
  { sourceId }: Pick<MessageEnvelope, 'sourceId'>,
  headers: RequestHeaders,
): Result<string | null> {
  const header = headers.get(SOURCE_HEADER)
  if (header === null || header === '') return ok(sourceId)
  const headerId = toStoredId(header)
  return sourceId === null || sourceId === headerId
    ? ok(headerId)
    : fail({
        reason: 'field_invalid',
        field: 'Meta.Source.ID',
        detail: `is not the source of the header ${SOURCE_HEADER}`,
      })
}

const createRefusalContext = (
  { serial, subscriptionsUrl }: Pick<MessageEndpointDeps, 'serial' | 'subscriptionsUrl'>,
  { isClient = false }: Pick<Caller, 'isClient'> = {},
  progress: MessageProgress = {},
): RefusalContext => ({
  echo: findEcho(progress),
  hasErrorDetail: isClient,
  serial: serial(),
  subscriptionsUrl,
})

export type RedoxAuthenticatorDeps = Pick<
  MessageEndpointDeps,
  'guard' | 'serial' | 'subscriptionsUrl'
> & { readonly recordOAuthUse: RecordOAuthUse }

/** The service behind a proxy gets all sites of a client. Of several sources, it is unknown which one is used. */
function listServiceResources({ ownerId, oauthClient }: Key): string[] {
  const { sourceIds = [], siteIds = [] } = oauthClient ?? {}
  return [...(sourceIds.length === 1 ? sourceIds : []), ...siteIds, ownerId]
}

/** Authenticates access tokens for a proxy. */
export const createRedoxAuthenticator = (deps: RedoxAuthenticatorDeps): RequestAuthenticator => ({
  name: 'redox',
  hasCredential: (headers) => hasScheme(headers, 'bearer'),
  async authenticate(headers, caller) {
    const principal = await authenticateBearer(deps.guard, headers, caller, { anyAudience: true })
    if (!principal.ok) return principal
    const { key, scopes } = principal.value
    if (scopes === null) return principal
    if (!allowsServices(scopes))
      return fail({ reason: 'scope_insufficient', keyId: key.id, scope: MESSAGE_SCOPES })
    deps.recordOAuthUse(listServiceResources(key))
    return principal
  },
  refuseRequest: (failure) => refuseRedoxRequest(failure, createRefusalContext(deps)),
  replyServerError: () => replyRedoxServerError(createRefusalContext(deps)),
})

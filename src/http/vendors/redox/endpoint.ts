import { Hono } from 'hono'
import { ok, type Result } from '../../../domain/failure.ts'
import type { Caller, RecordRefusal } from '../../../service/audit/buffer.ts'
import type { AddressRateLimit } from '../../../service/limits/rate-limits.ts'
import type { AcceptMessage } from '../../../service/messages/accept.ts'
import type { Log } from '../../../service/ports/runtime.ts'
import type { Guard } from '../../../service/tokens/guard.ts'
import type { RequestAuthenticator } from '../../proxy/forward-auth.ts'
import type { Reply } from '../../reply.ts'
import { addPostRoute, type HttpDeps, parseBearerToken, readBody } from '../../request.ts'
import { MESSAGE_PATHS } from './auth.ts'
import {
  createReceiptReply,
  findEcho,
  type MessageProgress,
  readMessage,
  toIncomingMessage,
} from './message.ts'
import {
  type RefusalContext,
  refuseRequest,
  replyMethodNotAllowed,
  replyServerError,
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
}

/** Of long messages so many bytes are held at once; while one is read, that takes some twice as much memory. */
const MEMORY_BUDGET_BYTES = 512 * 1024 * 1024

/** `POST /endpoint` and `POST /query`: one handler; whether a caller waits is decided by the event. */
export function createMessageRoutes(deps: MessageEndpointDeps): Hono {
  const {
    guard,
    acceptMessage,
    addressRateLimit,
    recordRefusal,
    serial,
    subscriptionsUrl,
    messageLimitBytes,
  } = deps
  const createReservation = createMemoryBudget(Math.max(MEMORY_BUDGET_BYTES, messageLimitBytes))
  const app = new Hono()

  for (const path of MESSAGE_PATHS) {
    addPostRoute(app, path, deps, {
      async handle(request, caller) {
        const progress: MessageProgress = {}
        const reservation = createReservation()
        try {
          const result = await receiveMessage(request, caller, progress, reservation)
          if (result.ok) return result.value
          recordRefusal('message', result.failure, caller)
          const reply = refuseRequest(result.failure, createRefusalContext(progress))
          recordRefusal.recordResponse(caller, reply)
          return reply
        } finally {
          reservation.release()
        }
      },
      replyMethodNotAllowed: () => replyMethodNotAllowed(createRefusalContext()),
      replyUnavailable: (seconds) => replyUnavailable(seconds, createRefusalContext()),
      replyServerError: () => replyServerError(createRefusalContext()),
    })
  }
  return app

  /** Nobody's body is read before his token is judged. */
  async function receiveMessage(
    request: Request,
    caller: Caller,
    progress: MessageProgress,
    reservation: Reservation,
  ): Promise<Result<Reply>> {
    const rateLimitCheck = addressRateLimit(caller.address)
    if (!rateLimitCheck.ok) return rateLimitCheck
    const token = parseBearerToken(request.headers.get('authorization'))
    if (!token.ok) return token
    const principal = await guard(token.value, caller.address)
    if (!principal.ok) return principal
    caller.keyId = principal.value.key.id

    const payload = await readBody(request, messageLimitBytes, reservation.reserve)
    if (!payload.ok) return payload
    const message = await readMessage(payload.value, progress)
    if (!message.ok) return message
    const incoming = toIncomingMessage(payload.value, message.value, progress, () => request.signal)
    const receipt = await acceptMessage(principal.value, incoming, caller)
    return receipt.ok ? await createReceiptReply(message.value, receipt.value) : receipt
  }

  function createRefusalContext(progress: MessageProgress = {}): RefusalContext {
    return { echo: findEcho(progress), serial: serial(), subscriptionsUrl }
  }
}

export interface RedoxAuthenticatorDeps {
  readonly guard: Guard
  readonly serial: () => number
  readonly subscriptionsUrl: string
}

/** An access token, where a proxy asks about it. */
export function createRedoxAuthenticator({
  guard,
  serial,
  subscriptionsUrl,
}: RedoxAuthenticatorDeps): RequestAuthenticator {
  const createContext = (): RefusalContext => ({
    echo: undefined,
    serial: serial(),
    subscriptionsUrl,
  })
  return {
    name: 'redox',
    hasCredential: (headers) => /^bearer(?: |$)/i.test(headers.get('authorization') ?? ''),
    async authenticate(headers, caller) {
      const token = parseBearerToken(headers.get('authorization'))
      if (!token.ok) return token
      const principal = await guard(token.value, caller.address)
      if (!principal.ok) return principal
      caller.keyId = principal.value.key.id
      return ok(principal.value.key)
    },
    refuseRequest: (failure) => refuseRequest(failure, createContext()),
    replyServerError: () => replyServerError(createContext()),
  }
}

/** What one request holds of the room. */
export interface Reservation {
  /** So many bytes more; false where there is no room for them. */
  reserve(bytes: number): boolean
  /** Gives back all that it holds. */
  release(): void
}

/**
 * Room in memory that requests share: all the bytes that they may hold at once. Who finds none is to
 * come again, and costs nothing meanwhile.
 */
export function createMemoryBudget(bytes: number): () => Reservation {
  let free = bytes
  return () => {
    let held = 0
    return {
      reserve(more) {
        if (more > free) return false
        free -= more
        held += more
        return true
      },
      release() {
        free += held
        held = 0
      },
    }
  }
}

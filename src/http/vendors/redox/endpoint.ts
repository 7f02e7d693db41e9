import { Hono } from 'hono'
import { ok, type Result } from '../../../domain/failure.ts'
import type { Caller, RecordRefusal } from '../../../service/audit/buffer.ts'
import type { AddressRateLimit } from '../../../service/limits/rate-limits.ts'
import type { AcceptMessage } from '../../../service/messages/accept.ts'
import type { Log } from '../../../service/ports/runtime.ts'
import type { Guard } from '../../../service/tokens/guard.ts'
import type { RequestAuthenticator } from '../../proxy/forward-auth.ts'
import type { Reply } from '../../reply.ts'
import {
  addPostRoute,
  type HttpDeps,
  parseBearerToken,
  readBody,
  type ServerRequest,
} from '../../request.ts'
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

/** Adds `POST /endpoint` and `POST /query`. One handler serves both: the event decides if the caller waits. */
export function createMessageRoutes(deps: MessageEndpointDeps): Hono {
  const createReservation = createMemoryBudget(
    Math.max(deps.longMessageBytes, deps.messageLimitBytes),
    deps.hasDiskSpace,
  )
  const app = new Hono()
  const createContext = () => createRefusalContext(deps)
  for (const path of MESSAGE_PATHS) {
    addPostRoute(app, path, deps, {
      async handle(request, caller) {
        const reservation = createReservation()
        try {
          return await handleMessage(deps, request, caller, reservation)
        } finally {
          reservation.release()
        }
      },
      replyMethodNotAllowed: () => replyRedoxMethodNotAllowed(createContext()),
      replyUnavailable: (seconds) => replyUnavailable(seconds, createContext()),
      replyServerError: () => replyRedoxServerError(createContext()),
    })
  }
  return app
}

async function handleMessage(
  deps: MessageEndpointDeps,
  request: ServerRequest,
  caller: Caller,
  reservation: Reservation,
): Promise<Reply> {
  const progress: MessageProgress = {}
  const result = await receiveMessage(deps, request, caller, progress, reservation)
  if (result.ok) return result.value
  deps.recordRefusal('message', result.failure, caller)
  const reply = refuseRedoxRequest(result.failure, createRefusalContext(deps, progress))
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
  const principal = await authenticateBearer(guard, request.raw.headers, caller)
  if (!principal.ok) return principal

  const payload = await readBody(request, messageLimitBytes, reservation.reserve)
  if (!payload.ok) return payload
  const message = await readMessage(payload.value, progress)
  if (!message.ok) return message
  const incoming = toIncomingMessage(
    payload.value,
    message.value,
    progress,
    () => request.raw.signal,
  )
  const receipt = await acceptMessage(principal.value, incoming, caller)
  return receipt.ok ? await createReceiptReply(message.value, receipt.value) : receipt
}

/** Verifies the access token, and sets the caller's key. A failure names a key only if the token is genuine. */
async function authenticateBearer(guard: Guard, headers: Headers, caller: Caller) {
  const token = parseBearerToken(headers.get('authorization'))
  if (!token.ok) return token
  const principal = await guard(token.value, caller.address)
  if (principal.ok) caller.keyId = principal.value.key.id
  else if ('keyId' in principal.failure) caller.keyId = principal.failure.keyId
  return principal
}

const createRefusalContext = (
  { serial, subscriptionsUrl }: RedoxAuthenticatorDeps,
  progress: MessageProgress = {},
): RefusalContext => ({ echo: findEcho(progress), serial: serial(), subscriptionsUrl })

export type RedoxAuthenticatorDeps = Pick<
  MessageEndpointDeps,
  'guard' | 'serial' | 'subscriptionsUrl'
>

/** Authenticates access tokens for a proxy. */
export const createRedoxAuthenticator = (deps: RedoxAuthenticatorDeps): RequestAuthenticator => ({
  name: 'redox',
  hasCredential: (headers) => /^bearer(?: |$)/i.test(headers.get('authorization') ?? ''),
  async authenticate(headers, caller) {
    const principal = await authenticateBearer(deps.guard, headers, caller)
    return principal.ok ? ok(principal.value.key) : principal
  },
  refuseRequest: (failure) => refuseRedoxRequest(failure, createRefusalContext(deps)),
  replyServerError: () => replyRedoxServerError(createRefusalContext(deps)),
})

/** The memory that one request has reserved. */
export interface Reservation {
  /** Reserves more bytes, or returns false if too few are free. */
  reserve(bytes: number): boolean
  /** Releases all reserved bytes. */
  release(): void
}

/**
 * Creates a budget of bytes that all requests share. A request that gets none must come again, as one must
 * that the disk has no space for: a long message that fails half-way would take the space of short ones.
 */
export function createMemoryBudget(
  bytes: number,
  hasDiskSpace: (bytes: number) => boolean = () => true,
): () => Reservation {
  let free = bytes
  return () => {
    let held = 0
    return {
      reserve(more) {
        if (more > free || !hasDiskSpace(bytes - free + more)) return false
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

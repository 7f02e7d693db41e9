import type { Context } from 'hono'
import {
  type CredentialFailure,
  ok,
  type Result,
  type SurfaceFailure,
  type SurfaceRefusal,
} from '../../domain/failure.ts'
import { checkMethodAllowed, type Key } from '../../domain/key.ts'
import type { Credential, Surface } from '../../domain/key-type.ts'
import type { Caller, RecordRefusal } from '../../service/audit/buffer.ts'
import type { Authenticate } from '../../service/authenticate/authenticate.ts'
import type { Log } from '../../service/ports/runtime.ts'
import { StorageUnavailableError } from '../../service/ports/storage.ts'
import type { UpstreamIdentity } from '../proxy/headers.ts'
import type { ProxyRequest } from '../proxy/upstream.ts'
import { DATABASE_RETRY_SECONDS, type Reply, toResponse } from '../reply.ts'
import { type HttpDeps, identifyCaller } from '../request.ts'

export interface SurfaceDeps extends HttpDeps {
  readonly authenticate: Authenticate
  readonly proxyRequest: ProxyRequest
  readonly recordRefusal: RecordRefusal
  readonly log: Log
}

/** What the routes of every surface do alike. */
export function createSurfaceHandlers(deps: SurfaceDeps) {
  const { authenticate, proxyRequest, recordRefusal, log } = deps

  /** The key of the request's credential, if it may make such a request. */
  async function authorizeRequest(
    protocol: VendorProtocol,
    { headers, method }: { headers: Headers; method: string },
    caller: Caller,
  ): Promise<Result<Key, SurfaceFailure>> {
    const credential = protocol.parseCredential(headers)
    if (!credential.ok) return credential
    const key = await authenticate(credential.value, caller)
    return key.ok ? checkMethodAllowed(key.value, method) : key
  }

  /** Answers, or refuses in the dialect's words. Whatever is thrown is a broken machine, or a bug. */
  async function handleRequest(
    c: Context,
    protocol: VendorProtocol,
    work: (request: Request, caller: Caller) => Promise<Result<Response, SurfaceFailure>>,
  ): Promise<Response> {
    const caller = identifyCaller(deps, c)
    const { path } = c.req
    try {
      const result = await work(c.req.raw, caller)
      if (result.ok) return result.value
      return refuseAndRecord(
        protocol,
        result.failure,
        protocol.refuseRequest(result.failure, path),
        caller,
      )
    } catch (error) {
      log.error({ ...caller, error }, 'a request failed')
      const reply =
        error instanceof StorageUnavailableError
          ? protocol.refuseRequest(
              { reason: 'busy', retryAfterSeconds: DATABASE_RETRY_SECONDS },
              path,
            )
          : protocol.replyServerError(path)
      return toResponse(reply, caller.requestId)
    }
  }

  /** Answers with this refusal, which the audit hears of. */
  function refuseAndRecord(
    protocol: VendorProtocol,
    refusal: SurfaceFailure | SurfaceRefusal,
    reply: Reply,
    caller: Caller,
  ): Response {
    recordRefusal(protocol.name, refusal, caller)
    recordRefusal.recordResponse(caller, reply)
    return toResponse(reply, caller.requestId)
  }

  return {
    authorizeRequest,
    handleRequest,
    refuseAndRecord,

    /** Judges the request and hands it on to what stands behind the surface. */
    createProxyHandler: (protocol: VendorProtocol, surface: Surface) => (c: Context) =>
      handleRequest(c, protocol, async (request, caller) => {
        const key = await authorizeRequest(protocol, request, caller)
        return key.ok ? proxyRequest(c, surface, toUpstreamIdentity(key.value), caller) : key
      }),
  }
}

/** Whose request it is. */
export const toUpstreamIdentity = (key: Key): UpstreamIdentity => ({
  accountId: key.accountId,
  siteId: key.siteId,
  keyId: key.publicId,
  ownerId: key.ownerId,
  keyType: key.dialect,
})

export type SurfaceHandlers = ReturnType<typeof createSurfaceHandlers>

/** A path of a surface that is answered here and not handed on: it says whose the credential is. */
export interface IdentityRoute {
  readonly createIdentityReply: (key: Key) => Reply
  /** To any method but GET and HEAD: 405 with Allow (RFC 9110 §15.5.6). */
  readonly replyMethodNotAllowed: (headers: Readonly<Record<string, string>>) => Reply
}

export const createIdentityHandler =
  (
    { handleRequest: answer, authorizeRequest: admit }: SurfaceHandlers,
    protocol: VendorProtocol,
    { createIdentityReply, replyMethodNotAllowed }: IdentityRoute,
  ) =>
  (c: Context): Promise<Response> =>
    answer(c, protocol, async (request, caller) => {
      const respond = (reply: Reply) => ok(toResponse(reply, caller.requestId))
      if (!IDENTITY_METHODS.includes(request.method))
        return respond(replyMethodNotAllowed({ Allow: IDENTITY_METHODS.join(', ') }))
      const key = await admit(protocol, request, caller)
      return key.ok ? respond(createIdentityReply(key.value)) : key
    })

/** RFC 9110 §9.1: who answers GET answers HEAD. */
const IDENTITY_METHODS = ['GET', 'HEAD']

/** A dialect whose credential comes with every request: how it is read, and how a refusal is worded. */
export interface VendorProtocol {
  /** What refusals are called in the log. */
  readonly name: string
  /** Whether the request carries such a credential at all, good or bad. */
  readonly hasCredential: (headers: Headers) => boolean
  /** Whether it may be half a credential of this kind, where no other kind takes it for one of its own. */
  readonly hasPartialCredential?: (headers: Headers) => boolean
  /** Never throws, whatever the headers. */
  readonly parseCredential: (headers: Headers) => Result<Credential, CredentialFailure>
  /** `path`: where one dialect's surfaces have words of their own. */
  readonly refuseRequest: (failure: SurfaceFailure, path: string) => Reply
  /** A bug, or a broken machine: 500. */
  readonly replyServerError: (path: string) => Reply
}

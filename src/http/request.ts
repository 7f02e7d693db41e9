import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { type IpNetwork, resolveClientAddress } from '../domain/ip-network.ts'
import type { Caller } from '../service/caller.ts'
import type { MaybePromise } from '../service/ports/runtime.ts'

/** The headers of a request, as a Headers object has them: repeated ones are joined by a comma. */
export interface RequestHeaders {
  get(name: string): string | null
  /** The names, in any case. */
  keys(): Iterable<string>
}

/** A request to a route that programs call often. The runtime reads its bytes and writes the answer. */
export interface ServerRequest {
  readonly method: string
  /** The URL, or its path and query. */
  readonly url: string
  readonly headers: RequestHeaders
  /** The address at the other end of the connection. */
  readonly peerAddress: string
  /** The body of a request without a Content-Length. */
  readonly stream: ReadableStream<Uint8Array> | null
  /** Reads the whole body of a request with a Content-Length. Rejects if the body ends early. */
  readBytes(): MaybePromise<Uint8Array>
  /** Creates a signal that aborts if the client closes the connection before the answer. */
  createSignal(): AbortSignal
  /** Answers the request. */
  send(status: number, headers: Readonly<Record<string, string>>, body: string): void
}

/** A request that arrives as a Request and is answered by a Response. */
export class FetchRequest implements ServerRequest {
  readonly #request: Request
  readonly peerAddress: string
  #response: Response | undefined

  constructor(request: Request, peerAddress = '') {
    this.#request = request
    this.peerAddress = peerAddress
  }

  get method(): string {
    return this.#request.method
  }

  get url(): string {
    return this.#request.url
  }

  get headers(): Headers {
    return this.#request.headers
  }

  createSignal(): AbortSignal {
    return this.#request.signal
  }

  get stream(): ReadableStream<Uint8Array> | null {
    return this.#request.body
  }

  async readBytes(): Promise<Uint8Array> {
    const { headers } = this.#request
    const bytes = new Uint8Array(await this.#request.arrayBuffer())
    if (bytes.length !== Number(headers.get('content-length')))
      throw new Error('the body ended early')
    return bytes
  }

  send(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    this.#response = new Response(body, { status, headers })
  }

  get response(): Response {
    if (this.#response === undefined) throw new Error('the route sent no response')
    return this.#response
  }
}

/** The dependencies of every route. */
export interface HttpDeps {
  /** The address at the other end of a request's connection. */
  readonly getPeerAddress: (c: Context) => string
  /** The proxies whose X-Forwarded-For is trusted. */
  readonly trustedProxies: readonly IpNetwork[]
  readonly createRequestId: () => string
}

export const FORWARDED_FOR_HEADER = 'x-forwarded-for'

/** Identifies the caller of a request that Hono has routed. */
export function identifyCaller(deps: HttpDeps, c: Context): Caller {
  const { headers } = c.req.raw
  return createCaller(deps, { headers, peerAddress: deps.getPeerAddress(c) }, routePath(c))
}

/** Identifies the caller of a request to a route. `path` is the pattern of its paths. */
export function createCaller(
  { trustedProxies, createRequestId }: HttpDeps,
  { headers, peerAddress }: Pick<ServerRequest, 'headers' | 'peerAddress'>,
  path: string,
): Caller {
  const forwarded = trustedProxies.length > 0 ? headers.get(FORWARDED_FOR_HEADER) : null
  const address = resolveClientAddress(peerAddress, forwarded ?? undefined, trustedProxies)
  return new RequestCaller(headers, address, createRequestId(), path)
}

/** A caller whose User-Agent is read only when it is needed. A log line with a copy of it has no request. */
class RequestCaller implements Caller {
  readonly address: string
  readonly requestId: string
  readonly path: string
  readonly #headers: RequestHeaders

  constructor(headers: RequestHeaders, address: string, requestId: string, path: string) {
    this.address = address
    this.requestId = requestId
    this.path = path
    this.#headers = headers
  }

  readUserAgent(): string | undefined {
    return this.#headers.get('user-agent') ?? undefined
  }
}

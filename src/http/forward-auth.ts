import { type Context, Hono } from 'hono'
import { type Failure, fail, ok, type Result } from '../domain/failure.ts'
import { type Key, mayRequest } from '../domain/key.ts'
import { type Log, Unavailable } from '../service/ports.ts'
import type { Caller, Refused } from '../service/refused.ts'
import { bearerChallenge } from './bearer.ts'
import { callerOf, type HttpDeps } from './caller.ts'
import { DATABASE_BACK_SECONDS, json, type Reply, retryAfter, toResponse } from './reply.ts'
import { identityOf } from './surface.ts'
import { hasDotSegment, readPath } from './target.ts'
import { identify, SITE } from './upstream/headers.ts'
import { overridesMethod } from './upstream/withheld.ts'

/** One kind of credential, as a proxy asks about it. */
export interface Gate {
  /** The segment of the path that admits this kind alone. */
  readonly name: string
  /** Whether the request carries such a credential, good or bad. */
  readonly claims: (headers: Headers) => boolean
  /** Whether it may be half of one, where no other kind lets the request through. */
  readonly mayClaim?: (headers: Headers) => boolean
  readonly judge: (headers: Headers, caller: Caller) => Promise<Result<Key>>
  /** `path`: what the proxy guards. */
  readonly refuse: (failure: Failure, path: string) => Reply
  readonly broken: (path: string) => Reply
}

export interface ForwardAuthDeps extends HttpDeps {
  readonly gates: readonly Gate[]
  readonly refused: Refused
  readonly log: Log
}

const FORWARD_AUTH = '/forward-auth'
const ANY = 'any'

/** The route for questions whose path has dot segments. */
const CLIMBING_PATH = `${FORWARD_AUTH}/..`

/**
 * Finds questions whose path has dot segments: returns the route for them, null for every other request.
 * Proxies append the caller's path to `/forward-auth`. With its dot segments resolved, the question could
 * reach another route that answers 200, so the target is judged as it was sent, before a URL resolves
 * it. (Cloudflare resolves plain dot segments before a Worker sees them.)
 */
export function findClimbingPath(request: Request, options?: { env?: unknown }): string | null {
  const { incoming, target } = (options?.env ?? {}) as Bindings
  const sent = target ?? incoming?.url ?? request.url
  if (!sent.includes(FORWARD_AUTH)) return null
  const path = readPath(sent)
  return path.startsWith(FORWARD_AUTH) && hasDotSegment(path) ? CLIMBING_PATH : null
}

/** A request's target as it was sent: Node's, or a Worker's. */
interface Bindings {
  readonly incoming?: { readonly url?: string }
  readonly target?: string
}

/**
 * One question for the proxies that ask it: may this request pass, and whose is it? 200 with identity
 * headers, or the refusal in the words of the credential's dialect. nginx's auth_request, Traefik's
 * ForwardAuth, Caddy's forward_auth, Envoy's ext_authz.
 *
 * `/forward-auth/NAME` admits one kind of credential only, `/forward-auth/any` every kind, as
 * `/forward-auth` does; Envoy appends the path that it guards. `?statuses=401,403` tells every refusal by
 * the last of these where it has none of them: nginx takes any other for an error. `?refusal` answers
 * a refusal only, whole: for who has learned from such a status that there is one.
 */
export function forwardAuth(deps: ForwardAuthDeps): Hono {
  const app = new Hono()
  const handler = (c: Context) => answer(c)
  app.all(CLIMBING_PATH, (c) => {
    const { requestId } = callerOf(deps, c)
    return toResponse(json(400, { message: 'The path must have no dot segments.' }), requestId)
  })
  app.all(FORWARD_AUTH, handler)
  app.all(`${FORWARD_AUTH}/*`, handler)
  return app

  async function answer(c: Context): Promise<Response> {
    const caller = callerOf(deps, c)
    const asked = readQuestion(c.req.raw)
    const found = gatesFor(asked, deps.gates)
    if (found === null) return toResponse(withStatus(noGate, asked), caller.requestId)
    const { gates, path } = found
    const [first = nobody] = gates
    try {
      const judged = await judge(gates, asked, caller)
      if (judged.ok && !asked.refusalOnly) return admitted(judged.value, caller)
      const failure: Failure = judged.ok ? { reason: 'busy', retryAfterSeconds: 1 } : judged.failure
      const words = failure.reason === 'secret_missing' ? (gates.at(-1) ?? first) : first
      const reply = withStatus(words.refuse(failure, path), asked)
      if (!judged.ok) {
        deps.refused('forward-auth', failure, caller)
        deps.refused.recordAnswer(caller, reply)
      }
      return toResponse(reply, caller.requestId)
    } catch (error) {
      deps.log.error({ ...caller, error }, 'a request failed')
      const reply =
        error instanceof Unavailable
          ? first.refuse({ reason: 'busy', retryAfterSeconds: DATABASE_BACK_SECONDS }, path)
          : first.broken(path)
      return toResponse(withStatus(reply, asked), caller.requestId)
    }
  }
}

/** The first gate that lets the request through; else why the first of them does not. */
async function judge(
  gates: readonly Gate[],
  { headers, methods }: Question,
  caller: Caller,
): Promise<Result<Key>> {
  let refusal: Result<Key> = fail({ reason: 'credential_missing' })
  for (const [n, gate] of gates.entries()) {
    const key = await gate.judge(headers, caller)
    const judged = key.ok ? mayAll(key.value, methods) : key
    if (judged.ok) return judged
    // A half that is known says more than that a whole is not.
    if (n === 0 || judged.failure.reason === 'secret_missing') refusal = judged
  }
  return refusal
}

/**
 * Whoever calls could have added one of the headers that name the method, and the proxy hands on those
 * by which the service behind may serve another: so all of them count.
 */
function mayAll(key: Key, methods: readonly string[]): Result<Key> {
  for (const method of methods) {
    const may = mayRequest(key, method)
    if (!may.ok) return may
  }
  return ok(key)
}

interface Question {
  readonly headers: Headers
  /** What is said to be the method of the request that the proxy guards; never empty. */
  readonly methods: readonly string[]
  /** The kind of credential that is asked for. */
  readonly name: string
  /** What the proxy has appended to that: the path that it guards. */
  readonly below: readonly string[]
  /** The path of the request that the proxy guards, where a header says it. */
  readonly original: string | null
  readonly statuses: readonly number[]
  readonly refusalOnly: boolean
}

function readQuestion({ url, headers, method }: Request): Question {
  const { pathname, searchParams } = new URL(url)
  const given = (name: string) => headers.get(name)
  const uri = given('x-original-uri') ?? given('x-forwarded-uri')
  const named = [given('x-original-method'), given('x-forwarded-method')]
  const overriding = [...headers].filter(([name]) => overridesMethod(name))
  const [original = null] = uri === null ? [] : uri.split('?')
  const [, name = ANY, ...below] = pathname.slice(FORWARD_AUTH.length).split('/')
  // Who appends the guarded path appends its query, which is the caller's: it asks for nothing here.
  const options = below.length === 0 ? searchParams : new URLSearchParams()
  return {
    headers,
    methods: [
      method,
      ...named.filter((name) => name !== null),
      ...overriding.map(([, value]) => value),
    ],
    name,
    below,
    original,
    statuses: (options.get('statuses') ?? '')
      .split(',')
      .map(Number)
      .filter((status) => status >= 400 && status <= 599),
    refusalOnly: options.has('refusal'),
  }
}

/** Null where the path names no gate: a name that is mistyped must not open them all. */
function gatesFor(
  { headers, name, below, original }: Question,
  all: readonly Gate[],
): { gates: readonly Gate[]; path: string } | null {
  const path = original ?? `/${below.join('/')}`
  if (name === ANY) {
    const claiming = all.filter((gate) => gate.claims(headers))
    const others = all.filter((gate) => !claiming.includes(gate) && gate.mayClaim?.(headers))
    return { gates: [...claiming, ...others], path }
  }
  const chosen = all.find((gate) => gate.name === name)
  return chosen === undefined ? null : { gates: [chosen], path }
}

function admitted(key: Key, { requestId }: Caller): Response {
  const response = toResponse({ status: 200, body: '', type: 'text/plain' }, requestId)
  // Said even where there is none: some proxies copy a header only where it is, and keep the caller's.
  response.headers.set(SITE, '')
  identify(response.headers, identityOf(key))
  return response
}

/** Replaces a status that the proxy does not accept. */
function withStatus(reply: Reply, { statuses }: Question): Reply {
  const isKnown = statuses.length === 0 || statuses.includes(reply.status)
  const status = isKnown ? reply.status : (statuses.at(-1) ?? reply.status)
  return { ...reply, status }
}

const noGate = json(404, { message: 'There is no such kind of credential.' })

/** Where no credential came, of no kind that was asked for by name. */
const nobody: Pick<Gate, 'refuse' | 'broken'> = {
  refuse: (failure) =>
    failure.reason === 'busy'
      ? json(503, { message: 'Try again.' }, retryAfter(failure.retryAfterSeconds))
      : json(401, { message: 'A credential is needed.' }, bearerChallenge()),
  broken: () => json(500, { message: 'The server failed; try again.' }),
}

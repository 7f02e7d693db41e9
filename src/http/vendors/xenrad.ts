import { type Context, Hono } from 'hono'
import {
  type CredentialFailure,
  fail,
  failMalformed,
  ok,
  type Result,
  type SurfaceFailure,
} from '../../domain/failure.ts'
import { SECRET_MAX_LENGTH } from '../../domain/key.ts'
import type { Credential, Surface } from '../../domain/key-type.ts'
import { toUpstreamIdentity } from '../proxy/headers.ts'
import {
  createChallengeHeader,
  createJsonReply,
  createRetryAfterHeader,
  type Reply,
  type ReplyTable,
  replyToFailure,
  toResponse,
} from '../reply.ts'
import {
  authorizeRequest,
  createInputReplies,
  createProxyHandler,
  handleSurfaceRequest,
  refuseAndRecord,
  type SurfaceDeps,
  type VendorProtocol,
} from './surface-handlers.ts'

const API_KEY_HEADER = 'X-API-Key'

/**
 * Parses the key, which is the secret alone; the server finds the site by it. A header without a value counts as
 * missing. Two headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
export function parseXenradApiKey(headers: Headers): Result<Credential, CredentialFailure> {
  const secret = headers.get(API_KEY_HEADER)
  if (secret === null || secret === '') return fail({ reason: 'credential_missing' })
  if (secret.length > SECRET_MAX_LENGTH) return failMalformed('too long for a key')
  if (!/^[\x21-\x7e]+$/.test(secret)) return failMalformed('not one word of printable ASCII')
  return ok({ keyType: 'xenrad', secret })
}

const refuseXenradRequest = (failure: SurfaceFailure, path: string): Reply =>
  replyToFailure(replies, failure, findRefusalWriter(path))

/** 405 with Allow (RFC 9110 §15.5.6). */
const replyXenradMethodNotAllowed = (
  method: string,
  allowed: readonly string[],
  path: string,
): Reply =>
  findRefusalWriter(path)({
    status: 405,
    code: 'not-supported',
    text: `${method} is not supported here.`,
    headers: { Allow: allowed.join(', ') },
  })

/** 415 with the accepted types (RFC 9110 §15.5.16). */
const replyUnsupportedType = (acceptedTypes: readonly string[], path: string): Reply =>
  findRefusalWriter(path)({
    status: 415,
    code: 'not-supported',
    text: `The Content-Type must be ${acceptedTypes.join(' or ')}.`,
    headers: { Accept: acceptedTypes.join(', ') },
  })

const replyXenradServerError = (path: string): Reply =>
  findRefusalWriter(path)({ status: 500, code: 'exception', text: 'The server failed; try again.' })

/** 401 with a challenge (RFC 9110 §11.6.1), on every surface. No registered scheme fits. */
const createUnauthorizedReply = (write: WriteRefusal, code: IssueType, text: string) =>
  write({ status: 401, code, text, headers: createChallengeHeader('ApiKey realm="Latchkey"') })

/** One reply for every unusable key, so that it does not reveal which keys exist or existed. */
const createInvalidKeyReply = (_: SurfaceFailure, write: WriteRefusal) =>
  createUnauthorizedReply(write, 'login', 'The API key is not valid.')

const createRetryReply = (
  write: WriteRefusal,
  status: number,
  code: IssueType,
  text: string,
  seconds: number,
) =>
  write({
    status,
    code,
    text: `${text} Try again in ${seconds} seconds.`,
    headers: createRetryAfterHeader(seconds),
  })

const INPUT_ISSUE_TYPES = {
  body_too_large: 'too-long',
  body_unreadable: 'structure',
  member_repeated: 'structure',
  field_missing: 'required',
  field_invalid: 'value',
} as const

const replies: ReplyTable<WriteRefusal, SurfaceFailure> = {
  credential_missing: (_, write) =>
    createUnauthorizedReply(
      write,
      'login',
      `An API key is needed: send it in the ${API_KEY_HEADER} header.`,
    ),
  credential_malformed: createInvalidKeyReply,
  key_unknown: createInvalidKeyReply,
  secret_missing: createInvalidKeyReply,
  secret_wrong: createInvalidKeyReply,
  region_other: createInvalidKeyReply,
  key_revoked: createInvalidKeyReply,
  key_disabled: createInvalidKeyReply,
  key_unassigned: createInvalidKeyReply,
  // Checked before the key itself, so a reply of its own would reveal the revoked keys of a closed account.
  account_closed: createInvalidKeyReply,

  // Only the holder of an unrevoked key's secret comes this far, so these replies help the owner, and reveal
  // nothing that a thief could use.
  key_expired: (_, write) => createUnauthorizedReply(write, 'expired', 'The API key has expired.'),
  address_refused: ({ address }, write) =>
    write({
      status: 403,
      code: 'forbidden',
      text: `The API key may not be used from the address ${address}.`,
    }),
  permission_missing: ({ detail }, write) =>
    write({ status: 403, code: 'forbidden', text: `The API key may not do that: ${detail}.` }),

  failures_exceeded: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 429, 'throttled', 'Too many failures.', retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 429, 'throttled', 'Too many requests.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }, write) =>
    createRetryReply(write, 503, 'transient', 'The server is busy.', retryAfterSeconds),

  ...createInputReplies(({ reason, ...content }, write) =>
    write({ ...content, code: INPUT_ISSUE_TYPES[reason] }),
  ),

  upstream_missing: (_, write) =>
    write({ status: 502, code: 'exception', text: 'No service is set up behind this path.' }),
  upstream_unreachable: (_, write) =>
    write({
      status: 502,
      code: 'transient',
      text: 'The service behind this path cannot be reached.',
    }),
  upstream_timed_out: (_, write) =>
    write({
      status: 504,
      code: 'timeout',
      text: 'The service behind this path did not answer in time.',
    }),
}

/** The content of a refusal, before it is written in the surface's format. */
interface RefusalContent {
  readonly status: number
  /** FHIR R4's issue type (http://hl7.org/fhir/R4/valueset-issue-type.html). */
  readonly code: IssueType
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

type IssueType =
  | 'structure'
  | 'required'
  | 'value'
  | 'login'
  | 'expired'
  | 'forbidden'
  | 'not-supported'
  | 'too-long'
  | 'throttled'
  | 'transient'
  | 'exception'
  | 'timeout'

type WriteRefusal = (content: RefusalContent) => Reply

/**
 * Finds the format of the surface that a path belongs to. Every other path has FHIR's, because a proxy may guard
 * other paths.
 */
function findRefusalWriter(path: string): WriteRefusal {
  if (/\/v[23]\/ingest$/.test(path)) return writeHl7Refusal
  return path.endsWith('/ingest') ? writeMppsRefusal : writeFhirRefusal
}

const writeFhirRefusal: WriteRefusal = ({ status, code, text, headers = {} }) => ({
  status,
  body: JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  }),
  type: 'application/fhir+json',
  headers,
})

/** Never an ACK, because no HL7 receiver has read the message. */
const writeHl7Refusal: WriteRefusal = ({ status, text, headers = {} }) => ({
  status,
  body: text,
  type: 'text/plain; charset=utf-8',
  headers,
})

const writeMppsRefusal: WriteRefusal = ({ status, text, headers }) =>
  createJsonReply(status, { success: false, error: text }, headers)

/** One key of a site serves its FHIR, HL7 and MPPS surfaces. */
export const xenradProtocol: VendorProtocol = {
  name: 'xenrad',
  hasCredential: (headers) => headers.has(API_KEY_HEADER),
  parseCredential: parseXenradApiKey,
  refuseRequest: refuseXenradRequest,
  replyServerError: replyXenradServerError,
}

/** A path that accepts one kind of message. The upstream checks the body's site, type and fields. */
interface IngestRoute {
  readonly path: string
  readonly surface: Surface
  /** The documented media types; empty if none are documented. A message may always omit its type. */
  readonly types: readonly string[]
}

const INGEST_ROUTES: readonly IngestRoute[] = [
  {
    path: '/v2/ingest',
    surface: 'hl7',
    types: [
      'text/plain',
      'application/hl7-v2',
      'application/hl7-v2+er7',
      'x-application/hl7-v2+er7',
    ],
  },
  { path: '/v3/ingest', surface: 'hl7', types: [] },
  { path: '/ingest', surface: 'mpps', types: ['application/json'] },
]

/** The documented methods, and HEAD, because a server that supports GET supports HEAD (RFC 9110 §9.1). */
const FHIR_METHODS = ['GET', 'HEAD', 'POST', 'PUT']
const INGEST_METHODS = ['POST']

/** Handles FHIR, HL7 over HTTP and MPPS. MLLP is not handled, because it carries no key. */
export function createXenradRoutes(deps: SurfaceDeps): Hono {
  const proxyToFhir = createProxyHandler(deps, xenradProtocol, 'fhir')
  const app = new Hono()

  // Also /fhir itself.
  app.all('/fhir/*', (c) => {
    if (!FHIR_METHODS.includes(c.req.method)) return refuseNotAllowed(deps, c, FHIR_METHODS)
    return isPublicRequest(c.req.raw) ? proxyPublicRequest(deps, c) : proxyToFhir(c)
  })
  for (const ingest of INGEST_ROUTES) {
    app.all(ingest.path, (c) =>
      INGEST_METHODS.includes(c.req.method)
        ? ingestMessage(deps, c, ingest)
        : refuseNotAllowed(deps, c, INGEST_METHODS),
    )
  }
  return app
}

/** Forwards without a key: a presented key is not checked, and the upstream receives no identity. */
const proxyPublicRequest = (deps: SurfaceDeps, c: Context) =>
  handleSurfaceRequest(deps, c, xenradProtocol, (_, caller) =>
    deps.proxyRequest(c, 'fhir', null, caller),
  )

const ingestMessage = (deps: SurfaceDeps, c: Context, { path, surface, types }: IngestRoute) =>
  handleSurfaceRequest(deps, c, xenradProtocol, async (request, caller) => {
    const key = await authorizeRequest(deps, xenradProtocol, request, caller)
    if (!key.ok) return key
    const type = parseMediaType(request.headers)
    const isAccepted = types.length === 0 || type === '' || types.includes(type)
    if (isAccepted)
      return deps.proxyRequest(
        c,
        surface,
        toUpstreamIdentity({ key: key.value, scopes: null }),
        caller,
      )
    const refusal = { reason: 'type_unsupported' } as const
    const reply = replyUnsupportedType(types, path)
    return ok(refuseAndRecord(deps, xenradProtocol, refusal, reply, caller))
  })

const refuseNotAllowed = (deps: SurfaceDeps, c: Context, methods: readonly string[]) =>
  handleSurfaceRequest(deps, c, xenradProtocol, async ({ method }, { requestId }) =>
    ok(toResponse(replyXenradMethodNotAllowed(method, methods, c.req.path), requestId)),
  )

/** The path that a client reads before it has a key (FHIR R4 §3.1.0.9). */
const PUBLIC_PATH = '/fhir/metadata'

/** Compares the path as it was sent; another spelling needs a key. */
const isPublicRequest = ({ method, url }: Request) =>
  (method === 'GET' || method === 'HEAD') && new URL(url).pathname === PUBLIC_PATH

/** Returns the media type without parameters; empty without a Content-Type. */
const parseMediaType = (headers: Headers) =>
  (headers.get('content-type') ?? '').replace(/;.*/s, '').trim().toLowerCase()

import type { Context } from 'hono'
import {
  type CredentialFailure,
  fail,
  ok,
  type Result,
  type SurfaceFailure,
} from '../../domain/failure.ts'
import { toStoredId } from '../../domain/id.ts'
import type { Key } from '../../domain/key.ts'
import type { Credential } from '../../domain/key-type.ts'
import { SECRET_PREFIX } from '../../domain/secret.ts'
import {
  BROWNOUT_TEXT,
  createJsonReply,
  createRetryAfterHeader,
  type Reply,
  type ReplyTable,
  replyToFailure,
} from '../reply.ts'
import type { RequestHeaders } from '../request.ts'
import {
  createIdentityHandler,
  createInputReplies,
  createProxyHandler,
  type SurfaceDeps,
  type VendorProtocol,
} from './surface-handlers.ts'

/**
 * `KeyId.Secret` in printable ASCII. The first dot splits: an imported secret may have dots, a KeyId has none.
 * Two headers arrive joined by a comma and a blank, which no key contains, so they are refused.
 */
const API_KEY_PATTERN = /^([\x21-\x2d\x2f-\x7e]+)(?:\.([\x21-\x7e]+)?)?$/

const API_KEY_HEADER = 'X-Api-Key'

/** The dot distinguishes it from xenrad's keys, which come in the same header. */
const hasXdentApiKey = (headers: RequestHeaders): boolean =>
  headers.get(API_KEY_HEADER)?.includes('.') ?? false

/** Secrets made by this server are no KeyIds, so a wrong secret is not looked up twice. */
function hasKeyIdOnly(headers: RequestHeaders): boolean {
  const header = headers.get(API_KEY_HEADER) ?? ''
  return header !== '' && !header.includes('.') && !header.startsWith(SECRET_PREFIX)
}

/** Parses the header. A header without a value counts as missing. */
export function parseXdentApiKey(headers: RequestHeaders): Result<Credential, CredentialFailure> {
  const header = headers.get(API_KEY_HEADER)
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, publicId, secret] = API_KEY_PATTERN.exec(header) ?? []
  if (publicId === undefined) {
    return fail({ reason: 'credential_malformed', detail: 'not KeyId.Secret' })
  }
  return ok({ keyType: 'xdent', publicId: toStoredId(publicId), secret: secret ?? null })
}

/**
 * The vendor defines the codes of 400 for a missing key, of 401, of 403 for an address, and of 429
 * (https://enterprise.xdent.cz/docs/en/errors.html); the others are Latchkey's. A 401 names no scheme, because
 * RFC 9110 §11.1 has none for this header.
 */
const createErrorReply = (
  status: number,
  Code: string,
  Message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => createJsonReply(status, { Code, Message }, headers)

/** Only a 429 has RetryAfterSeconds. */
const createTooManyReply = (Message: string, RetryAfterSeconds: number): Reply =>
  createJsonReply(
    429,
    { Code: 'RATE_LIMIT_EXCEEDED', Message, RetryAfterSeconds },
    createRetryAfterHeader(RetryAfterSeconds),
  )

const createUnavailableReply = (text: string, retryAfterSeconds: number): Reply =>
  createErrorReply(
    503,
    'SERVICE_UNAVAILABLE',
    `${text} Please try again later.`,
    createRetryAfterHeader(retryAfterSeconds),
  )

/** One reply for keys that are unknown, malformed, of another type or of another region. */
const createInvalidKeyReply = () =>
  createErrorReply(
    401,
    'INVALID_API_KEY',
    'The key does not exist or is invalid (expected KeyId.Secret).',
  )
const createInvalidSecretReply = () =>
  createErrorReply(401, 'INVALID_SECRET', 'The secret part is invalid.')
const createKeyDisabledReply = (message: string) => () =>
  createErrorReply(401, 'API_KEY_DISABLED', message)
const createUpstreamReply = () =>
  createErrorReply(
    502,
    'UPSTREAM_UNAVAILABLE',
    'The service behind this API did not answer as it should.',
  )

const replies: ReplyTable<void, SurfaceFailure> = {
  credential_missing: () =>
    createErrorReply(400, 'MISSING_API_KEY', 'The X-Api-Key header is missing.'),
  credential_malformed: createInvalidKeyReply,
  key_unknown: createInvalidKeyReply,
  region_other: createInvalidKeyReply,
  secret_missing: () =>
    createErrorReply(401, 'SECRET_REQUIRED', 'The secret part is missing (expected KeyId.Secret).'),
  secret_wrong: createInvalidSecretReply,
  secret_unverifiable: createInvalidSecretReply,

  // The caller has proven the secret, so these replies say what is wrong.
  account_closed: () =>
    createErrorReply(401, 'COMPANY_API_DISABLED', 'API access is disabled for your company.'),
  key_disabled: createKeyDisabledReply('This key is disabled.'),
  key_revoked: createKeyDisabledReply('This key was revoked.'),
  key_expired: createKeyDisabledReply('This key has expired.'),
  key_retired: createKeyDisabledReply('This key has expired.'),
  brownout: ({ retryAfterSeconds }) => createUnavailableReply(BROWNOUT_TEXT, retryAfterSeconds),
  key_unassigned: createKeyDisabledReply('This key is not in use.'),
  address_refused: ({ address }) =>
    createErrorReply(403, 'IP_NOT_AUTHORIZED', `The IP address ${address} is not authorized.`),
  permission_missing: ({ detail }) =>
    createErrorReply(403, 'PERMISSION_DENIED', `This key may not do that: ${detail}.`),
  quota_exceeded: ({ retryAfterSeconds }) =>
    createTooManyReply('Too many requests. Please try again later.', retryAfterSeconds),
  failures_exceeded: ({ retryAfterSeconds }) =>
    createTooManyReply('Too many failures. Please try again later.', retryAfterSeconds),

  ...createInputReplies(({ status, text, headers }) =>
    createErrorReply(
      status,
      status === 413 ? 'REQUEST_TOO_LARGE' : 'INVALID_REQUEST',
      text,
      headers,
    ),
  ),

  upstream_missing: createUpstreamReply,
  upstream_unreachable: createUpstreamReply,
  upstream_timed_out: () =>
    createErrorReply(
      504,
      'UPSTREAM_TIMEOUT',
      'The service behind this API did not answer in time.',
    ),
  busy: ({ retryAfterSeconds }) => createUnavailableReply('The server is busy.', retryAfterSeconds),
}

export const xdentProtocol: VendorProtocol = {
  name: 'xdent',
  pathPattern: /^\/api\/v1\b/,
  hasCredential: hasXdentApiKey,
  hasPartialCredential: hasKeyIdOnly,
  parseCredential: parseXdentApiKey,
  refuseRequest: (failure) => replyToFailure(replies, failure, undefined),
  replyServerError: () =>
    createErrorReply(500, 'INTERNAL_ERROR', 'The server failed. Please try again later.'),
}

/** In any case, with or without a trailing slash: the vendor's server ignores both, and clients rely on it. */
const IDENTITY_PATH_PATTERN = /^\/api\/v1\/identity\/?$/i

/** Handles `/api/v1/*`: answers the identity itself, and forwards everything else. */
export function createXdentHandler(deps: SurfaceDeps): (c: Context) => Promise<Response> {
  const proxyHandler = createProxyHandler(deps, xdentProtocol, 'xdent')
  const identityHandler = createIdentityHandler(deps, xdentProtocol, {
    createIdentityReply,
    replyMethodNotAllowed: (headers) =>
      createErrorReply(405, 'METHOD_NOT_ALLOWED', 'This path takes GET only.', headers),
  })
  return (c) => (IDENTITY_PATH_PATTERN.test(c.req.path) ? identityHandler(c) : proxyHandler(c))
}

const createIdentityReply = ({ accountId, account, publicId, name }: Key) =>
  createJsonReply(200, {
    CompanyId: accountId,
    CompanyName: account.name,
    KeyId: publicId,
    KeyName: name,
  })

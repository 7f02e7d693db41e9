import type { Context } from 'hono'
import {
  type CredentialFailure,
  fail,
  failMalformed,
  ok,
  type Result,
  type SurfaceFailure,
} from '../../domain/failure.ts'
import type { Key } from '../../domain/key.ts'
import type { Credential } from '../../domain/key-type.ts'
import { createBasicChallenge, hasScheme } from '../authorization.ts'
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

const decoder = new TextDecoder('utf-8', { fatal: true })

/**
 * Parses `username:key` of HTTP Basic (RFC 7617) in UTF-8. The first colon splits, because a username has none.
 * The padding of base64 is optional, because some clients omit it. Blanks around the pair are removed, because
 * `echo` adds a line feed and pasted keys come with blanks. Two headers arrive joined by a comma and are refused.
 */
export function parseBasicCredential(
  headers: RequestHeaders,
): Result<Credential, CredentialFailure> {
  const header = headers.get('Authorization')
  if (header === null || header === '') return fail({ reason: 'credential_missing' })
  const [, encoded] = /^basic +(\S+)$/i.exec(header) ?? []
  if (encoded === undefined) return failMalformed('not the Basic scheme')
  const pair = decodeBase64Text(encoded)?.trim()
  if (pair === undefined) return failMalformed('not base64 of UTF-8')
  const colon = pair.indexOf(':')
  if (colon === -1) return failMalformed('no colon')
  return ok({
    keyType: 'practice',
    username: pair.slice(0, colon),
    secret: pair.slice(colon + 1),
  })
}

/** A byte, as `atob` returns it, that is no ASCII. */
const HIGH_BYTE_PATTERN = /[\x80-\xff]/

/** Returns null for text that is not base64 of UTF-8. */
function decodeBase64Text(encoded: string): string | null {
  try {
    const text = atob(encoded)
    if (!HIGH_BYTE_PATTERN.test(text)) return text
    const bytes = new Uint8Array(text.length)
    for (let n = 0; n < text.length; n++) bytes[n] = text.charCodeAt(n)
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

const createErrorReply = (
  status: number,
  error: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Reply => createJsonReply(status, { error, message }, headers)

/** RFC 7617 §2, and §2.1 for the encoding. */
const createUnauthorizedReply = (message: string, error = 'unauthorized') =>
  createErrorReply(401, error, message, createBasicChallenge())

const createNoCredentialReply = () =>
  createUnauthorizedReply('Send username:key by HTTP Basic authentication.')
/** One reply for a wrong username and a wrong key, so that it does not reveal usernames. */
const createWrongCredentialReply = () =>
  createUnauthorizedReply('The username or the key is wrong.')

const createRetryReply = (status: number, error: string, text: string, seconds: number) =>
  createErrorReply(
    status,
    error,
    `${text} Try again in ${seconds} seconds.`,
    createRetryAfterHeader(seconds),
  )

const createUpstreamReply = () =>
  createErrorReply(502, 'upstream_unavailable', 'The service behind did not answer as it should.')

const replies: ReplyTable<void, SurfaceFailure> = {
  credential_missing: createNoCredentialReply,
  credential_malformed: createNoCredentialReply,
  key_unknown: createWrongCredentialReply,
  secret_missing: createWrongCredentialReply,
  secret_wrong: createWrongCredentialReply,
  secret_unverifiable: createWrongCredentialReply,
  region_other: createWrongCredentialReply,
  key_unassigned: createWrongCredentialReply,

  // The caller has proven the key, so the reply says why it no longer works. 401 if another key would help,
  // otherwise 403.
  key_revoked: () => createUnauthorizedReply('This key was revoked.', 'key_revoked'),
  key_disabled: () => createUnauthorizedReply('This key is disabled.', 'key_disabled'),
  key_expired: () => createUnauthorizedReply('This key has expired.', 'key_expired'),
  key_retired: () => createUnauthorizedReply('This key has expired.', 'key_expired'),
  brownout: ({ retryAfterSeconds }) =>
    createRetryReply(503, 'brownout', BROWNOUT_TEXT, retryAfterSeconds),
  account_closed: () =>
    createErrorReply(403, 'account_closed', 'The account of this key is closed.'),
  address_refused: ({ address }) =>
    createErrorReply(
      403,
      'address_refused',
      `This key may not be used from the address ${address}.`,
    ),
  permission_missing: ({ detail }) =>
    createErrorReply(403, 'permission_missing', `This key may not do that: ${detail}.`),

  failures_exceeded: ({ retryAfterSeconds }) =>
    createRetryReply(429, 'too_many_failures', 'Too many failures.', retryAfterSeconds),
  quota_exceeded: ({ retryAfterSeconds }) =>
    createRetryReply(429, 'too_many_requests', 'Too many requests.', retryAfterSeconds),
  busy: ({ retryAfterSeconds }) =>
    createRetryReply(503, 'busy', 'The server is busy.', retryAfterSeconds),

  ...createInputReplies(({ status, text, headers }) =>
    createErrorReply(
      status,
      status === 413 ? 'request_too_large' : 'invalid_request',
      text,
      headers,
    ),
  ),

  upstream_missing: createUpstreamReply,
  upstream_unreachable: createUpstreamReply,
  upstream_timed_out: () =>
    createErrorReply(504, 'upstream_timed_out', 'The service behind did not answer in time.'),
}

export const practiceProtocol: VendorProtocol = {
  name: 'practice',
  pathPattern: /^\/practice\/v1\b/,
  hasCredential: (headers) => hasScheme(headers, 'basic'),
  parseCredential: parseBasicCredential,
  refuseRequest: (failure) => replyToFailure(replies, failure, undefined),
  replyServerError: () => createErrorReply(500, 'server_error', 'The server failed; try again.'),
}

const IDENTITY_PATH = '/practice/v1/me'

/** Handles `/practice/v1/*`: answers the identity itself, and forwards everything else. */
export function createPracticeHandler(deps: SurfaceDeps): (c: Context) => Promise<Response> {
  const proxyHandler = createProxyHandler(deps, practiceProtocol, 'practice')
  const identityHandler = createIdentityHandler(deps, practiceProtocol, {
    createIdentityReply,
    replyMethodNotAllowed: (headers) =>
      createErrorReply(405, 'method_not_allowed', 'This path takes GET only.', headers),
  })
  return (c) => (c.req.path === IDENTITY_PATH ? identityHandler(c) : proxyHandler(c))
}

/** Contains names, which may change, and ids, which do not. */
const createIdentityReply = ({ username, accountId, account, publicId, name }: Key) =>
  createJsonReply(200, {
    username,
    account: { id: accountId, name: account.name },
    key: { id: publicId, name },
  })

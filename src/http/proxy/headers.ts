import { parseBasePath } from '../../domain/base-path.ts'
import type { AuthenticatedKey } from '../../service/authenticate/authenticate.ts'
import type { Caller } from '../../service/caller.ts'
import type { HeaderLines, UpstreamResponse } from '../../service/ports/outbound.ts'
import { REQUEST_ID_HEADER } from '../reply.ts'
import { FORWARDED_FOR_HEADER } from '../request.ts'
import { createSunsetHeaders } from '../sunset-headers.ts'
import { isHopByHop, isWithheldHeader } from './withheld-headers.ts'

/** The identity that the upstream receives in place of the credential. */
export interface UpstreamIdentity {
  readonly accountId: string
  readonly siteIds: readonly string[]
  readonly sourceIds: readonly string[]
  /** The scopes of a client's token; none for other credentials. */
  readonly scopes: readonly string[]
  /** The key's public id. */
  readonly keyId: string
  readonly ownerId: string
  readonly keyType: string
}

export const toUpstreamIdentity = ({ key, scopes }: AuthenticatedKey): UpstreamIdentity => ({
  accountId: key.accountId,
  siteIds: key.oauthClient?.siteIds ?? (key.siteId === null ? [] : [key.siteId]),
  sourceIds: key.oauthClient?.sourceIds ?? [],
  scopes: scopes ?? [],
  keyId: key.publicId,
  ownerId: key.ownerId,
  keyType: key.keyType,
})

/** Removes the headers that must not reach the upstream, and adds the caller's identity. */
export function createRequestHeaders(
  incoming: Headers,
  identity: UpstreamIdentity | null,
  { address, requestId }: Caller,
  publicUrl: URL,
): Headers {
  const headers = new Headers(incoming)
  const connection = headers.get('connection')
  for (const name of [...headers.keys()]) {
    if (isWithheldHeader(name) || isHopByHop(name, connection)) headers.delete(name)
  }
  const identityHeaders = identity === null ? {} : createIdentityHeaders(identity)
  for (const [name, value] of Object.entries(identityHeaders)) {
    if (value !== '') headers.set(name, value)
  }
  headers.set(REQUEST_ID_HEADER, requestId)
  headers.set(FORWARDED_FOR_HEADER, address)
  // Upstreams write links with these, so they come from the settings, never from the caller's Host.
  headers.set('X-Forwarded-Proto', publicUrl.protocol.slice(0, -1))
  headers.set('X-Forwarded-Host', publicUrl.host)
  const basePath = parseBasePath(publicUrl)
  if (basePath !== '') headers.set('X-Forwarded-Prefix', basePath)
  return headers
}

/**
 * Creates the headers that identify the caller to the upstream. Several ids are separated by commas. A header that
 * the caller has nothing for is empty.
 */
export const createIdentityHeaders = ({
  accountId,
  siteIds,
  sourceIds,
  scopes,
  keyId,
  ownerId,
  keyType,
}: UpstreamIdentity): Readonly<Record<string, string>> => ({
  'X-Latchkey-Site': siteIds.join(','),
  'X-Latchkey-Source': sourceIds.join(','),
  'X-Latchkey-Scope': scopes.join(' '),
  'X-Latchkey-Account': accountId,
  'X-Latchkey-Key': keyId,
  'X-Latchkey-Owner': ownerId,
  'X-Latchkey-Key-Type': keyType,
})

/**
 * Headers that a browser applies to the whole origin, which is this server's and not the upstream's:
 * cookies, service workers, and policies for transport, reporting, client hints, dictionaries and sign-in.
 */
const ORIGIN_WIDE_HEADERS = [
  'accept-ch',
  'alt-svc',
  'clear-site-data',
  'critical-ch',
  'expect-ct',
  'nel',
  'origin-agent-cluster',
  'public-key-pins',
  'public-key-pins-report-only',
  'report-to',
  'reporting-endpoints',
  'sec-session-registration',
  'secure-session-challenge',
  'secure-session-registration',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'set-login',
  'speculation-rules',
  'strict-transport-security',
  'use-as-dictionary',
]

/** Refresh makes a browser leave the page; clients of an API follow only Location. */
const NAVIGATION_HEADERS = ['refresh']

/**
 * All but the last make a server in front of this one send other content, from its disk or network. The
 * last one makes node-server assume that the answer was already sent.
 */
const SERVER_COMMAND_HEADERS = [
  'x-accel-buffering',
  'x-accel-charset',
  'x-accel-expires',
  'x-accel-limit-rate',
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-litespeed-location',
  'x-reproxy-url',
  'x-sendfile',
  'x-sendfile2',
  'x-hono-already-sent',
]

/** Headers that this server sets itself. */
const SERVER_SET_HEADERS = [REQUEST_ID_HEADER.toLowerCase(), 'x-content-type-options']

const REMOVED_HEADERS = new Set([
  ...ORIGIN_WIDE_HEADERS,
  ...NAVIGATION_HEADERS,
  ...SERVER_COMMAND_HEADERS,
  ...SERVER_SET_HEADERS,
])

/** Under this policy an upstream's page runs no script, sends no form and belongs to no origin. */
const SANDBOX_POLICY = "sandbox; default-src 'none'"

/**
 * The upstream's header lines, in their order and spelling. Lines that concern its connection or act on
 * this server's origin are removed; lines that keep a browser from running its content are added.
 */
export function createResponseHeaders(
  { status, headers }: Pick<UpstreamResponse, 'status' | 'headers'>,
  { requestId, sunset }: Pick<Caller, 'requestId' | 'sunset'>,
): HeaderLines {
  const sunsetHeaders = sunset === undefined ? {} : createSunsetHeaders(sunset)
  const connection = findHeaderValue(headers, 'connection')
  const forwardedHeaders = headers.filter(([spelled]) => {
    const name = spelled.toLowerCase()
    // RFC 9110 §8.6: a 204 never announces a length.
    if (status === 204 && name === 'content-length') return false
    // Each of these has one value, and that of the key concerns every answer. A Link may stand beside another.
    if (sunset !== undefined && (name === 'deprecation' || name === 'sunset')) return false
    return !REMOVED_HEADERS.has(name) && !isHopByHop(name, connection)
  })
  const added: [string, string][] = [
    [REQUEST_ID_HEADER, requestId],
    ['X-Content-Type-Options', 'nosniff'],
    ...Object.entries(sunsetHeaders),
  ]
  if (findHeaderValue(forwardedHeaders, 'cache-control') === null)
    added.push(['Cache-Control', 'no-store'])
  // RFC 9111 §3.2: a 304 replaces headers of the answer that a cache holds, whose type may be another.
  if (status === 304 || !isInert(findHeaderValue(forwardedHeaders, 'content-type'))) {
    added.push(['Content-Security-Policy', SANDBOX_POLICY])
  }
  return [...forwardedHeaders, ...added]
}

/** Joins several lines of one name, as their reader does (RFC 9110 §5.3). */
function findHeaderValue(headers: HeaderLines, wanted: string): string | null {
  const values = headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  return values.length === 0 ? null : values.join(', ')
}

/** Types that no browser runs or renders as a page when it may not guess the type (nosniff). */
const INERT_TYPES =
  /^(?:text\/(?:plain|csv)|image\/(?:png|jpeg|gif|webp)|(?:x-)?application\/hl7-v2(?:\+er7)?|application\/(?:json|x-ndjson|octet-stream|dicom|zip|[\w.-]+\+json))\s*(?:;|$)/i

/** A browser may use the last of several types in one value, so a value with a comma is not inert. */
const isInert = (type: string | null): boolean =>
  type !== null && !type.includes(',') && INERT_TYPES.test(type.trim())

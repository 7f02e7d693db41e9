import type { Answer, HeaderLines } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { REQUEST_ID } from '../reply.ts'
import { isHopByHop } from './end-to-end.ts'

/**
 * Headers that a browser applies to the whole origin, which is this server's and not the upstream's:
 * cookies, service workers, and policies for transport, reporting, client hints, dictionaries and sign-in.
 */
const ORIGIN_WIDE = [
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
const NAVIGATION = ['refresh']

/**
 * All but the last make a server in front of this one send other content, from its disk or network. The
 * last one makes node-server believe that the answer was already sent.
 */
const SERVER_COMMANDS = [
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
const SET_BY_SERVER = [REQUEST_ID.toLowerCase(), 'x-content-type-options']

const REMOVED_HEADERS = new Set([
  ...ORIGIN_WIDE,
  ...NAVIGATION,
  ...SERVER_COMMANDS,
  ...SET_BY_SERVER,
])

/** Under this policy an upstream's page runs no script, sends no form and belongs to no origin. */
const SANDBOX_POLICY = "sandbox; default-src 'none'"

/**
 * The upstream's header lines, in their order and spelling. Lines that concern its connection or act on
 * this server's origin are removed; lines that keep a browser from running its content are added.
 */
export function answerHeaders(
  { status, headers }: Pick<Answer, 'status' | 'headers'>,
  { requestId }: Pick<Caller, 'requestId'>,
): HeaderLines {
  const connection = findValue(headers, 'connection')
  const kept = headers.filter(([spelled]) => {
    const name = spelled.toLowerCase()
    // RFC 9110 §8.6: a 204 never announces a length.
    if (status === 204 && name === 'content-length') return false
    return !REMOVED_HEADERS.has(name) && !isHopByHop(name, connection)
  })
  const added: [string, string][] = [
    [REQUEST_ID, requestId],
    ['X-Content-Type-Options', 'nosniff'],
  ]
  if (findValue(kept, 'cache-control') === null) added.push(['Cache-Control', 'no-store'])
  // RFC 9111 §3.2: a 304 replaces headers of the answer that a cache holds, whose type may be another.
  if (status === 304 || !isInert(findValue(kept, 'content-type'))) {
    added.push(['Content-Security-Policy', SANDBOX_POLICY])
  }
  return [...kept, ...added]
}

/** Joins several lines of one name, as their reader does (RFC 9110 §5.3). */
function findValue(headers: HeaderLines, wanted: string): string | null {
  const values = headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  return values.length === 0 ? null : values.join(', ')
}

/** Types that no browser runs or renders as a page when it may not guess the type (nosniff). */
const INERT_TYPES =
  /^(?:text\/(?:plain|csv)|image\/(?:png|jpeg|gif|webp)|(?:x-)?application\/hl7-v2(?:\+er7)?|application\/(?:json|x-ndjson|octet-stream|dicom|zip|[\w.-]+\+json))\s*(?:;|$)/i

/** A browser may use the last of several types in one value, so a value with a comma is not inert. */
const isInert = (type: string | null): boolean =>
  type !== null && !type.includes(',') && INERT_TYPES.test(type.trim())

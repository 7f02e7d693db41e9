import type { Answer, HeaderLines } from '../../service/ports.ts'
import type { Caller } from '../../service/refused.ts'
import { REQUEST_ID } from '../reply.ts'
import { isHopByHop } from './end-to-end.ts'

/**
 * What a browser keeps or does for the whole origin, which is this server's and not the upstream's:
 * cookies, service workers, policies of transport, reporting, client hints, dictionaries and sign-in.
 */
const ORIGIN_WIDE = [
  'accept-ch',
  'alt-svc',
  'clear-site-data',
  'critical-ch',
  'expect-ct',
  'nel',
  'public-key-pins',
  'public-key-pins-report-only',
  'report-to',
  'reporting-endpoints',
  'secure-session-registration',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'set-login',
  'speculation-rules',
  'strict-transport-security',
  'use-as-dictionary',
]

/** A browser leaves the page for where this says; an API's clients follow Location alone. */
const NAVIGATION = ['refresh']

/**
 * Servers before this one serve other content, from their own disk or network, for the first of
 * these; with the last one, node-server takes an answer for one that was sent already.
 */
const SERVER_COMMANDS = [
  'x-accel-redirect',
  'x-lighttpd-send-file',
  'x-litespeed-location',
  'x-reproxy-url',
  'x-sendfile',
  'x-sendfile2',
  'x-hono-already-sent',
]

/** Those that this server sets itself. */
const REPLACED = [REQUEST_ID.toLowerCase(), 'x-content-type-options']

const REMOVED = new Set([...ORIGIN_WIDE, ...NAVIGATION, ...SERVER_COMMANDS, ...REPLACED])

/** A page of an upstream's runs no script, sends no form and belongs to no origin. */
const SANDBOX = "sandbox; default-src 'none'"

/**
 * The upstream's header lines in their order and spelling, without those of its connection and those
 * that act on this server's origin, and with what keeps a browser from running its content.
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
    return !REMOVED.has(name) && !isHopByHop(name, connection)
  })
  const added: [string, string][] = [
    [REQUEST_ID, requestId],
    ['X-Content-Type-Options', 'nosniff'],
  ]
  if (findValue(kept, 'cache-control') === null) added.push(['Cache-Control', 'no-store'])
  if (!isInert(findValue(kept, 'content-type'))) added.push(['Content-Security-Policy', SANDBOX])
  return [...kept, ...added]
}

/** Joined, as a reader of several lines of one name joins them (RFC 9110 §5.3). */
function findValue(headers: HeaderLines, wanted: string): string | null {
  const values = headers.filter(([name]) => name.toLowerCase() === wanted).map(([, value]) => value)
  return values.length === 0 ? null : values.join(', ')
}

/** Types that no browser runs or renders as a page once it may not guess (nosniff). */
const INERT =
  /^(?:text\/(?:plain|csv)|image\/(?:png|jpeg|gif|webp)|(?:x-)?application\/hl7-v2(?:\+er7)?|application\/(?:json|x-ndjson|octet-stream|dicom|zip|[\w.-]+\+json))\s*(?:;|$)/i

/** A browser takes the last of several types in one value, so a comma makes it unknown. */
const isInert = (type: string | null): boolean =>
  type !== null && !type.includes(',') && INERT.test(type.trim())

import { REQUEST_ID } from '../reply.ts'
import { HOP_BY_HOP } from './end-to-end.ts'

/** The caller's credentials, which are for this server alone. */
const CREDENTIALS = ['authorization', 'cookie', 'x-api-key']

/**
 * What this server says itself: the upstream's own name, how the caller has come (RFC 7239), and the
 * 100 that it has sent already (RFC 9110 §10.1.1).
 */
const OURS = ['host', 'expect', 'forwarded', 'x-real-ip', REQUEST_ID.toLowerCase()]
const OUR_FAMILIES = /^x-(?:latchkey|forwarded)(?:-|$)/

/** By these some servers serve another method than the one that was judged, by those another path. */
const METHOD_OVERRIDES = ['x-http-method', 'x-http-method-override', 'x-method-override']
const PATH_OVERRIDES = ['x-original-url', 'x-rewrite-url']

const WITHHELD = new Set([
  ...HOP_BY_HOP,
  ...CREDENTIALS,
  ...OURS,
  ...METHOD_OVERRIDES,
  ...PATH_OVERRIDES,
])

/** Whether a header of the caller's is not for the upstream, in any spelling. */
export function isWithheld(name: string): boolean {
  const seen = folded(name)
  return WITHHELD.has(seen) || OUR_FAMILIES.test(seen)
}

/** Whether by this header, in any spelling, an upstream may serve another method. */
export const overridesMethod = (name: string): boolean => METHOD_OVERRIDES.includes(folded(name))

/**
 * A name as an upstream may see it: CGI (RFC 3875 §4.1.18), WSGI and their kin hand `X_A`, `X.A` and
 * `X-A` on as one variable.
 */
const folded = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

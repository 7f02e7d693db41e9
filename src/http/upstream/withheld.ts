import { REQUEST_ID } from '../reply.ts'
import { HOP_BY_HOP } from './end-to-end.ts'

/** The caller's credentials, which are for this server alone. */
const CREDENTIALS = ['authorization', 'cookie', 'x-api-key']

/** What this server says itself: the upstream's name, and the 100 that it has sent (RFC 9110 §10.1.1). */
const OURS = ['host', 'expect', REQUEST_ID.toLowerCase()]

/** By these some servers serve another method than the one that was judged. */
const METHOD_OVERRIDES = ['x-http-method', 'x-http-method-override', 'x-method-override']

/**
 * What proxies say to the servers behind them, which therefore believe it: who the caller is, where
 * they are, and which host, path or file they mean. A last `-` stands for a whole family.
 */
const PROXY_CLAIMS = [
  // Identity, as single sign-on proxies, TLS terminators and gateways pass it on.
  'cf-',
  'client-cert',
  'client-cert-',
  'oidc-',
  'proxy',
  'proxy-',
  'remote-',
  'ssl-',
  'tailscale-',
  'x-amzn-mtls-',
  'x-amzn-oidc-',
  'x-anonymous-consumer',
  'x-appengine-',
  'x-arr-',
  'x-authenticated-',
  'x-authentik-',
  'x-client-cert',
  'x-client-cert-',
  'x-client-dn',
  'x-client-verify',
  'x-consumer-',
  'x-credential-',
  'x-goog-authenticated-',
  'x-goog-iap-',
  'x-ms-client-principal',
  'x-ms-client-principal-',
  'x-pomerium-',
  'x-remote-',
  'x-ssl-',
  'x-userinfo',
  'x-vouch-',
  'x-webauth-',
  // Address (Forwarded: RFC 7239).
  'client-ip',
  'do-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'forwarded',
  'forwarded-',
  'http-client-ip',
  'incap-client-ip',
  'true-client-ip',
  'wl-proxy-',
  'x-azure-',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-envoy-',
  'x-forward-',
  'x-nf-client-connection-ip',
  'x-originating-ip',
  'x-proxyuser-ip',
  'x-real-',
  'x-sucuri-clientip',
  'x-vercel-',
  // Host, scheme, path and file.
  'front-end-https',
  'script-name',
  'x-accel-',
  'x-forwarded',
  'x-forwarded-',
  'x-host',
  'x-http-host-override',
  'x-invoke-',
  'x-latchkey',
  'x-latchkey-',
  'x-matched-path',
  'x-middleware-',
  'x-original-',
  'x-rewrite-url',
  'x-scheme',
  'x-script-name',
  'x-sendfile-type',
  'x-url-scheme',
]

const WITHHELD = new Set([...HOP_BY_HOP, ...CREDENTIALS, ...OURS, ...METHOD_OVERRIDES])
const PROXY_CLAIM = new RegExp(
  `^(?:${PROXY_CLAIMS.map((claim) => (claim.endsWith('-') ? claim : `${claim}$`)).join('|')})`,
)

/** `x-auth-request-user` and its kin are a proxy's; these two are credentials of the upstream's own. */
const AUTH_CLAIM = /^x-auth-(?!(?:token|key)$)/

/** Said once and in one spelling, or two servers may read two messages (RFC 9112 §6.3). */
const FRAMING = ['content-length', 'content-type']

/** Whether a header of the caller's is not for the upstream, in any spelling. */
export function isWithheld(name: string): boolean {
  const seen = foldName(name)
  return (
    WITHHELD.has(seen) ||
    PROXY_CLAIM.test(seen) ||
    AUTH_CLAIM.test(seen) ||
    (seen !== name && FRAMING.includes(seen))
  )
}

/** Whether by this header, in any spelling, an upstream may serve another method. */
export const overridesMethod = (name: string): boolean => METHOD_OVERRIDES.includes(foldName(name))

/**
 * A lower-case name as an upstream may see it: CGI (RFC 3875 §4.1.18), WSGI and their kin hand `x_a`,
 * `x.a` and `x-a` on as one variable.
 */
const foldName = (name: string) => name.toLowerCase().replace(/[^a-z0-9]/g, '-')

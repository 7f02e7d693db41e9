import { REQUEST_ID_HEADER } from '../reply.ts'

/** Headers of one connection (RFC 9110 §7.6.1), as are those that Connection names. */
const HOP_BY_HOP_HEADERS = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** Takes a name in lower case, and the value of the Connection header of the same message. */
export function isHopByHop(name: string, connection: string | null): boolean {
  if (HOP_BY_HOP_HEADERS.includes(name)) return true
  return connection?.split(',').some((word) => word.trim().toLowerCase() === name) ?? false
}

/** The caller's credentials, which are for this server alone. */
const CALLER_CREDENTIAL_HEADERS = ['authorization', 'cookie', 'x-api-key']

/** Headers that this server sets or has answered itself, such as Expect (RFC 9110 §10.1.1). */
const SERVER_HEADERS = ['host', 'expect', REQUEST_ID_HEADER.toLowerCase()]

/** Headers that make some servers use a method that was not authorized. */
const METHOD_OVERRIDE_HEADERS = [
  'x-http-method',
  'x-http-method-override',
  'x-method',
  'x-method-override',
]

/**
 * Headers with which proxies pass the caller's identity and address, and the requested host, path or file, to
 * servers that trust them. A name that ends in `-` is a prefix.
 */
const PROXY_CLAIM_HEADERS = [
  // Identity, as single sign-on proxies, TLS terminators and gateways pass it on.
  'auth-type',
  'auth-user',
  'cf-',
  'client-cert',
  'client-cert-',
  'http-',
  'impersonate-',
  'iv-',
  'l5d-',
  'oam-',
  'oidc-',
  'proxy',
  'proxy-',
  'remote-',
  'shib-',
  'sm-',
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
  'x-endpoint-api-userinfo',
  'x-apigateway-api-userinfo',
  'x-impersonate-',
  'x-jwt-assertion',
  'x-jwt-payload',
  'x-ms-client-principal',
  'x-ms-client-principal-',
  'x-pomerium-',
  'x-remote-',
  'x-serverless-authorization',
  'x-shib-',
  'x-ssl-',
  'x-userinfo',
  'x-vouch-',
  'x-webauth-',
  // Address (Forwarded: RFC 7239).
  'ali-cdn-real-ip',
  'cdn-src-ip',
  'client-ip',
  'clientip',
  'do-connecting-ip',
  'fastly-client-ip',
  'fly-client-ip',
  'forwarded',
  'forwarded-',
  'incap-client-ip',
  'true-client-ip',
  'wl-proxy-',
  'x-azure-',
  'x-client-ip',
  'x-client-real-ip',
  'x-clientip',
  'x-coming-from',
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
  'path-info',
  'request-uri',
  'unencoded-url',
  'script-name',
  'x-accel-',
  'x-forwarded',
  'x-forwarded-',
  'x-host',
  'x-host-override',
  'x-http-path-override',
  'x-http-host-override',
  'x-invoke-',
  'x-latchkey',
  'x-latchkey-',
  'x-matched-path',
  'x-middleware-',
  'x-original-',
  'x-override-url',
  'x-replaced-path',
  'x-rewrite-url',
  'x-scheme',
  'x-script-name',
  'x-sendfile-type',
  'x-url-scheme',
  'x-waws-unencoded-url',
]

const WITHHELD_HEADERS = new Set([
  ...HOP_BY_HOP_HEADERS,
  ...CALLER_CREDENTIAL_HEADERS,
  ...SERVER_HEADERS,
  ...METHOD_OVERRIDE_HEADERS,
])
const PROXY_CLAIM_PATTERN = new RegExp(
  `^(?:${PROXY_CLAIM_HEADERS.map((claim) => (claim.endsWith('-') ? claim : `${claim}$`)).join('|')})`,
)

/** Headers such as `x-auth-request-user` are a proxy's, but these two are credentials for the upstream. */
const AUTH_CLAIM_PATTERN = /^x-auth-(?!(?:token|key)$)/

/** Forwarded only in their own spelling: two servers that read two values disagree (RFC 9112 §6.3). */
const FRAMING_HEADERS = ['content-length', 'content-type']

/** Recognizes, in any spelling, a caller's header that must not reach the upstream. */
export function isWithheldHeader(name: string): boolean {
  const foldedName = foldHeaderName(name)
  return (
    WITHHELD_HEADERS.has(foldedName) ||
    PROXY_CLAIM_PATTERN.test(foldedName) ||
    AUTH_CLAIM_PATTERN.test(foldedName) ||
    (foldedName !== name && FRAMING_HEADERS.includes(foldedName))
  )
}

/**
 * Recognizes, in any spelling, a header that can make an upstream serve another method. The pattern spares
 * other names the folding.
 */
export const isMethodOverrideHeader = (name: string): boolean =>
  /x[^a-z]+(?:http[^a-z]+)?method/i.test(name) &&
  METHOD_OVERRIDE_HEADERS.includes(foldHeaderName(name))

/**
 * Spells a name as an upstream may see it: CGI (RFC 3875 §4.1.18), WSGI and similar interfaces pass
 * `x_a`, `x.a` and `x-a` on as one variable. Runs of separators and those at the ends count as one and none.
 */
const foldHeaderName = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')

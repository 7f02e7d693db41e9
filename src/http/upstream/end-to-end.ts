/** For one connection only (RFC 9110 §7.6.1), as is whatever Connection names besides. */
export const HOP_BY_HOP = [
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

/** A copy without what is for one connection only. */
export function endToEnd(given: Headers): Headers {
  const headers = new Headers(given)
  const named = headers.get('connection')?.toLowerCase().split(',') ?? []
  for (const name of [...headers.keys()]) {
    if (HOP_BY_HOP.includes(name) || named.some((word) => word.trim() === name)) {
      headers.delete(name)
    }
  }
  return headers
}

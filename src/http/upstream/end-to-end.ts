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

/** Takes a name in lower case, and the value of the Connection header of the same message. */
export function isHopByHop(name: string, connection: string | null): boolean {
  if (HOP_BY_HOP.includes(name)) return true
  return connection?.split(',').some((word) => word.trim().toLowerCase() === name) ?? false
}

import type { Sunset } from '../domain/sunset.ts'

/**
 * Creates the headers that tell the users of a key of its retirement: Deprecation (RFC 9745 §2), Sunset
 * (RFC 8594 §3) and the links of both.
 */
export function createSunsetHeaders({
  deprecatedAt,
  sunsetAt,
  documentationUrl: url,
}: Sunset): Record<string, string> {
  const headers = {
    Deprecation: `@${Math.floor(deprecatedAt / 1000)}`,
    Sunset: new Date(sunsetAt).toUTCString(),
  }
  return url === null
    ? headers
    : { ...headers, Link: `<${url}>; rel="deprecation", <${url}>; rel="sunset"` }
}

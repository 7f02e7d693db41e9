/**
 * Whether a form was sent by a page of this server: as the browser says it (Fetch Metadata), and where
 * it does not, by the Origin header (RFC 6454 §7). Neither can be set by another site's script.
 */
export function isSameOrigin(headers: Headers, hosts: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = headers.get('origin')
  return origin !== null && URL.canParse(origin) && hosts.includes(new URL(origin).host)
}

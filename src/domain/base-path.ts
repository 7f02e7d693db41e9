/** The path of a public URL, without a trailing slash: empty, or the prefix of every link. */
export const parseBasePath = (publicUrl: string | URL): string =>
  new URL(publicUrl).pathname.replace(/\/+$/, '')

/**
 * Removes the base path from a request's target or URL, because routes are defined without it. A proxy
 * may have removed it already.
 */
export function removeBasePath(target: string, basePath: string): string {
  if (basePath === '') return target
  const [unchanged, origin = '', rest = ''] =
    /^(https?:\/\/[^/?#]*)?(\/.*)$/is.exec(target) ?? ([target] as const)
  if (!rest.startsWith(basePath)) return unchanged
  const below = rest.slice(basePath.length)
  if (below === '' || below.startsWith('?')) return `${origin}/${below}`
  return below.startsWith('/') ? origin + below : unchanged
}

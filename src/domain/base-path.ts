/** The path that a public URL has, and everything that this server links to below it; empty where there is none. */
export const parseBasePath = (publicUrl: string | URL): string =>
  new URL(publicUrl).pathname.replace(/\/+$/, '')

/**
 * A request's target or URL without the base path, which a proxy may pass on or remove: routes know
 * nothing of it.
 */
export function removeBasePath(target: string, basePath: string): string {
  if (basePath === '') return target
  const [whole, origin = '', rest = ''] =
    /^(https?:\/\/[^/?#]*)?(\/.*)$/is.exec(target) ?? ([target] as const)
  if (!rest.startsWith(basePath)) return whole
  const below = rest.slice(basePath.length)
  if (below === '' || below.startsWith('?')) return `${origin}/${below}`
  return below.startsWith('/') ? origin + below : whole
}

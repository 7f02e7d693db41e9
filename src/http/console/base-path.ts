import type { Context } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'

const VARIABLE = 'basePath'

/** Tells what answers below where a proxy serves the console: routes and links are written without it. */
export const setBasePath = (c: Context, consoleUrl: string): void =>
  c.set(VARIABLE, parseBasePath(consoleUrl))

export const getBasePath = (c: Context): string => c.get(VARIABLE) ?? ''

const LINKS = / (href|action|src|data-suggest)="(?=\/(?:console|admin)\b)/g

/** A page whose links lead below the base path. Text has no quotation marks of its own: they are escaped. */
export function addBasePath(c: Context, html: string): string {
  const basePath = getBasePath(c)
  return basePath === '' ? html : html.replace(LINKS, ` $1="${basePath}`)
}

import type { Context } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'

const CONTEXT_VARIABLE = 'basePath'

/** Stores the base path that a proxy serves the console below. Routes and links are written without it. */
export const setBasePath = (c: Context, consoleUrl: string): void =>
  c.set(CONTEXT_VARIABLE, parseBasePath(consoleUrl))

export const getBasePath = (c: Context): string => c.get(CONTEXT_VARIABLE) ?? ''

const LINK_ATTRIBUTES = / (href|action|src|data-suggest)="(?=\/(?:console|admin)\b)/g

/** Adds the base path to the links of a page. Quotation marks in text are escaped, so only attributes match. */
export function addBasePath(c: Context, html: string): string {
  const basePath = getBasePath(c)
  return basePath === '' ? html : html.replace(LINK_ATTRIBUTES, ` $1="${basePath}`)
}

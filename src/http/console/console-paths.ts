import type { Context } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { type ConsoleAssets, createAssetPaths } from './static/assets.ts'

/** The paths that pages link to. They depend on how this server is set up. */
interface ConsolePaths {
  /** The path that a proxy serves the console below. Routes and links are written without it. */
  readonly basePath: string
  readonly stylesheetPath: string
  readonly scriptPath: string
}

export interface ConsolePathDeps {
  readonly consoleUrl: string
  readonly consoleAssets: ConsoleAssets
}

export const createConsolePaths = ({
  consoleUrl,
  consoleAssets,
}: ConsolePathDeps): ConsolePaths => ({
  basePath: parseBasePath(consoleUrl),
  ...createAssetPaths(consoleAssets),
})

const PATHS_VARIABLE = 'consolePaths'

export const setConsolePaths = (c: Context, paths: ConsolePaths): void =>
  c.set(PATHS_VARIABLE, paths)

export const getConsolePaths = (c: Context): ConsolePaths => c.get(PATHS_VARIABLE)

const LINK_ATTRIBUTE_PATTERN = / (href|action|src|data-suggest)="(?=\/(?:console|admin)\b)/g

/** Adds the base path to the links of a page. Quotation marks in text are escaped, so only attributes match. */
export function addBasePath(c: Context, html: string): string {
  const { basePath } = getConsolePaths(c)
  return basePath === '' ? html : html.replace(LINK_ATTRIBUTE_PATTERN, ` $1="${basePath}`)
}

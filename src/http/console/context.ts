import type { Context } from 'hono'
import { parseBasePath } from '../../domain/base-path.ts'
import { InvalidCursorError, isUuid, toStoredId } from '../../domain/id.ts'
import type { Permission } from '../../domain/role.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { Caller } from '../../service/audit/buffer.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { Theme } from './cookies.ts'
import type { ReauthPrompt } from './reauth.ts'
import { type ConsoleAssets, createAssetPaths } from './static/assets.ts'

/** One request of somebody who is signed in. */
export interface PageContext {
  readonly c: Context
  readonly caller: Caller
  readonly path: string
  /** The query of a page; the fields of a form. */
  readonly input: URLSearchParams
  readonly now: number
  readonly session: SignedInUser
  /** What he can do, and see, in his account or in the one that he has chosen. */
  readonly services: SessionServices
  /** What gives somebody a way in takes more than a session: this alone has the verbs for it. */
  readonly reauth: ReauthPrompt
  readonly can: (permission: Permission) => boolean
  /** The account that an operator has chosen to see alone. */
  readonly selectedAccount: { readonly id: string; readonly name: string } | null
  /** To be sent back with every form. */
  readonly formToken: string
  readonly theme: Theme
  /** What was done by the form that led here. */
  readonly flash: string | null
}

/** What lets somebody in, or in as more, and lives on when this browser has been closed. */
interface ReauthenticatedServices {
  readonly accounts: 'setRole'
  readonly users: 'invite' | 'inviteFirstOperator' | 'resetSecondFactor'
}

/** All that a session is enough for. */
export type SessionServices = Omit<ActorServices, keyof ReauthenticatedServices> & {
  readonly [Service in keyof ReauthenticatedServices]: Omit<
    ActorServices[Service],
    ReauthenticatedServices[Service]
  >
}

/** A field of a form or of a query: empty where it was not given. */
export const getField = (context: Pick<PageContext, 'input'>, name: string): string =>
  (context.input.get(name) ?? '').trim()

/** The same, undefined where it is empty. */
export const getOptionalField = (
  context: Pick<PageContext, 'input'>,
  name: string,
): string | undefined => getField(context, name) || undefined

/** A field that holds an id, undefined where it is empty. */
export const getOptionalId = (
  context: Pick<PageContext, 'input'>,
  name: string,
): string | undefined => toStoredId(getField(context, name)) || undefined

/** After which row of its list a page begins. */
export function getCursor(context: Pick<PageContext, 'input'>): string | undefined {
  const after = getOptionalId(context, 'after')
  if (after !== undefined && !isUuid(after)) throw new InvalidCursorError()
  return after
}

/** An id in the path. */
export const getPathId = (context: PageContext, name: string): string =>
  toStoredId(context.c.req.param(name) ?? '')

/** The paths that pages link to. They depend on how this server is set up. */
export interface ConsolePaths {
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

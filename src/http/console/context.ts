import type { Context } from 'hono'
import { InvalidCursorError, isUuid, toStoredId } from '../../domain/id.ts'
import type { Permission } from '../../domain/role.ts'
import type { Operation } from '../../operations/define.ts'
import type { ActorServices } from '../../service/actor-services.ts'
import type { Caller } from '../../service/caller.ts'
import type { SignedInUser } from '../../service/ports/sign-in.ts'
import type { Theme } from './cookies.ts'
import type { PerformOperation, ReauthenticatedUserMethod, ReauthPrompt } from './reauth.ts'

/** A request of a signed-in user. */
export interface PageContext {
  readonly c: Context
  readonly caller: Caller
  readonly path: string
  /** The query of a page, or the fields of a form. */
  readonly input: URLSearchParams
  readonly now: number
  readonly session: SignedInUser
  /** The services of this user, bound to their own account or to the selected one. */
  readonly services: SessionServices
  /** Verifies the user again. Only its services have the methods that give others access. */
  readonly reauth: ReauthPrompt
  readonly can: (permission: Permission) => boolean
  /** Performs an operation as this user, after re-authentication where the operation needs one. */
  readonly perform: PerformOperation
  /** True if the user's role permits the operation. */
  readonly canPerform: (id: Operation['id']) => boolean
  /** The account that an operator has limited the console to. */
  readonly selectedAccount: { readonly id: string; readonly name: string } | null
  /** Every form carries it, as proof that a page of this session sent it. */
  readonly formToken: string
  readonly theme: Theme
  /** The message about the form that led to this page. */
  readonly flash: string | null
}

/** The services that a session may use without re-authentication. */
type SessionServices = Omit<ActorServices, 'users'> & {
  readonly users: Omit<ActorServices['users'], ReauthenticatedUserMethod>
}

/** Reads a field of the form or query, trimmed; empty if it is missing. */
export const getField = (context: Pick<PageContext, 'input'>, name: string): string =>
  (context.input.get(name) ?? '').trim()

/** Reads a field, trimmed; undefined if it is missing or empty. */
export const getOptionalField = (
  context: Pick<PageContext, 'input'>,
  name: string,
): string | undefined => getField(context, name) || undefined

/** Reads a field that holds an id; undefined if it is missing or empty. */
export const getOptionalId = (
  context: Pick<PageContext, 'input'>,
  name: string,
): string | undefined => toStoredId(getField(context, name)) || undefined

/** Reads the id of the row that a page of a list begins after. */
export function getCursor(context: Pick<PageContext, 'input'>): string | undefined {
  const after = getOptionalId(context, 'after')
  if (after !== undefined && !isUuid(after)) throw new InvalidCursorError()
  return after
}

/** Reads the `:id` of the path. */
export const getPathId = ({ c }: PageContext): string => toStoredId(c.req.param('id') ?? '')

import type { KeySummary } from '../../../../service/ports/keys.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { renderError } from '../../errors.ts'
import type { PageHandler } from '../../router.ts'

/** Passes the key that the path names to a handler; a key that the user cannot see is not found. */
export const withKey =
  (handler: (context: PageContext, key: KeySummary) => Promise<Response> | Response): PageHandler =>
  async (context) => {
    const found = await context.services.keys.find(getPathId(context, 'id'))
    return found.ok
      ? handler(context, found.value)
      : renderError(context.c, context.caller, 'not_found')
  }

/** Tells whether a form was rendered from an older state of the key. A revoked key changes no more. */
export const isChangedSince = ({ status, eventId }: KeySummary, seen: string): boolean =>
  status !== 'revoked' && eventId !== seen

export interface KeyPageDeps {
  /** The URL at which vendors reach this server. */
  readonly publicUrl: string
  /** Creates the row id that a form of a new key carries. */
  readonly uuid: () => string
}

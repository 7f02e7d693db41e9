import type { KeySummary } from '../../../../service/ports/keys.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { renderError } from '../../errors.ts'
import type { PageHandler } from '../../router.ts'

/** A screen about the key that the path names. One that is out of sight is not there. */
export const withKey =
  (handler: (context: PageContext, key: KeySummary) => Promise<Response> | Response): PageHandler =>
  async (context) => {
    const found = await context.services.keys.find(getPathId(context, 'id'))
    return found.ok
      ? handler(context, found.value)
      : renderError(context.c, context.caller, 'not_found')
  }

/** What the pages of keys need beside a visit. */
export interface KeyPageDeps {
  /** Where a vendor's program reaches this server. */
  readonly publicUrl: string
  /** A new row id, for a form to carry. */
  readonly uuid: () => string
}

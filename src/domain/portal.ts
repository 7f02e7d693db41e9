import { fail, type NotAllowed, ok, type Result } from './failure.ts'
import type { Key } from './key.ts'

/** A developer at the list of his customer keys, by his own key. */
export interface Portal {
  readonly keyId: string
  readonly ownerId: string
  readonly developerId: string
}

/** Does this key, which may be used, open the list of customer keys? */
export function mayManage({
  id: keyId,
  ownerId,
  dialect,
  developer,
}: Key): Result<Portal, NotAllowed> {
  if (dialect !== 'opendental-portal' || developer === null) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it opens no list of keys' })
  }
  return ok({ keyId, ownerId, developerId: developer.id })
}

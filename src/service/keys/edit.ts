import { conflict, type Done, eventOf, invalid, type OperatorDeps } from '../operator.ts'
import type { KeyEdit, KeySummary, OperatorStorage } from '../ports.ts'
import { createKeyFinder, revokedAlready } from './find.ts'
import { createWishReader, given, noUsername, readAccess, readTexts } from './wish.ts'

/** What is left out stays as it is. */
export type KeyChange = { readonly [Field in keyof KeyEdit]?: KeyEdit[Field] | undefined } & {
  /** The key's last change that its editor has seen: another since then is told, not overwritten. */
  readonly seen?: string | undefined
}

export interface EditDeps extends OperatorDeps {
  readonly storage: OperatorStorage
}

/** What people write about a key, and whose it is. */
export function createEditing(deps: EditDeps) {
  const { storage, clock } = deps
  const { find } = createKeyFinder(storage)
  const { findOwner } = createWishReader(storage)

  return {
    async edit(id: string, { seen, ...change }: KeyChange): Promise<Done<KeySummary>> {
      const key = await find(id)
      if (!key.ok) return key
      const before = key.value
      const texts = readTexts({ ...before, ...given(change) })
      if (!texts.ok) return texts
      const access = readAccess(change.access ?? before.access, before.dialect)
      if (!access.ok) return access
      const edit: KeyEdit = {
        ...texts.value,
        ownerId: change.ownerId ?? before.ownerId,
        access: access.value,
        expiresAt: change.expiresAt === undefined ? before.expiresAt : change.expiresAt,
      }
      if (edit.expiresAt !== before.expiresAt && (edit.expiresAt ?? Infinity) <= clock()) {
        return invalid('the expiry must be in the future: to end a key now, revoke it')
      }
      if (edit.ownerId !== before.ownerId) {
        const owner = await findOwner(edit.ownerId)
        if (!owner.ok) return owner
        if (owner.value.accountId !== before.accountId) {
          return invalid(`user ${owner.value.id} is of another account`)
        }
        if (before.dialect === 'practice' && owner.value.username === null) return noUsername
      }
      const action = edit.ownerId === before.ownerId ? 'key.edited' : 'key.transferred'
      const event = eventOf(deps, action, before.id, differences(before, edit))
      const changed = await storage.editKey(before.id, edit, seen ?? before.eventId, event)
      if (changed) return find(before.id)
      return before.status === 'revoked'
        ? revokedAlready(before)
        : conflict(`key ${before.publicId} was changed by somebody else: look at it again`)
    },
  }
}

/** What an edit changes, as it is from now on. */
const differences = (before: KeySummary, edit: KeyEdit) =>
  Object.fromEntries(
    Object.entries(edit).filter(([field, value]) => before[field as keyof KeyEdit] !== value),
  )

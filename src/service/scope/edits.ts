import type { EditStorage } from '../ports/edits.ts'
import { type Own, withOwn } from './own.ts'

/** Edits of small things, where no other account exists. */
export function scopeEdits(storage: EditStorage, own: Own): EditStorage {
  return {
    // What has a name is called as its finder is.
    rename: (what, id, name, event) =>
      withOwn(own[what](id), () => storage.rename(what, id, name, event), false),
    setUserEmail: (id, email, event, role) =>
      withOwn(own.user(id), () => storage.setUserEmail(id, email, event, role), false),
    removeSite: (id, event) => withOwn(own.site(id), () => storage.removeSite(id, event), false),
    removeDeveloper: (id, event) =>
      withOwn(own.developer(id), () => storage.removeDeveloper(id, event), false),
    removeSubscription: (id, event) =>
      withOwn(own.subscription(id), () => storage.removeSubscription(id, event), false),
  }
}

import type { AuthorityStorage, OperatorStorage } from '../ports.ts'
import { type Own, outOfScope, withOwn } from './own.ts'

type Authority = Pick<AuthorityStorage, 'findKeyBySecret'>
type Verbs = Authority &
  Pick<
    OperatorStorage,
    | 'addKey'
    | 'enableKey'
    | 'disableKey'
    | 'revokeKey'
    | 'editKey'
    | 'amendKey'
    | 'assignKey'
    | 'removeKey'
    | 'replaceSecret'
    | 'listKeys'
    | 'listSealedKeys'
    | 'findKeySummary'
    | 'findSealedSecret'
    | 'addKeyUses'
    | 'listKeyUses'
  >

/** Keys, where no other account exists. */
export function scopeKeys(storage: OperatorStorage & Authority, own: Own): Verbs {
  return {
    // (That its owner and place are of the same account is a guard of the statement itself.)
    addKey: (key, event, maxDeveloperKeys) =>
      withOwn(own.row(key), () => storage.addKey(key, event, maxDeveloperKeys), false),
    enableKey: (id, by, event) =>
      withOwn(own.key(id), () => storage.enableKey(id, by, event), false),
    disableKey: (id, by, event) =>
      withOwn(own.key(id), () => storage.disableKey(id, by, event), false),
    revokeKey: (id, event) => withOwn(own.key(id), () => storage.revokeKey(id, event), false),
    // (So is that a new owner is.)
    editKey: (id, edit, seen, event) =>
      withOwn(own.key(id), () => storage.editKey(id, edit, seen, event), false),
    amendKey: (id, to, seen, event) =>
      withOwn(own.key(id), () => storage.amendKey(id, to, seen, event), false),
    async assignKey(id, to, event) {
      if (to !== null && (await own.site(to.siteId)) === null) return false
      return withOwn(own.key(id), () => storage.assignKey(id, to, event), false)
    },
    removeKey: (id, event) => withOwn(own.key(id), () => storage.removeKey(id, event), false),
    replaceSecret: (id, secret, event) =>
      withOwn(own.key(id), () => storage.replaceSecret(id, secret, event), false),

    listKeys: (page) => own.list(page, storage.listKeys),
    listSealedKeys: (page) => own.list(page, storage.listSealedKeys),
    findKeySummary: own.keyCalled,
    findSealedSecret: (id) => withOwn(own.key(id), () => storage.findSealedSecret(id), null),
    listKeyUses: (id, fromDay) => withOwn(own.key(id), () => storage.listKeyUses(id, fromDay), []),

    // Of every account: a secret opens one key of the server. Who asks has the secret before him.
    findKeyBySecret: storage.findKeyBySecret,
    addKeyUses: outOfScope('addKeyUses'),
  }
}

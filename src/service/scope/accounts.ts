import type { OperatorStorage } from '../ports.ts'
import { type Own, withOwn } from './own.ts'

type Verbs = Pick<
  OperatorStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'setDepartedKeys'
  | 'setAddressesEnforced'
  | 'listAccounts'
  | 'findAccount'
  | 'addAddressRule'
  | 'removeAddressRule'
  | 'listAddressRules'
  | 'addSite'
  | 'listSites'
  | 'findSite'
  | 'addUser'
  | 'setUserRole'
  | 'setUserLeft'
  | 'listUsers'
  | 'findUser'
  | 'addDeveloper'
  | 'listDevelopers'
  | 'findDeveloper'
>

/** The account itself, its people and its places, where no other account exists. */
export function scopeAccounts(storage: OperatorStorage, own: Own): Verbs {
  return {
    // There is room for one.
    addAccount: async () => false,
    setAccountStatus: (id, status, event) =>
      withOwn(own.account(id), () => storage.setAccountStatus(id, status, event), false),
    setDepartedKeys: (id, departedKeys, event) =>
      withOwn(own.account(id), () => storage.setDepartedKeys(id, departedKeys, event), false),
    setAddressesEnforced: (id, enforced, event) =>
      withOwn(own.account(id), () => storage.setAddressesEnforced(id, enforced, event), false),
    async listAccounts({ after = '', limit }) {
      const account = await storage.findAccount(own.accountId)
      return account !== null && account.id > after && limit > 0 ? [account] : []
    },
    findAccount: (id) => withOwn(own.account(id), () => storage.findAccount(id), null),

    addAddressRule: (rule, event) =>
      withOwn(own.row(rule), () => storage.addAddressRule(rule, event), false),
    removeAddressRule: (id, event) =>
      withOwn(own.addressRule(id), () => storage.removeAddressRule(id, event), false),
    listAddressRules: (id) => withOwn(own.account(id), () => storage.listAddressRules(id), []),

    addSite: (site, event) => withOwn(own.row(site), () => storage.addSite(site, event), false),
    listSites: (page) => own.list(page, storage.listSites),
    findSite: own.site,

    addUser: (user, event) => withOwn(own.row(user), () => storage.addUser(user, event), false),
    setUserRole: (id, role, event, was) =>
      withOwn(own.user(id), () => storage.setUserRole(id, role, event, was), false),
    setUserLeft: (id, at, event, was) =>
      withOwn(own.user(id), () => storage.setUserLeft(id, at, event, was), false),
    listUsers: (page) => own.list(page, storage.listUsers),
    findUser: own.user,

    addDeveloper: (developer, event) =>
      withOwn(own.row(developer), () => storage.addDeveloper(developer, event), false),
    listDevelopers: (page) => own.list(page, storage.listDevelopers),
    findDeveloper: own.developer,
  }
}

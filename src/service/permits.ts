import type { Permission } from '../domain/role.ts'
import type { Services } from './desk.ts'

/** What whoever uses a verb must be permitted. A verb that is missing here does not compile. */
export const PERMITS: Permits = {
  accounts: {
    create: 'accounts.write',
    setStatus: 'accounts.write',
    setDepartedKeys: 'account.write',
    rename: 'account.write',
    list: 'account.read',
    find: 'account.read',
    addUser: 'users.write',
    setEmail: 'users.write',
    setRole: 'users.write',
    leave: 'users.write',
    listUsers: 'users.read',
    searchUsers: 'users.read',
    findUser: 'users.read',
  },
  people: {
    standings: 'users.read',
    invite: 'users.write',
    inviteFirst: 'accounts.write',
    setUsername: 'users.write',
    signOut: 'users.write',
    resetSecondFactor: 'users.write',
  },
  places: {
    addSite: 'places.write',
    renameSite: 'places.write',
    removeSite: 'places.write',
    listSites: 'places.read',
    findSite: 'places.read',
    addDeveloper: 'places.write',
    renameDeveloper: 'places.write',
    removeDeveloper: 'places.write',
    countKeys: 'places.read',
    listDevelopers: 'places.read',
    findDeveloper: 'places.read',
    enforceAddresses: 'addresses.write',
    addAddress: 'addresses.write',
    removeAddress: 'addresses.write',
    listAddresses: 'places.read',
    seenAddresses: 'places.read',
  },
  routes: {
    addSource: 'routes.write',
    renameSource: 'routes.write',
    listSources: 'routes.read',
    findSource: 'routes.read',
    addDestination: 'routes.write',
    renameDestination: 'routes.write',
    moveDestination: 'routes.write',
    setToken: 'routes.write',
    verify: 'routes.write',
    setVerified: 'destinations.vouch',
    listDestinations: 'routes.read',
    findDestination: 'routes.read',
    subscribe: 'routes.write',
    unsubscribe: 'routes.write',
    setSubscriptionStatus: 'routes.write',
    findFeed: 'routes.read',
    purge: 'routes.write',
    listSubscriptions: 'routes.read',
    findSubscription: 'routes.read',
    findReceiver: 'routes.read',
    listFeeds: 'routes.read',
    findListedFeed: 'routes.read',
    findKeyOf: 'routes.read',
  },
  keys: {
    create: 'keys.write',
    view: 'keys.view',
    rotateSecret: 'keys.write',
    enable: 'keys.write',
    disable: 'keys.write',
    revoke: 'keys.write',
    remove: 'keys.write',
    assign: 'keys.write',
    edit: 'keys.write',
    list: 'keys.read',
    search: 'keys.read',
    count: 'keys.read',
    find: 'keys.read',
    uses: 'keys.read',
    usesOf: 'keys.read',
  },
  messages: {
    list: 'messages.read',
    find: 'messages.read',
    attempts: 'messages.read',
    sendTest: 'messages.send',
    replay: 'messages.send',
    skip: 'messages.send',
    open: 'messages.open',
  },
  audit: {
    list: 'audit.read',
    verify: 'audit.verify',
    acceptRestore: 'audit.accept',
    lines: 'audit.export',
    names: 'audit.read',
    idOf: 'audit.read',
  },
  overview: {
    traffic: 'account.read',
    keys: 'account.read',
    attention: 'account.read',
    beginning: 'account.read',
  },
  explain: 'requests.explain',
}

type Permits = {
  readonly [Name in keyof Services]: Services[Name] extends Verb
    ? Permission
    : Readonly<Record<keyof Services[Name], Permission>>
}

/** Somebody was let as far as a verb that his role does not permit. */
export class Forbidden extends Error {
  override name = 'Forbidden'
  readonly permission: Permission

  constructor(permission: Permission) {
    super(`this needs the permission ${permission}`)
    this.permission = permission
  }
}

type Verb = (...args: never[]) => unknown

/** The services, with a refusal in place of each verb that is not permitted. */
export function permitted(services: Services, isPermitted: (p: Permission) => boolean): Services {
  return {
    accounts: only(services.accounts, PERMITS.accounts),
    people: only(services.people, PERMITS.people),
    places: only(services.places, PERMITS.places),
    routes: only(services.routes, PERMITS.routes),
    keys: only(services.keys, PERMITS.keys),
    messages: only(services.messages, PERMITS.messages),
    audit: only(services.audit, PERMITS.audit),
    overview: only(services.overview, PERMITS.overview),
    explain: isPermitted(PERMITS.explain) ? services.explain : refusing(PERMITS.explain),
  }

  function only<Service extends { readonly [Name in keyof Service]: Verb }>(
    service: Service,
    permits: Readonly<Record<keyof Service, Permission>>,
  ): Service {
    const kept: Partial<Service> = {}
    for (const verb of Object.keys(service) as (keyof Service)[]) {
      const permission = permits[verb]
      // (It has every verb's type: it takes anything, and answers nothing.)
      const refusal = refusing(permission) as Verb as Service[typeof verb]
      kept[verb] = isPermitted(permission) ? service[verb] : refusal
    }
    return kept as Service
  }
}

const refusing = (permission: Permission) => (): never => {
  throw new Forbidden(permission)
}

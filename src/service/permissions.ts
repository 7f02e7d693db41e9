import type { Permission } from '../domain/role.ts'
import type { Services } from './actor-services.ts'

/** What whoever uses a verb must be permitted. A verb that is missing here does not compile. */
export const SERVICE_PERMISSIONS: ServicePermissions = {
  accounts: {
    create: 'accounts.write',
    setStatus: 'accounts.write',
    setOffboardingPolicy: 'account.write',
    rename: 'account.write',
    list: 'account.read',
    find: 'account.read',
    addUser: 'users.write',
    setEmail: 'users.write',
    setRole: 'users.write',
    deactivateUser: 'users.write',
    listUsers: 'users.read',
    searchUsers: 'users.read',
    findUser: 'users.read',
  },
  users: {
    listSignInStatus: 'users.read',
    invite: 'users.write',
    inviteFirstOperator: 'accounts.write',
    setUsername: 'users.write',
    signOut: 'users.write',
    resetSecondFactor: 'users.write',
  },
  directory: {
    addSite: 'places.write',
    renameSite: 'places.write',
    deleteSite: 'places.write',
    listSites: 'places.read',
    findSite: 'places.read',
    addDeveloper: 'places.write',
    renameDeveloper: 'places.write',
    deleteDeveloper: 'places.write',
    countKeys: 'places.read',
    listDevelopers: 'places.read',
    findDeveloper: 'places.read',
    enforceAllowlist: 'addresses.write',
    addAllowlistEntry: 'addresses.write',
    deleteAllowlistEntry: 'addresses.write',
    listAllowlist: 'places.read',
    listSeenAddresses: 'places.read',
  },
  routing: {
    addSource: 'routes.write',
    renameSource: 'routes.write',
    listSources: 'routes.read',
    findSource: 'routes.read',
    addDestination: 'routes.write',
    renameDestination: 'routes.write',
    setDestinationUrl: 'routes.write',
    setVerificationToken: 'routes.write',
    verify: 'routes.write',
    setDestinationVerified: 'destinations.vouch',
    listDestinations: 'routes.read',
    findDestination: 'routes.read',
    createSubscription: 'routes.write',
    deleteSubscription: 'routes.write',
    setSubscriptionStatus: 'routes.write',
    findQueue: 'routes.read',
    purgeQueue: 'routes.write',
    listSubscriptions: 'routes.read',
    findSubscription: 'routes.read',
    findSubscriptionTarget: 'routes.read',
    searchSubscriptions: 'routes.read',
    findSubscriptionListItem: 'routes.read',
    findSourceKey: 'routes.read',
  },
  keys: {
    create: 'keys.write',
    viewSecret: 'keys.view',
    rotateSecret: 'keys.write',
    enable: 'keys.write',
    disable: 'keys.write',
    revoke: 'keys.write',
    deleteKey: 'keys.write',
    assign: 'keys.write',
    edit: 'keys.write',
    list: 'keys.read',
    search: 'keys.read',
    count: 'keys.read',
    find: 'keys.read',
    uses: 'keys.read',
    listDailyUsesByKey: 'keys.read',
  },
  messages: {
    list: 'messages.read',
    find: 'messages.read',
    listAttempts: 'messages.read',
    sendTest: 'messages.send',
    replay: 'messages.send',
    skip: 'messages.send',
    readPayload: 'messages.open',
  },
  audit: {
    list: 'audit.read',
    verify: 'audit.verify',
    acceptRestore: 'audit.accept',
    exportLines: 'audit.export',
    findNames: 'audit.read',
    findSubjectId: 'audit.read',
  },
  dashboard: {
    sumTraffic: 'account.read',
    keys: 'account.read',
    findAttention: 'account.read',
    findSetupProgress: 'account.read',
  },
  explain: 'requests.explain',
}

type ServicePermissions = {
  readonly [Name in keyof Services]: Services[Name] extends ServiceMethod
    ? Permission
    : Readonly<Record<keyof Services[Name], Permission>>
}

/** Somebody was let as far as a verb that his role does not permit. */
export class PermissionDeniedError extends Error {
  override name = 'Forbidden'
  readonly permission: Permission

  constructor(permission: Permission) {
    super(`this needs the permission ${permission}`)
    this.permission = permission
  }
}

type ServiceMethod = (...args: never[]) => unknown

/** The services, with a refusal in place of each verb that is not permitted. */
export function restrictServices(
  services: Services,
  isPermitted: (p: Permission) => boolean,
): Services {
  return {
    accounts: restrictService(services.accounts, SERVICE_PERMISSIONS.accounts),
    users: restrictService(services.users, SERVICE_PERMISSIONS.users),
    directory: restrictService(services.directory, SERVICE_PERMISSIONS.directory),
    routing: restrictService(services.routing, SERVICE_PERMISSIONS.routing),
    keys: restrictService(services.keys, SERVICE_PERMISSIONS.keys),
    messages: restrictService(services.messages, SERVICE_PERMISSIONS.messages),
    audit: restrictService(services.audit, SERVICE_PERMISSIONS.audit),
    dashboard: restrictService(services.dashboard, SERVICE_PERMISSIONS.dashboard),
    explain: isPermitted(SERVICE_PERMISSIONS.explain)
      ? services.explain
      : denyPermission(SERVICE_PERMISSIONS.explain),
  }

  function restrictService<Service extends { readonly [Name in keyof Service]: ServiceMethod }>(
    service: Service,
    permissions: Readonly<Record<keyof Service, Permission>>,
  ): Service {
    const restricted: Partial<Service> = {}
    for (const verb of Object.keys(service) as (keyof Service)[]) {
      const permission = permissions[verb]
      // (It has every verb's type: it takes anything, and answers nothing.)
      const denied = denyPermission(permission) as ServiceMethod as Service[typeof verb]
      restricted[verb] = isPermitted(permission) ? service[verb] : denied
    }
    return restricted as Service
  }
}

const denyPermission = (permission: Permission) => (): never => {
  throw new PermissionDeniedError(permission)
}

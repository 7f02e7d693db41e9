import type { Permission } from '../domain/role.ts'
import type { Services } from './actor-services.ts'

/** The permission that each service method needs. A method that is missing here does not compile. */
export const SERVICE_PERMISSIONS: ServicePermissions = {
  accounts: {
    create: 'accounts.write',
    setStatus: 'accounts.write',
    setOffboardingPolicy: 'account.write',
    rename: 'account.write',
    delete: 'accounts.write',
    list: 'account.read',
    find: 'account.read',
  },
  users: {
    add: 'users.write',
    setEmail: 'users.write',
    setRole: 'users.write',
    deactivate: 'users.write',
    delete: 'users.write',
    list: 'users.read',
    search: 'users.read',
    find: 'users.read',
    countKeys: 'users.read',
    listSignInStatus: 'users.read',
    invite: 'users.write',
    inviteFirstOperator: 'accounts.write',
    setUsername: 'users.write',
    signOut: 'users.write',
    resetSecondFactor: 'users.write',
  },
  sites: {
    add: 'places.write',
    rename: 'places.write',
    delete: 'places.write',
    list: 'places.read',
    find: 'places.read',
    countKeys: 'places.read',
  },
  developers: {
    add: 'places.write',
    rename: 'places.write',
    delete: 'places.write',
    list: 'places.read',
    find: 'places.read',
    countKeys: 'places.read',
  },
  ipAllowlist: {
    setEnforced: 'addresses.write',
    add: 'addresses.write',
    delete: 'addresses.write',
    list: 'places.read',
    listSeenAddresses: 'places.read',
  },
  sources: {
    add: 'routes.write',
    rename: 'routes.write',
    delete: 'routes.write',
    list: 'routes.read',
    find: 'routes.read',
    findKey: 'routes.read',
  },
  destinations: {
    add: 'routes.write',
    setUrl: 'routes.write',
    setVerificationToken: 'routes.write',
    verify: 'routes.write',
    setVerified: 'destinations.vouch',
    rename: 'routes.write',
    delete: 'routes.write',
    list: 'routes.read',
    find: 'routes.read',
  },
  subscriptions: {
    create: 'routes.write',
    setStatus: 'routes.write',
    delete: 'routes.write',
    purgeQueue: 'routes.write',
    list: 'routes.read',
    find: 'routes.read',
    findTarget: 'routes.read',
  },
  keys: {
    create: 'keys.write',
    viewSecret: 'keys.view',
    rotateSecret: 'keys.write',
    enable: 'keys.write',
    disable: 'keys.write',
    revoke: 'keys.write',
    delete: 'keys.write',
    assign: 'keys.write',
    edit: 'keys.write',
    list: 'keys.read',
    search: 'keys.read',
    count: 'keys.read',
    find: 'keys.read',
    listDailyUses: 'keys.read',
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
    countKeysByType: 'account.read',
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

/** Thrown by a service method that the actor's role does not permit: a bug in the surface. */
export class PermissionDeniedError extends Error {
  override name = 'Forbidden'
  readonly permission: Permission

  constructor(permission: Permission) {
    super(`this needs the permission ${permission}`)
    this.permission = permission
  }
}

type ServiceMethod = (...args: never[]) => unknown

/** Replaces each method that is not permitted by one that throws. */
export function restrictServices(
  services: Services,
  isPermitted: (p: Permission) => boolean,
): Services {
  return {
    accounts: restrictService(services.accounts, SERVICE_PERMISSIONS.accounts),
    users: restrictService(services.users, SERVICE_PERMISSIONS.users),
    sites: restrictService(services.sites, SERVICE_PERMISSIONS.sites),
    developers: restrictService(services.developers, SERVICE_PERMISSIONS.developers),
    ipAllowlist: restrictService(services.ipAllowlist, SERVICE_PERMISSIONS.ipAllowlist),
    sources: restrictService(services.sources, SERVICE_PERMISSIONS.sources),
    destinations: restrictService(services.destinations, SERVICE_PERMISSIONS.destinations),
    subscriptions: restrictService(services.subscriptions, SERVICE_PERMISSIONS.subscriptions),
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
    for (const method of Object.keys(service) as (keyof Service)[]) {
      const permission = permissions[method]
      // The cast is safe, because the function accepts any arguments and never returns.
      const denied = denyPermission(permission) as ServiceMethod as Service[typeof method]
      restricted[method] = isPermitted(permission) ? service[method] : denied
    }
    return restricted as Service
  }
}

const denyPermission = (permission: Permission) => (): never => {
  throw new PermissionDeniedError(permission)
}

import type { Permission } from '../domain/role.ts'
import type { Services } from './actor-services.ts'

/** The permission that each service method needs. A method that is missing here does not compile. */
export const SERVICE_PERMISSIONS: {
  readonly [Name in keyof Services]: Readonly<Record<keyof Services[Name], Permission>>
} = {
  accounts: {
    ...permit('accounts.write', 'create', 'setStatus', 'delete'),
    ...permit('account.write', 'setOffboardingPolicy', 'rename'),
    ...permit('account.read', 'list', 'find'),
  },
  users: {
    ...permit('users.write', 'add', 'setEmail', 'setRole', 'deactivate', 'delete', 'invite'),
    ...permit('users.write', 'setUsername', 'signOut', 'resetSecondFactor'),
    ...permit('users.read', 'list', 'search', 'find', 'countKeys', 'listSignInStatus'),
    inviteFirstOperator: 'accounts.write',
  },
  sites: {
    ...permit('directory.write', 'add', 'rename', 'delete'),
    ...permit('directory.read', 'list', 'find', 'countKeys'),
  },
  developers: {
    ...permit('directory.write', 'add', 'rename', 'delete'),
    ...permit('directory.read', 'list', 'find', 'countKeys'),
  },
  ipAllowlist: {
    ...permit('ip_allowlist.write', 'setEnforced', 'add', 'delete'),
    ...permit('directory.read', 'list', 'listSeenAddresses'),
  },
  sources: {
    ...permit('routes.write', 'add', 'rename', 'delete'),
    ...permit('routes.read', 'list', 'find', 'findKey'),
  },
  destinations: {
    ...permit('routes.write', 'add', 'rename', 'delete'),
    ...permit('routes.write', 'setUrl', 'setVerificationToken', 'verify'),
    ...permit('routes.read', 'list', 'find'),
    setVerified: 'destinations.mark_verified',
  },
  subscriptions: {
    ...permit('routes.write', 'create', 'setStatus', 'delete', 'purgeQueue'),
    ...permit('routes.read', 'list', 'find', 'findTarget'),
  },
  keys: {
    ...permit('keys.write', 'create', 'edit', 'assign', 'enable', 'disable', 'revoke', 'delete'),
    ...permit('keys.write', 'rotateSecret', 'testJwks'),
    ...permit('keys.read', 'list', 'search', 'count', 'find'),
    ...permit('keys.read', 'listDailyUses', 'listDailyUsesByKey'),
    viewSecret: 'keys.view',
  },
  sunsets: {
    ...permit('sunsets.write', 'set', 'cancel'),
    ...permit('keys.read', 'list', 'find', 'listKeys', 'plan'),
  },
  imports: {
    ...permit('keys.import', 'create', 'addPepper', 'list', 'find', 'undo'),
    exportKeys: 'keys.export',
    listUnseen: 'keys.read',
  },
  messages: {
    ...permit('messages.send', 'sendTest', 'replay', 'skip'),
    ...permit('messages.read', 'list', 'find', 'listAttempts'),
    readPayload: 'messages.open',
  },
  audit: {
    ...permit('audit.read', 'list', 'findNames', 'findSubjectId'),
    verify: 'audit.verify',
    acceptRestore: 'audit.accept',
    exportLines: 'audit.export',
    explain: 'requests.explain',
  },
  dashboard: {
    ...permit('account.read', 'sumTraffic', 'countKeysByType'),
    ...permit('account.read', 'findAttention', 'findSetupProgress'),
  },
}

/** The names are those of the type above. */
function permit<Name extends string>(permission: Permission, ...methods: readonly Name[]) {
  return Object.fromEntries(methods.map((name) => [name, permission])) as Record<Name, Permission>
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

/** Replaces each method that is not permitted by one that throws. */
export function restrictServices(
  services: Services,
  isPermitted: (permission: Permission) => boolean,
): Services {
  const restricted = Object.entries(SERVICE_PERMISSIONS).map(([name, permissions]) => {
    const service: Record<string, unknown> = { ...services[name as keyof Services] }
    const methods = Object.entries<Permission>(permissions).map(([method, permission]) => {
      const refuse = () => {
        throw new PermissionDeniedError(permission)
      }
      return [method, isPermitted(permission) ? service[method] : refuse]
    })
    return [name, Object.fromEntries(methods)]
  })
  return Object.fromEntries(restricted)
}

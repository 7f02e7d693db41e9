import type { Permission } from '../../domain/role.ts'
import type { NamedRow } from '../../service/ports/dashboard.ts'
import type { MessageSummary } from '../../service/ports/messages.ts'

export const CONSOLE_PATH = '/console'

export const KEYS_PATH = '/console/keys'

/** The page of a key, by its row id. */
export const formatKeyPath = ({ id }: { readonly id: string }): string => `${KEYS_PATH}/${id}`

export const NEW_KEY_PATH = `${KEYS_PATH}/new`
export const KEYS_CRUMBS = [{ href: KEYS_PATH, text: 'Keys' }]

/** Above the pages of one key. */
export const toKeyCrumbs = (key: { readonly id: string; readonly name: string }) => [
  ...KEYS_CRUMBS,
  { href: formatKeyPath(key), text: key.name },
]

export const SOURCES_PATH = '/console/sources'
export const DESTINATIONS_PATH = '/console/destinations'
export const SUBSCRIPTIONS_PATH = '/console/subscriptions'

export const SUBSCRIPTIONS_CRUMBS = [{ href: SUBSCRIPTIONS_PATH, text: 'Subscriptions' }]

export const formatSourcePath = (id: string): string => `${SOURCES_PATH}/${id}`
export const formatDestinationPath = (id: string): string => `${DESTINATIONS_PATH}/${id}`
export const formatSubscriptionPath = (id: string): string => `${SUBSCRIPTIONS_PATH}/${id}`

export const MESSAGES_PATH = '/console/messages'
export const MESSAGES_CRUMBS = [{ href: MESSAGES_PATH, text: 'Messages' }]
export const TEST_MESSAGE_PATH = `${MESSAGES_PATH}/test`

export const formatMessagePath = (id: string): string => `${MESSAGES_PATH}/${id}`

/** Above the pages of one message. */
export const toMessageCrumbs = ({
  id,
  dataModel,
  eventType,
}: Pick<MessageSummary, 'id' | 'dataModel' | 'eventType'>) => [
  ...MESSAGES_CRUMBS,
  { href: formatMessagePath(id), text: `${dataModel}: ${eventType}` },
]

export const AUDIT_PATH = '/console/audit'
export const AUDIT_CRUMBS = [{ href: AUDIT_PATH, text: 'Audit' }]

export const REQUEST_LOOKUP_PATH = '/console/request-lookup'

/** The page that explains a request, by its id. */
export const formatRequestLookupPath = (requestId: string): string =>
  `${REQUEST_LOOKUP_PATH}?request=${encodeURIComponent(requestId)}`

export const USERS_PATH = '/console/users'
export const USERS_CRUMBS = [{ href: USERS_PATH, text: 'Users' }]

export const SUNSETS_PATH = '/console/sunsets'

export const SITES_PATH = '/console/sites'

export const DEVELOPERS_PATH = '/console/developers'

export const IP_ALLOWLIST_PATH = '/console/ip-allowlist'
export const IP_ALLOWLIST_CRUMBS = [{ href: IP_ALLOWLIST_PATH, text: 'IP allowlist' }]

export const ACCOUNTS_PATH = '/console/accounts'

export const SETTINGS_PATH = '/console/settings'

export const SIGN_IN_PATH = '/console/sign-in'
export const SIGN_OUT_PATH = '/console/sign-out'
export const THEME_PATH = '/console/theme'
/** Takes the account that an operator wants to see alone. */
export const ACCOUNT_SELECTION_PATH = '/console/account'

export const PROFILE_PATH = '/console/me'
export const PROFILE_CRUMBS = [{ href: PROFILE_PATH, text: 'Profile and security' }]

export interface NavigationGroup {
  readonly name: string
  readonly links: readonly {
    readonly href: string
    readonly text: string
    readonly permission: Permission
  }[]
}

/** The menu. A link shows only to users with its permission. */
export const NAVIGATION_GROUPS: readonly NavigationGroup[] = [
  {
    name: 'Credentials',
    links: [
      { href: CONSOLE_PATH, text: 'Dashboard', permission: 'account.read' },
      { href: KEYS_PATH, text: 'Keys', permission: 'keys.read' },
      { href: SUNSETS_PATH, text: 'Sunsets', permission: 'keys.read' },
      { href: DEVELOPERS_PATH, text: 'Developers', permission: 'directory.read' },
    ],
  },
  {
    name: 'Messages',
    links: [
      { href: SOURCES_PATH, text: 'Sources', permission: 'routes.read' },
      { href: DESTINATIONS_PATH, text: 'Destinations', permission: 'routes.read' },
      { href: SUBSCRIPTIONS_PATH, text: 'Subscriptions', permission: 'routes.read' },
      { href: MESSAGES_PATH, text: 'Messages', permission: 'messages.read' },
    ],
  },
  {
    name: 'Account',
    links: [
      { href: SITES_PATH, text: 'Sites', permission: 'directory.read' },
      { href: IP_ALLOWLIST_PATH, text: 'IP allowlist', permission: 'directory.read' },
      { href: USERS_PATH, text: 'Users', permission: 'users.read' },
      { href: SETTINGS_PATH, text: 'Settings', permission: 'account.read' },
      { href: ACCOUNTS_PATH, text: 'Accounts', permission: 'accounts.read' },
    ],
  },
  {
    name: 'Activity',
    links: [
      { href: AUDIT_PATH, text: 'Audit', permission: 'audit.read' },
      { href: REQUEST_LOOKUP_PATH, text: 'Request lookup', permission: 'requests.explain' },
    ],
  },
]

const ROW_PAGE_PATHS: Readonly<Record<NamedRow['kind'], string>> = {
  account: ACCOUNTS_PATH,
  user: USERS_PATH,
  key: KEYS_PATH,
  site: SITES_PATH,
  developer: DEVELOPERS_PATH,
  source: SOURCES_PATH,
  destination: DESTINATIONS_PATH,
  subscription: SUBSCRIPTIONS_PATH,
}

/** The page of a row of any kind. */
export const formatRowPath = ({ kind, id }: Pick<NamedRow, 'kind' | 'id'>): string =>
  `${ROW_PAGE_PATHS[kind]}/${id}`

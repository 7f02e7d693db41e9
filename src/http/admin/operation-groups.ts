import type { Operation } from './operation.ts'
import { accountOperations } from './operations/accounts.ts'
import { auditOperations } from './operations/audit.ts'
import { dashboardOperations } from './operations/dashboard.ts'
import { destinationOperations } from './operations/destinations.ts'
import { developerOperations } from './operations/developers.ts'
import { keyOperations } from './operations/keys.ts'
import { meOperations } from './operations/me.ts'
import { messageOperations } from './operations/messages.ts'
import { siteOperations } from './operations/sites.ts'
import { sourceOperations } from './operations/sources.ts'
import { subscriptionOperations, subscriptionQueueOperations } from './operations/subscriptions.ts'
import { userOperations } from './operations/users.ts'

/** A group of operations, which the document shows as a tag. */
export interface OperationGroup {
  readonly name: string
  readonly about: string
  readonly operations: readonly Operation[]
}

/** Every operation of the management API. */
export const OPERATION_GROUPS: readonly OperationGroup[] = [
  {
    name: 'Keys',
    about: 'Keys of every type.',
    operations: keyOperations,
  },
  { name: 'Sources', about: 'Senders of messages.', operations: sourceOperations },
  {
    name: 'Destinations',
    about: 'Receivers of messages, once they are verified.',
    operations: destinationOperations,
  },
  {
    name: 'Subscriptions',
    about: 'Connections from a source to a destination.',
    operations: subscriptionOperations,
  },
  {
    name: 'Feeds',
    about: 'The queues of subscriptions.',
    operations: subscriptionQueueOperations,
  },
  {
    name: 'Messages',
    about: 'Accepted messages and their deliveries.',
    operations: messageOperations,
  },
  { name: 'Sites', about: 'Sites of an account.', operations: siteOperations },
  {
    name: 'Developers',
    about: 'Developers of programs that offices use.',
    operations: developerOperations,
  },
  {
    name: 'Users',
    about: 'Users of an account, and their sign-in.',
    operations: userOperations,
  },
  {
    name: 'Accounts',
    about: 'Organizations, and their IP allowlists.',
    operations: accountOperations,
  },
  {
    name: 'Audit',
    about: 'The tamper-evident audit, and explanations of requests.',
    operations: auditOperations,
  },
  {
    name: 'Overview',
    about: 'Traffic, key counts, and resources that need attention.',
    operations: dashboardOperations,
  },
  { name: 'You', about: 'Your own profile and API tokens.', operations: meOperations },
]

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
    about: 'The keys of every dialect, from their making to their end.',
    operations: keyOperations,
  },
  { name: 'Sources', about: 'Where messages come from.', operations: sourceOperations },
  {
    name: 'Destinations',
    about: 'Where messages go to, once it is verified.',
    operations: destinationOperations,
  },
  {
    name: 'Subscriptions',
    about: 'Which source sends to which destination.',
    operations: subscriptionOperations,
  },
  {
    name: 'Feeds',
    about: 'How what is queued for a destination is doing.',
    operations: subscriptionQueueOperations,
  },
  {
    name: 'Messages',
    about: 'What was accepted, and where it stands.',
    operations: messageOperations,
  },
  { name: 'Sites', about: 'The places of an account.', operations: siteOperations },
  {
    name: 'Developers',
    about: 'Who writes programs that offices take into use.',
    operations: developerOperations,
  },
  {
    name: 'Users',
    about: 'The people of an account, and how they sign in.',
    operations: userOperations,
  },
  {
    name: 'Accounts',
    about: 'Organizations, and from where their keys may be used.',
    operations: accountOperations,
  },
  {
    name: 'Audit',
    about: 'Who did what to whom, proven; and why a request was decided as it was.',
    operations: auditOperations,
  },
  {
    name: 'Overview',
    about: 'How things are, and what wants looking after.',
    operations: dashboardOperations,
  },
  { name: 'You', about: 'Your own access.', operations: meOperations },
]

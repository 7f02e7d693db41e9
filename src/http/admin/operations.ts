import type { Operation } from './operation.ts'
import { accounts } from './operations/accounts.ts'
import { audit } from './operations/audit.ts'
import { feeds } from './operations/feeds.ts'
import { keys } from './operations/keys.ts'
import { own } from './operations/me.ts'
import { messages } from './operations/messages.ts'
import { overview } from './operations/overview.ts'
import { developers, sites } from './operations/places.ts'
import { destinations, sources, subscriptions } from './operations/routes.ts'
import { users } from './operations/users.ts'

/** What belongs together, as the document and its readers find it. */
export interface Group {
  readonly name: string
  readonly about: string
  readonly operations: readonly Operation[]
}

/** All that can be asked for. */
export const GROUPS: readonly Group[] = [
  {
    name: 'Keys',
    about: 'The keys of every dialect, from their making to their end.',
    operations: keys,
  },
  { name: 'Sources', about: 'Where messages come from.', operations: sources },
  {
    name: 'Destinations',
    about: 'Where messages go to, once it is verified.',
    operations: destinations,
  },
  {
    name: 'Subscriptions',
    about: 'Which source sends to which destination.',
    operations: subscriptions,
  },
  {
    name: 'Feeds',
    about: 'How what is queued for a destination is doing.',
    operations: feeds,
  },
  { name: 'Messages', about: 'What was accepted, and where it stands.', operations: messages },
  { name: 'Sites', about: 'The places of an account.', operations: sites },
  {
    name: 'Developers',
    about: 'Who writes programs that offices take into use.',
    operations: developers,
  },
  { name: 'Users', about: 'The people of an account, and how they sign in.', operations: users },
  {
    name: 'Accounts',
    about: 'Organizations, and from where their keys may be used.',
    operations: accounts,
  },
  {
    name: 'Audit',
    about: 'Who did what to whom, proven; and why a request was decided as it was.',
    operations: audit,
  },
  {
    name: 'Overview',
    about: 'How things are, and what wants looking after.',
    operations: overview,
  },
  { name: 'You', about: 'Your own access.', operations: own },
]

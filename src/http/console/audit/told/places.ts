import type { Telling } from './telling.ts'

/** Accounts and what is in them, and the server itself. */
export const PLACES = {
  'account.renamed': ['plain', ({ name }) => `The account is now called ${name}.`],
  'account.created': ['plain', 'The account was created.'],
  'account.closed': ['bad', 'The account was closed: every key of it is refused.'],
  'account.opened': ['good', 'The account was opened again.'],
  'account.departed_keys_set': [
    'plain',
    ({ departedKeys }) =>
      departedKeys === 'disable'
        ? 'Keys of people who leave are disabled from now on.'
        : 'Keys of people who leave go on working from now on, and are flagged.',
  ],
  'account.addresses_enforced': ['warn', 'Keys work only from the addresses on the list.'],
  'account.addresses_open': ['warn', 'Keys work from every address.'],
  'address.added': ['plain', ({ network }) => `${network} was added to the list.`],
  'address.removed': ['warn', 'An address was taken off the list.'],
  'site.renamed': ['plain', ({ name }) => `The site is now called ${name}.`],
  'site.created': ['plain', 'The site was created.'],
  'site.removed': ['bad', 'The site was removed.'],
  'developer.renamed': ['plain', ({ name }) => `The developer is now called ${name}.`],
  'developer.created': ['plain', 'The developer was created.'],
  'developer.removed': ['bad', 'The developer was removed.'],
  'keyring.bound': ['plain', 'The database was bound to its key ring.'],
  'audit.exported': [
    'warn',
    ({ last }) => `The audit of all accounts was exported, up to event ${last}.`,
  ],
  'audit.anchored': [
    'warn',
    ({ sequence }) =>
      `The audit had no anchor outside the database. A new anchor was made at event ${sequence}, as the database had it.`,
  ],
  'audit.restore_accepted': [
    'bad',
    ({ from, to }) =>
      typeof from === 'number'
        ? `A database that ends at event ${to} was accepted, although event ${from} had been signed.`
        : `A database that ends at event ${to} was accepted. The previous anchor could not be read.`,
  ],
  'audit.purged': [
    'plain',
    ({ purged }) => `${purged} events that had to be kept no longer were deleted.`,
  ],
} as const satisfies Record<string, Telling>

import { explainRefusal } from '../../../../domain/refusal.ts'
import type { Facts } from '../../../../service/ports.ts'
import { day, exact } from '../../parts/time.ts'
import type { Telling } from './telling.ts'

/** What happens to keys, and what comes of requests with them. */
export const KEYS = {
  'key.created': ['plain', ({ ownerId }) => `The key was created for ${ownerId}.`],
  'key.viewed': ['warn', 'The secret was viewed.'],
  'keys.viewed': ['warn', ({ keys }) => `The secrets of ${keys} customer keys were listed.`],
  'key.secret_rotated': [
    'warn',
    ({ overlapEndsAt }) =>
      typeof overlapEndsAt === 'number'
        ? `A new secret was made. The one before it works until ${exact(overlapEndsAt)}.`
        : 'A new secret was made. The one before it, and all tokens, ended at once.',
  ],
  'key.edited': ['plain', (facts) => stopped(`The key was changed: ${changesOf(facts)}`)],
  'key.transferred': [
    'plain',
    (facts) => stopped(`The key has another owner: ${changesOf(facts)}`),
  ],
  'key.enabled': ['good', ({ by }) => `The key was enabled${byWhom(by)}.`],
  'key.disabled': ['warn', ({ by }) => `The key was disabled${byWhom(by)}.`],
  'key.revoked': ['bad', 'The key was revoked, for ever.'],
  'key.deleted': ['bad', ({ name, publicId }) => `The key ${name} (${publicId}) was deleted.`],
  'key.assigned': ['plain', ({ siteId }) => `The key was assigned to ${siteId}.`],
  'key.unassigned': ['warn', 'The key was taken back from its office.'],
  'key.refused': ['bad', (facts) => explainRefusal(facts).sentence],
  'token.issued': ['good', 'Key and secret were exchanged for tokens.'],
  'token.refreshed': [
    'good',
    ({ generation }) => `The tokens were refreshed: this is generation ${generation}.`,
  ],
  'grant.reused': [
    'bad',
    'An old refresh token came again. Two parties hold it: all tokens of its family were revoked.',
  ],
} as const satisfies Record<string, Telling>

/** The developer and the customer disable a key too, each by means of their own. */
const byWhom = (by: Facts[string] | undefined): string =>
  by === 'developer' || by === 'customer' ? ` by the ${by}` : ''

const FIELDS: Readonly<Record<string, string>> = {
  ownerId: 'owner',
  expiresAt: 'expiry',
}

/** With a full stop, where what somebody typed does not end with one already. */
const stopped = (text: string): string => (/[.!?]”$/.test(text) ? text : `${text}.`)

/** `name is now “Front desk”, expiry is now 2027-01-31`. */
function changesOf(facts: Facts): string {
  const changes = Object.entries(facts).map(([field, value]) => {
    const name = FIELDS[field] ?? field
    if (value === null || value === '') return `${name} is now empty`
    return `${name} is now ${typeof value === 'number' ? day(value) : `“${value}”`}`
  })
  return changes.length === 0 ? 'it was saved as it was' : changes.join(', ')
}

import { html } from 'hono/html'
import { describeRefusal } from '../../../domain/refusal-text.ts'
import { describeSignInRefusal } from '../../../domain/sign-in-refusal-text.ts'
import type { AuditEvent, AuditEventFacts, RecordedEvent } from '../../../service/ports/audit.ts'
import type { NamedRow } from '../../../service/ports/dashboard.ts'
import { formatDay, formatInstant, type Html, type Tone } from '../components/html.ts'
import type { PageContext } from '../context.ts'
import { formatRowPath } from '../navigation.ts'

/** The tone and the sentence of an action. Ids in the facts are already replaced by names. */
type EventDescription = readonly [Tone, string | ((facts: AuditEventFacts) => string)]

/** Changes of keys, and outcomes of requests. */
const KEY_EVENT_DESCRIPTIONS = {
  'key.created': ['plain', ({ ownerId }) => `The key was created for ${ownerId}.`],
  'key.imported': ['plain', ({ ownerId }) => `The key was imported for ${ownerId}.`],
  'key.viewed': ['warn', 'The secret was viewed.'],
  'keys.viewed': ['warn', ({ keys }) => `The secrets of ${keys} customer keys were listed.`],
  'key.secret_rotated': [
    'warn',
    ({ overlapEndsAt }) =>
      typeof overlapEndsAt === 'number'
        ? `The secret was rotated. The old secret works until ${formatInstant(overlapEndsAt)}.`
        : 'The secret was rotated. The old secret and all tokens ended at once.',
  ],
  'key.secret_upgraded': [
    'plain',
    ({ form, truncated }) =>
      `The secret was used for the first time since its import, and its ${form} hash was replaced.${truncated === true ? ' The hash was of its first 72 bytes only.' : ''}`,
  ],
  'key.edited': ['plain', (facts) => addFullStop(`The key was changed: ${formatChanges(facts)}`)],
  'key.transferred': [
    'plain',
    (facts) => addFullStop(`The key has another owner: ${formatChanges(facts)}`),
  ],
  'key.enabled': ['good', ({ by }) => `The key was enabled${formatDisabledBy(by)}.`],
  'key.disabled': ['warn', ({ by }) => `The key was disabled${formatDisabledBy(by)}.`],
  'key.revoked': ['bad', 'The key was revoked permanently.'],
  'key.deleted': ['bad', ({ name, publicId }) => `The key ${name} (${publicId}) was deleted.`],
  'key.assigned': ['plain', ({ siteId }) => `The key was assigned to ${siteId}.`],
  'key.unassigned': ['warn', 'The key was unassigned from its site.'],
  'key.refused': ['bad', (facts) => describeRefusal(facts).sentence],
  'token.issued': [
    'good',
    ({ surface }) =>
      surface === 'token'
        ? 'An access token was issued to a client.'
        : 'Key and secret were exchanged for tokens.',
  ],
  'token.refreshed': [
    'good',
    ({ generation }) => `The tokens were refreshed: this is generation ${generation}.`,
  ],
  'token.revoked': ['plain', 'An access token was revoked by its client.'],
  'grant.revoked': ['plain', 'The grant was revoked by its client, with all its tokens.'],
  'grant.reused': [
    'bad',
    'An old refresh token was used again, so that two parties have it. The whole grant was revoked.',
  ],
} as const satisfies Record<string, EventDescription>

/** Names the party where it is not an operator: developers and customers can disable a key, too. */
const formatDisabledBy = (by: AuditEventFacts[string] | undefined): string =>
  by === 'developer' || by === 'customer' ? ` by the ${by}` : ''

const EDITED_FIELD_NAMES: Readonly<Record<string, string>> = {
  ownerId: 'owner',
  expiresAt: 'expiry',
}

/** Adds a full stop, unless a quoted text already ends with one. */
const addFullStop = (text: string): string => (/[.!?]\u201d$/.test(text) ? text : `${text}.`)

/** `name is now “Front desk”, expiry is now 2027-01-31`. */
function formatChanges(facts: AuditEventFacts): string {
  const changes = Object.entries(facts).map(([field, value]) => {
    const name = EDITED_FIELD_NAMES[field] ?? field
    if (value === null || value === '') return `${name} is now empty`
    return `${name} is now ${typeof value === 'number' ? formatDay(value) : `“${value}”`}`
  })
  return changes.length === 0 ? 'nothing was different' : changes.join(', ')
}

const USER_EVENT_DESCRIPTIONS = {
  'user.deleted': ['bad', 'The user was deleted.'],
  'user.created': ['plain', ({ role }) => `The user was added as ${role}.`],
  'user.first_operator': ['good', 'The first operator set a password.'],
  'user.invited': [
    'plain',
    ({ until }) =>
      typeof until === 'number'
        ? `A one-time link to set a password was created. It works until ${formatInstant(until)}.`
        : 'A one-time link to set a password was created.',
  ],
  'user.first_password': ['good', 'The first password was set with a one-time link.'],
  'user.new_password': ['warn', 'A new password was set with a one-time link.'],
  'user.password_changed': ['plain', 'The password was changed. All other sessions ended.'],
  'user.username_set': ['plain', 'The username was set.'],
  'user.edited': ['plain', ({ email }) => `The e-mail address is now ${email}.`],
  'user.role_changed': ['warn', ({ role }) => `The role is now ${role}.`],
  'user.deactivated': ['warn', 'The user was deactivated.'],
  'user.second_factor_set': ['good', 'A second factor was set up.'],
  'user.second_factor_removed': ['warn', 'The second factor was removed.'],
  'user.recovery_code_used': ['warn', 'A recovery code was used instead of the second factor.'],
  'user.token_issued': [
    'plain',
    ({ name, days }) => `The API token “${name}” was created for ${days} days.`,
  ],
  'session.started': ['plain', 'The user signed in.'],
  'session.ended': ['plain', 'A session or an API token was ended.'],
  'sessions.ended': ['warn', 'Every session and API token was ended.'],
  'session.refused': ['bad', ({ reason }) => describeSignInRefusal(String(reason))],
} as const satisfies Record<string, EventDescription>

const ROUTING_EVENT_DESCRIPTIONS = {
  'source.created': ['plain', 'The source was created.'],
  'source.deleted': ['bad', 'The source was deleted.'],
  'source.renamed': ['plain', ({ name }) => `The source is now called ${name}.`],
  'destination.created': ['plain', 'The destination was created.'],
  'destination.deleted': ['bad', 'The destination was deleted.'],
  'destination.renamed': ['plain', ({ name }) => `The destination is now called ${name}.`],
  'destination.url_changed': [
    'warn',
    'The URL of the destination was changed. It must be verified again.',
  ],
  'destination.token_changed': [
    'warn',
    'The token of the destination was changed. It must be verified again.',
  ],
  'destination.verified': ['good', 'The destination returned the challenge and is verified.'],
  'destination.not_verified': [
    'bad',
    ({ status }) =>
      typeof status === 'number'
        ? `The destination did not return the challenge: it answered ${status}.`
        : 'The destination did not return the challenge: it did not answer.',
  ],
  'destination.marked_verified': [
    'warn',
    'The destination was marked as verified without a challenge.',
  ],
  'destination.marked_unverified': ['warn', 'The destination was marked as unverified.'],
  'subscription.created': [
    'plain',
    ({ sourceId, destinationId, dataModel }) =>
      `${sourceId} sends to ${destinationId}: ${dataModel ?? 'all data models'}.`,
  ],
  'subscription.paused': ['warn', 'The subscription was paused.'],
  'subscription.resumed': ['good', 'The subscription was resumed.'],
  'subscription.purged': ['bad', 'All queued messages of the subscription were skipped.'],
  'subscription.deleted': ['bad', 'The subscription was deleted.'],
  'message.test_sent': [
    'plain',
    ({ dataModel, eventType }) => `A test message was sent: ${dataModel}, ${eventType}.`,
  ],
  'message.opened': ['warn', 'The payload of the message was opened.'],
  'message.replayed': [
    'plain',
    (facts) => `The message was queued again${formatToDestination(facts)}.`,
  ],
  'message.skipped': ['warn', (facts) => `The message was skipped${formatToDestination(facts)}.`],
} as const satisfies Record<string, EventDescription>

const formatToDestination = ({ destinationId }: AuditEventFacts): string =>
  destinationId === undefined ? '' : ` for ${destinationId}`

const ACCOUNT_EVENT_DESCRIPTIONS = {
  'account.renamed': ['plain', ({ name }) => `The account is now called ${name}.`],
  'account.created': ['plain', 'The account was created.'],
  'account.deleted': ['bad', 'The account was deleted.'],
  'account.closed': ['bad', 'The account was closed. Its keys are refused.'],
  'account.opened': ['good', 'The account was reopened.'],
  'account.offboarding_policy_set': [
    'plain',
    ({ offboardingPolicy }) =>
      offboardingPolicy === 'disable'
        ? 'Keys of deactivated users are disabled from now on.'
        : 'Keys of deactivated users continue to work from now on, and are flagged.',
  ],
  'account.ip_allowlist_enforced': ['warn', 'The IP allowlist was enforced.'],
  'account.ip_allowlist_enforcement_stopped': ['warn', 'The IP allowlist is no longer enforced.'],
  'ip_allowlist_entry.added': [
    'plain',
    ({ network }) => `${network} was added to the IP allowlist.`,
  ],
  'ip_allowlist_entry.deleted': ['warn', 'An entry was removed from the IP allowlist.'],
  'sunset.set': [
    'warn',
    ({ keyType, sunsetAt, brownouts }) =>
      `${keyType} keys are refused from ${typeof sunsetAt === 'number' ? formatInstant(sunsetAt) : sunsetAt} on. Brownouts before: ${brownouts}.`,
  ],
  'sunset.cancelled': ['plain', ({ keyType }) => `The sunset of ${keyType} keys was cancelled.`],
  'site.renamed': ['plain', ({ name }) => `The site is now called ${name}.`],
  'site.created': ['plain', 'The site was created.'],
  'site.deleted': ['bad', 'The site was deleted.'],
  'developer.renamed': ['plain', ({ name }) => `The developer is now called ${name}.`],
  'developer.created': ['plain', 'The developer was created.'],
  'developer.deleted': ['bad', 'The developer was deleted.'],
  'keyring.bound': ['plain', 'The database was bound to its key ring.'],
  'import.started': ['plain', ({ fileName }) => `An import of keys from ${fileName} began.`],
  'import.finished': [
    'plain',
    ({ imported, present, invalid }) =>
      `The import ended: ${imported} keys imported, ${present} already there, ${invalid} invalid.`,
  ],
  'import.undone': ['warn', 'The import was undone: keys that nobody had used were deleted.'],
  'pepper.added': ['plain', ({ name }) => `The pepper ${name} was stored.`],
  'keys.exported': [
    'warn',
    ({ secrets }) =>
      `Keys were exported, ${secrets ? 'with' : 'without'} their secrets and hashes.`,
  ],
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
    ({ purged }) => `${purged} events were deleted after their retention time.`,
  ],
} as const satisfies Record<string, EventDescription>

type DescribableEvent = Pick<AuditEvent, 'action' | 'facts'>

const EVENT_DESCRIPTIONS: ReadonlyMap<string, EventDescription> = new Map<string, EventDescription>(
  Object.entries({
    ...KEY_EVENT_DESCRIPTIONS,
    ...USER_EVENT_DESCRIPTIONS,
    ...ROUTING_EVENT_DESCRIPTIONS,
    ...ACCOUNT_EVENT_DESCRIPTIONS,
  }),
)

/** Every action that has a description, by its name in the audit. */
export const DESCRIBED_ACTIONS: readonly string[] = [...EVENT_DESCRIPTIONS.keys()].sort()

/** Describes an event in a sentence. `getName` returns the name of a row by its id. */
export function describeEvent(
  { action, facts }: DescribableEvent,
  getName = (id: string) => id,
): string {
  // An event written by another version of Latchkey may have an action that is unknown here.
  const description = EVENT_DESCRIPTIONS.get(action)?.[1] ?? `${action}.`
  const text =
    typeof description === 'string' ? description : description(replaceIdsWithNames(facts, getName))
  const { count } = facts
  return typeof count === 'number' ? `${text} (${count.toLocaleString('en')} times)` : text
}

/** Titles of actions whose stored names are older than the words of today. */
const ACTION_TITLES: Readonly<Record<string, string>> = {
  'destination.marked_verified': 'destination marked verified',
  'destination.marked_unverified': 'destination marked unverified',
  'destination.url_changed': 'destination URL changed',
  'account.offboarding_policy_set': 'account offboarding policy set',
}

/** Formats `key.secret_rotated` as `Key secret rotated`. */
export function formatActionTitle(action: string): string {
  const words = ACTION_TITLES[action] ?? action.replace(/[._]/g, ' ')
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}

/** Describes an event; empty where the sentence only repeats the title. */
export function describeEventDetail(
  event: DescribableEvent,
  getName?: (id: string) => string,
): string {
  const text = describeEvent(event, getName)
  const plainText = text.replace(/^The | was |\.$/g, ' ').trim()
  return plainText === formatActionTitle(event.action).toLowerCase() ? '' : text
}

/** The tone of an event: `bad` marks refusals and losses. */
export const getEventTone = ({ action }: Pick<AuditEvent, 'action'>): Tone =>
  EVENT_DESCRIPTIONS.get(action)?.[0] ?? 'plain'

const replaceIdsWithNames = (
  facts: AuditEventFacts,
  getName: (id: string) => string,
): AuditEventFacts =>
  Object.fromEntries(
    Object.entries(facts).map(([fact, value]) =>
      fact.endsWith('Id') && typeof value === 'string' ? [fact, getName(value)] : [fact, value],
    ),
  )

/** The names of actors and subjects that are no rows of the database. */
const SYSTEM_NAMES: Readonly<Record<string, string>> = {
  operator: 'the command line',
  server: 'the server',
  nobody: 'nobody known',
  audit: 'the audit',
  keyring: 'the key ring',
}

export interface EventNames {
  readonly getName: (id: string) => string
  /** Links to the page of the row, where the user may see it. */
  readonly nameLink: (id: string) => Html
}

/** Loads the names of every actor, subject and referenced row of the events, and of `extraIds`. */
export async function loadEventNames(
  context: PageContext,
  events: readonly RecordedEvent[],
  extraIds: readonly string[] = [],
): Promise<EventNames> {
  const eventIds = events.flatMap(({ actor, subject, facts }) => [
    actor,
    subject,
    ...listReferencedIds(facts),
  ])
  const ids = [...eventIds, ...extraIds]
  const rows = await context.services.audit.findNames([...new Set(ids)])
  const rowsById = new Map(rows.map((row) => [row.id, row]))
  const { user } = context.session
  const getName = (id: string) => rowsById.get(id)?.name ?? SYSTEM_NAMES[id] ?? id
  return {
    getName,
    nameLink: (id) => {
      const row = rowsById.get(id)
      if (row !== undefined && canSeeRow(context, row))
        return html`<a href="${formatRowPath(row)}">${row.name}</a>`
      if (row !== undefined || Object.hasOwn(SYSTEM_NAMES, id)) return html`${getName(id)}`
      // The rows of the selected account do not include the operator who looks at it.
      if (id === user.id) return html`${user.username ?? user.email}`
      // The row was deleted, or is in an account that the user cannot see.
      return html`<code title="${id}">${shortenId(id)}</code>`
    },
  }
}

const canSeeRow = (context: PageContext, { kind }: NamedRow): boolean =>
  kind !== 'account' || context.can('accounts.read')

const listReferencedIds = (facts: RecordedEvent['facts']): string[] =>
  Object.entries(facts).flatMap(([fact, value]) =>
    fact.endsWith('Id') && typeof value === 'string' ? [value] : [],
  )

const shortenId = (id: string): string => (id.length > 13 ? `…${id.slice(-12)}` : id)

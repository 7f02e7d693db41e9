import { html } from 'hono/html'
import type { User } from '../../../../service/ports/accounts.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { buttonLink } from '../../components/form.ts'
import {
  copyableText,
  definitionList,
  exactTime,
  type Html,
  nothing,
  relativeTime,
} from '../../components/html.ts'
import { timeline } from '../../components/table.ts'
import type { PageContext } from '../../context.ts'
import { AUDIT_PATH, DEVELOPERS_PATH, SITES_PATH, SOURCES_PATH } from '../../navigation.ts'
import {
  describeEvent,
  formatActionTitle,
  getEventTone,
  loadEventNames,
} from '../event-descriptions.ts'
import { ACCESS_LEVEL_LABELS, DISABLING_PARTY_LABELS, KEY_TYPE_LABELS } from './key-components.ts'
import { loadClientRows } from './oauth-client.ts'

type DetailRow = readonly [string, Html | string]

/** Lists the facts of a key, without those that it does not have. */
export async function keyDetails(context: PageContext, key: KeySummary): Promise<Html> {
  const { services, now } = context
  const { ownerId, accountId, lastUsedAt, expiresAt } = key
  const [owner, account, parentRows, clientRows] = await Promise.all([
    services.users.find(ownerId),
    services.accounts.find(accountId),
    loadParentRows(context, key),
    loadClientRows(context, key),
  ])
  const timeRows = (name: string, when: number | null, more = ''): DetailRow[] =>
    when === null
      ? []
      : [
          [
            name,
            html`${exactTime(when)} <span class="soft small">(${relativeTime(when, now)})</span>${more}`,
          ],
        ]
  // A revoked key cannot expire any more.
  const unlessRevoked = (rows: DetailRow[]) => (key.revokedAt === null ? rows : [])
  return definitionList([
    ['Key type', KEY_TYPE_LABELS[key.keyType].name],
    key.keyType === 'oauth'
      ? ['Client id', copyableText(key.publicId, 'the client id')]
      : ['Public id', copyableText(key.publicId, 'the public id')],
    ...(key.publicId === key.id ? [] : [['Key id', copyableText(key.id, 'the key id')] as const]),
    ['Owner', owner.ok ? ownerDetail(owner.value) : ownerId],
    ...(account.ok ? [['Account', account.value.name] as const] : []),
    ...parentRows,
    ...(key.oauthClient === null
      ? [['Access', ACCESS_LEVEL_LABELS[key.access]] as const]
      : clientRows),
    ...(key.reference === '' ? [] : [['Reference', key.reference] as const]),
    ['Last used', lastUsedAt === null ? 'never' : relativeTime(lastUsedAt, now)],
    ...timeRows('Created', key.createdAt),
    ...(expiresAt === null
      ? unlessRevoked([['Expires', 'never']])
      : timeRows('Expires', expiresAt)),
    ...unlessRevoked(timeRows('Sunset', key.sunsetAt)),
    ...timeRows('Secret rotated', key.secretRotatedAt),
    ...timeRows('Old secret ends', key.previousSecretEndsAt),
    ...timeRows('Assigned', key.assignedAt),
    ...timeRows(
      'Disabled',
      key.disabledAt,
      `, by ${DISABLING_PARTY_LABELS[key.disabledBy ?? 'operator']}`,
    ),
    ...timeRows('Revoked', key.revokedAt),
  ])
}

const ownerDetail = ({ email, username, deactivatedAt }: User): Html =>
  html`${email}${username === null ? nothing : html` <span class="soft small">(${username})</span>`}${
    deactivatedAt === null ? nothing : ', deactivated'
  }`

/** Falls back to the id where the source, developer or site is in an account that the user cannot see. */
async function loadParentRows({ services }: PageContext, key: KeySummary): Promise<DetailRow[]> {
  const { sourceId, siteId, developerId } = key
  const rows: DetailRow[] = []
  if (sourceId !== null) {
    const source = await services.sources.find(sourceId)
    rows.push(['Source', source.ok ? rowLink(SOURCES_PATH, source.value) : sourceId])
  }
  if (developerId !== null) {
    const developer = await services.developers.find(developerId)
    rows.push(['Developer', developer.ok ? rowLink(DEVELOPERS_PATH, developer.value) : developerId])
    if (developer.ok) {
      rows.push(['Developer key', copyableText(developer.value.developerKey, 'the developer key')])
    }
  }
  if (siteId !== null) {
    const site = await services.sites.find(siteId)
    rows.push(['Site', site.ok ? rowLink(SITES_PATH, site.value) : siteId])
  }
  return rows
}

const rowLink = (
  path: string,
  { id, name }: { readonly id: string; readonly name: string },
): Html => html`<a href="${path}/${id}">${name}</a>`

const MAX_HISTORY_EVENTS = 20

/** Describes the latest events of a key, the newest first. */
export async function keyHistory(context: PageContext, keyId: string): Promise<Html> {
  const events = await listKeyEvents(context, keyId)
  if (events.length === 0) return html`<p class="soft">No activity is recorded.</p>`
  const { getName, nameLink } = await loadEventNames(context, events)
  const entries = events.map((event) => ({
    title: formatActionTitle(event.action),
    tone: getEventTone(event),
    when: relativeTime(event.at, context.now),
    // A refused request has no actor.
    text: html`${describeEvent(event, getName)}${
      event.action === 'key.refused' ? nothing : html` By ${nameLink(event.actor)}.`
    }`,
  }))
  return html`${timeline(entries)}${
    events.length < MAX_HISTORY_EVENTS
      ? nothing
      : html`<p>${buttonLink(`${AUDIT_PATH}?subject=${encodeURIComponent(keyId)}`, 'View all in the audit', 'compact')}</p>`
  }`
}

const listKeyEvents = ({ services }: PageContext, keyId: string) =>
  services.audit.list({ subject: keyId, actionPrefix: 'key.', limit: MAX_HISTORY_EVENTS })

/** Describes the latest change of a key and its actor; null where it is not among the latest events. */
export async function lastKeyChange(
  context: PageContext,
  { id, eventId }: KeySummary,
): Promise<Html | null> {
  // By its id: the latest event may be one that changes nothing, such as a view of the secret.
  const event = (await listKeyEvents(context, id)).find((recent) => recent.id === eventId)
  if (event === undefined) return null
  const { getName, nameLink } = await loadEventNames(context, [event])
  const when = relativeTime(event.at, context.now)
  return html`${describeEvent(event, getName)} By ${nameLink(event.actor)}, ${when}.`
}

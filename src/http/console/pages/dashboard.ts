import { html } from 'hono/html'
import { getKeyTypeTraits, type KeyType } from '../../../domain/key-type.ts'
import type { Permission } from '../../../domain/role.ts'
import {
  type AttentionSummary,
  EXPIRING_SOON_DAYS,
  IN_USE_DAYS,
  type LimitedList,
  UNUSED_DAYS,
} from '../../../service/accounts/dashboard.ts'
import type { KeyTypeCount } from '../../../service/ports/dashboard.ts'
import type { KeyListItem, SubscriptionListItem } from '../../../service/ports/lists.ts'
import { buttonLink } from '../components/form.ts'
import { badge, formatCount, type Html, nothing, relativeTime } from '../components/html.ts'
import { table } from '../components/table.ts'
import type { PageContext } from '../context.ts'
import {
  ACCOUNTS_PATH,
  CONSOLE_PATH,
  DEVELOPERS_PATH,
  KEYS_PATH,
  SITES_PATH,
  SOURCES_PATH,
  SUBSCRIPTIONS_PATH,
  USERS_PATH,
} from '../navigation.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { trafficSection } from './dashboard-traffic.ts'
import { KEY_TYPE_LABELS } from './keys/key-components.ts'

/** The dashboard: what needs attention, traffic and key types. */
export function mountDashboard(router: ConsoleRouter): void {
  const operations = ['dashboard.traffic', 'dashboard.keys', 'dashboard.attention'] as const
  router.page(CONSOLE_PATH, operations, async (context) => {
    const keyTypeCounts = await context.services.dashboard.countKeysByType()
    // If any key was used, setup is done and needs no query.
    const onboarding = keyTypeCounts.some(({ used }) => used > 0)
      ? null
      : await onboardingSection(context)
    const sections =
      onboarding === null
        ? await Promise.all([
            attentionSection(context),
            trafficSection(context),
            keyTypesSection(keyTypeCounts),
          ])
        : [onboarding, await trafficSection(context)]
    const actions = context.can('keys.write')
      ? buttonLink(`${KEYS_PATH}/new`, 'Create key', 'primary')
      : nothing
    const heading = { heading: 'Dashboard', about: describeVisibleAccounts(context), actions }
    return renderPage(context, heading, html`${sections}`)
  })
}

const describeVisibleAccounts = ({ selectedAccount, can, session }: PageContext): string => {
  if (selectedAccount !== null) return selectedAccount.name
  return can('accounts.read') ? 'All accounts' : session.account.name
}

interface OnboardingStep {
  readonly title: string
  readonly text: Html | string
  readonly isDone: boolean
  readonly permission: Permission
  readonly href: string
  readonly linkText: string
}

/** The first steps, until a key is used; null afterwards. */
async function onboardingSection(context: PageContext): Promise<Html | null> {
  const { hasOwner, key, isInUse } = await context.services.dashboard.findSetupProgress()
  if (isInUse) return null
  const steps: OnboardingStep[] = [
    {
      title: 'Add the owner of the first key',
      text: 'An engineer or an administrator of an account owns each key. An operator can add accounts and users.',
      isDone: hasOwner,
      permission: 'users.write',
      href: context.can('accounts.write') ? ACCOUNTS_PATH : USERS_PATH,
      linkText: context.can('accounts.write') ? 'View accounts' : 'View users',
    },
    {
      title: 'Create a key',
      text: html`Create a new key, or import the id and secret of a key that a vendor uses already. Redox keys need a <a href="${SOURCES_PATH}">source</a> first, Xenrad keys a <a href="${SITES_PATH}">site</a>, Open Dental keys a <a href="${DEVELOPERS_PATH}">developer</a>; XDENT and practice keys need none.`,
      isDone: key !== null,
      permission: 'keys.write',
      href: `${KEYS_PATH}/new`,
      linkText: 'Create key',
    },
    {
      title: 'Use the key',
      text: 'The page of the key has sample requests to paste into a terminal. These steps disappear after the first admitted request.',
      isDone: false,
      permission: 'keys.read',
      href: key === null ? KEYS_PATH : `${KEYS_PATH}/${key.id}`,
      linkText: key === null ? 'View keys' : `View ${key.name}`,
    },
  ]
  const nextIndex = steps.findIndex(({ isDone }) => !isDone)
  return html`
  <section class="card"><h2>First steps</h2><ol class="steps">${steps.map(
    (step, n) => html`
    <li><div class="stack tight"><h3>${step.title} ${step.isDone ? badge('Done', 'good') : nothing}</h3><p class="soft">${step.text}</p></div>
      ${n === nextIndex ? onboardingLink(context, step) : nothing}</li>`,
  )}</ol></section>`
}

const onboardingLink = (
  context: PageContext,
  { permission, href, linkText }: OnboardingStep,
): Html =>
  context.can(permission)
    ? html`<p><a class="button primary" href="${href}">${linkText}</a></p>`
    : html`<p>An administrator of your account can do this.</p>`

/** The lists that need attention, each with its first rows and a link to all of them. */
async function attentionSection(context: PageContext): Promise<Html> {
  const attentionLists = await context.services.dashboard.findAttention()
  const tiles = attentionTiles(context, attentionLists)
  return html`
  <section class="stack" aria-labelledby="attention"><h2 id="attention">Needs attention</h2>
    ${
      tiles.length === 0
        ? html`<p class="card">${badge('Nothing', 'good')} No subscription is stuck. No key expires soon, is unused, or has a deactivated owner.</p>`
        : html`<ul class="tiles filling">${tiles}</ul>`
    }
  </section>`
}

function attentionTiles(
  context: PageContext,
  { stuck, expiring, ownerLeft, unused }: AttentionSummary,
): Html[] {
  const createKeyTile = (
    title: string,
    preview: LimitedList<KeyListItem>,
    attentionFilter: string,
    describeKey: (key: KeyListItem) => Html,
  ) =>
    attentionTile({
      title,
      preview,
      href: `${KEYS_PATH}?attention=${attentionFilter}&status=enabled`,
      renderRow: (key) =>
        html`<a href="${KEYS_PATH}/${key.id}">${key.name}</a> <span class="soft small">${describeKey(key)}</span>`,
    })
  return [
    attentionTile({
      title: 'Stuck subscriptions',
      preview: stuck,
      href: `${SUBSCRIPTIONS_PATH}?state=stuck`,
      renderRow: (subscription) =>
        html`<a href="${SUBSCRIPTIONS_PATH}/${subscription.id}">${subscription.source.name} → ${subscription.destination.name}</a> <span class="soft small">${describeBacklog(context, subscription)}</span>`,
    }),
    createKeyTile(
      `Keys that expire within ${EXPIRING_SOON_DAYS} days`,
      expiring,
      'expiring',
      ({ expiresAt }) => relativeTime(expiresAt ?? context.now, context.now),
    ),
    createKeyTile(
      'Keys of deactivated users',
      ownerLeft,
      'owner-deactivated',
      ({ owner }) => html`${owner.email}`,
    ),
    createKeyTile(`Keys unused for ${UNUSED_DAYS} days`, unused, 'unused', ({ lastUsedAt }) =>
      lastUsedAt === null ? html`never used` : relativeTime(lastUsedAt, context.now),
    ),
  ].flatMap((card) => (card === null ? [] : [card]))
}

const describeBacklog = ({ now }: PageContext, { queued, oldestAt }: SubscriptionListItem): Html =>
  html`${formatCount(
    queued,
    'message',
  )} queued${oldestAt === null ? nothing : html`, the oldest ${relativeTime(oldestAt, now)}`}`

function attentionTile<T>(props: {
  readonly title: string
  readonly preview: LimitedList<T>
  readonly href: string
  readonly renderRow: (row: T) => Html
}): Html | null {
  const { count, more, items } = props.preview
  if (count === 0) return null
  const all = `${count.toLocaleString('en')}${more ? ' and more' : ''}`
  const linkText = count > items.length ? `View all ${all}` : 'View in list'
  return html`
  <li class="card"><header><h3>${props.title}</h3>${badge(all, 'warn')}</header>
    <ul class="bare items">${items.map((row) => html`<li>${props.renderRow(row)}</li>`)}</ul>
    <p><a href="${props.href}" aria-label="${linkText}: ${props.title}">${linkText}</a></p></li>`
}

const hasExchangedSecret = (keyType: KeyType): boolean =>
  getKeyTypeTraits(keyType).secret === 'exchanged'

/** The keys in use by type, and how often their secrets are sent. */
const keyTypesSection = (counts: readonly KeyTypeCount[]): Html => html`
  <section class="card flush"><div class="inset stack tight"><h2>Keys in use</h2><p class="soft">${summarizeKeyUse(counts)}</p></div>${table(
    {
      caption: `In use: within the last ${IN_USE_DAYS} days`,
      columns: [
        { name: 'Key type' },
        { name: 'Secret' },
        { name: 'In use', end: true },
        { name: 'Usable', end: true },
      ],
      rows: counts.map(({ keyType, used, usable }) => [
        html`<a href="${KEYS_PATH}?key-type=${keyType}">${KEY_TYPE_LABELS[keyType].name}</a>`,
        hasExchangedSecret(keyType) ? 'exchanged for tokens' : 'sent with every request',
        used.toLocaleString('en'),
        usable.toLocaleString('en'),
      ]),
    },
  )}</section>`

function summarizeKeyUse(counts: readonly KeyTypeCount[]): string {
  const sumUsed = (rows: readonly KeyTypeCount[]) =>
    rows.reduce((total, { used }) => total + used, 0)
  const exchangedCount = sumUsed(counts.filter(({ keyType }) => hasExchangedSecret(keyType)))
  const total = sumUsed(counts)
  if (total === 0) return `No key was used within ${IN_USE_DAYS} days.`
  return (
    `Of ${formatCount(total, 'key')} in use, ${exchangedCount.toLocaleString('en')} ${exchangedCount === 1 ? 'is' : 'are'} ` +
    `exchanged for short-lived tokens; ${(total - exchangedCount).toLocaleString('en')} ` +
    `${total - exchangedCount === 1 ? 'sends its' : 'send their'} long-lived secret with every request.`
  )
}

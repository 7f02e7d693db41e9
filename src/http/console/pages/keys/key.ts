import { html } from 'hono/html'
import { isPreviousSecretValid } from '../../../../domain/key.ts'
import { getKeyTypeTraits } from '../../../../domain/key-type.ts'
import { hasSecret } from '../../../../domain/oauth-client.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import {
  badge,
  errorNotice,
  formatInstant,
  type Html,
  nothing,
  notice,
} from '../../components/html.ts'
import type { PageContext } from '../../context.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { formatKeyPath, KEYS_CRUMBS, KEYS_PATH } from '../../navigation.ts'
import { renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { codeSamples } from './code-samples.ts'
import { getFirstUsageDay, overlapDiagram, toDailyCounts, usageChart } from './key-charts.ts'
import { type KeyPageDeps, listKeyBadges, withKey } from './key-components.ts'
import { keyDetails, keyHistory } from './key-details.ts'

export function mountKeyDetailPages(router: ConsoleRouter, deps: KeyPageDeps): void {
  router.page(
    `${KEYS_PATH}/:id`,
    ['keys.show', 'keys.uses'],
    withKey((context, key) => renderKeyPage(deps, context, key, null)),
  )
}

export async function renderKeyPage(
  deps: KeyPageDeps,
  context: PageContext,
  key: KeySummary,
  error: FormError | null,
): Promise<Response> {
  const { services, now } = context
  const fromDay = getFirstUsageDay(now)
  const [found, uses, activity, details, samplesCard] = await Promise.all([
    services.users.find(key.ownerId),
    services.keys.listDailyUsesByKey([key.id], fromDay),
    keyHistory(context, key.id),
    keyDetails(context, key),
    codeSamples(deps, context, key),
  ])
  const owner = found.ok ? found.value : null
  const badges = listKeyBadges(key, owner?.deactivatedAt ?? null, now)
  const body = html`${errorNotice(toErrorMessage(error))}
    ${keyNotices(context, key, owner)}
    ${overlapCard(context, key)}
    <div class="columns">
      <section class="card"><header><h2>Details</h2>
        <span class="row tight">${badges.map((status) => badge(status.text, status.tone))}</span></header>${details}</section>
      <div class="stack">
        <section class="card"><h2>Use in the last 30 days</h2>${usageChart(toDailyCounts(uses, fromDay), fromDay)}</section>
        <section class="card"><h2>Activity</h2>${activity}</section>
      </div>
    </div>
    ${key.status === 'revoked' ? nothing : samplesCard}
    ${dangerZone(context, key)}`
  const heading = {
    heading: key.name,
    crumbs: KEYS_CRUMBS,
    actions: keyActions(context, key),
    about: key.description === '' ? undefined : key.description,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

/** Renders the actions that can be undone. */
function keyActions(context: PageContext, key: KeySummary): Html {
  const path = formatKeyPath(key)
  const isViewable = getKeyTypeTraits(key.keyType).secret === 'viewable' && context.can('keys.view')
  const view = isViewable
    ? actionButton(context.formToken, `${path}/view-secret`, 'View secret')
    : nothing
  if (!context.can('keys.write') || key.status === 'revoked') return view
  return html`${view}
    ${buttonLink(`${path}/edit`, 'Edit key')}
    ${hasSecret(key) ? buttonLink(`${path}/rotate-secret`, 'Rotate secret') : actionButton(context.formToken, `${path}/test-jwks`, 'Test JWK Set')}
    ${key.keyType === 'opendental' ? assignmentAction(context, key) : nothing}
    ${
      key.status === 'enabled'
        ? actionButton(context.formToken, `${path}/disable`, 'Disable key', { variant: 'danger' })
        : actionButton(context.formToken, `${path}/enable`, 'Enable key')
    }`
}

const assignmentAction = ({ formToken }: PageContext, key: KeySummary): Html =>
  key.assignedAt === null
    ? buttonLink(`${formatKeyPath(key)}/assign`, 'Assign to site')
    : actionButton(formToken, `${formatKeyPath(key)}/unassign`, 'Unassign from site')

/** Warns about each reason for which the key does not work, or soon has no active owner. */
function keyNotices(context: PageContext, key: KeySummary, owner: User | null): Html {
  if (key.status === 'revoked') return nothing
  const { expiresAt, keyType, assignedAt } = key
  const notices = [
    expiresAt !== null && expiresAt <= context.now
      ? notice(
          'bad',
          'This key has expired',
          html`Its requests are refused. ${actionLink(context, key, 'edit', 'Edit the key')} to change the expiry.`,
        )
      : nothing,
    keyType === 'opendental' && assignedAt === null
      ? notice(
          'warn',
          'This key is not assigned to a site',
          html`It has no access to data. ${actionLink(context, key, 'assign', 'Assign the key')} to the site of the office that uses it.`,
        )
      : nothing,
    typeof owner?.deactivatedAt === 'number'
      ? notice(
          'warn',
          'The owner is deactivated',
          html`${actionLink(context, key, 'edit', 'Edit the key')} to choose a new owner.`,
        )
      : nothing,
  ]
  return html`${notices}`
}

/** Renders plain text for users who may not change the key. */
const actionLink = (context: PageContext, key: KeySummary, verb: string, text: string): Html =>
  context.can('keys.write')
    ? html`<a href="${formatKeyPath(key)}/${verb}">${text}</a>`
    : html`${text}`

/** Renders nothing unless two secrets are valid. */
function overlapCard({ now }: PageContext, key: KeySummary): Html {
  const { previousSecretEndsAt: endsAt, secretRotatedAt: at } = key
  if (
    endsAt === null ||
    at === null ||
    !isPreviousSecretValid(key, now) ||
    key.status === 'revoked'
  )
    return nothing
  const hasTokens = getKeyTypeTraits(key.keyType).secret === 'exchanged'
  const formatMinute = (moment: number) => formatInstant(moment).slice(0, 16)
  return html`<section class="card"><h2>Two secrets are valid until ${formatInstant(endsAt)}</h2>
    <p>Change the program to the new secret before then. After that, the old secret is refused.</p>
    ${overlapDiagram({ rotatedText: formatMinute(at), endsText: formatMinute(endsAt), hasTokens })}</section>`
}

/** Renders the actions that cannot be undone. */
function dangerZone(context: PageContext, key: KeySummary): Html {
  const canRevoke = key.status !== 'revoked'
  if (!context.can('keys.write') || !(canRevoke || isDeletable(key))) return nothing
  const path = formatKeyPath(key)
  return html`<section class="card"><h2>Danger zone</h2>
    ${canRevoke ? html`<p class="soft"><strong>Revoke</strong>: the key is refused from its next request on. This cannot be undone. It stays in the list.</p>` : nothing}
    ${isDeletable(key) ? html`<p class="soft"><strong>Delete</strong>: ${canRevoke ? 'the same, and the key disappears from the list' : 'the key disappears from the list'}. The audit keeps its record.</p>` : nothing}
    <p class="row">${canRevoke ? buttonLink(`${path}/revoke`, 'Revoke key', 'danger') : nothing}${
      isDeletable(key) ? buttonLink(`${path}/delete`, 'Delete key', 'danger') : nothing
    }</p></section>`
}

const isDeletable = ({ keyType }: KeySummary): boolean => getKeyTypeTraits(keyType).deletable

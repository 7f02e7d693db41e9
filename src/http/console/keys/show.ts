import { html } from 'hono/html'
import { traitsOf } from '../../../domain/dialect.ts'
import { hasOverlap } from '../../../domain/key.ts'
import type { Refusal } from '../../../service/operator.ts'
import type { KeySummary, User } from '../../../service/ports.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { exact } from '../parts/time.ts'
import { badge, notice, refused } from '../parts/words.ts'
import { statusOf } from '../refusal.ts'
import type { Visit } from '../visit.ts'
import type { KeyScreenDeps } from './deps.ts'
import { isDeletable } from './end.ts'
import { history } from './history.ts'
import { factsOfKey } from './key-facts.ts'
import { drawnOverlap } from './overlap.ts'
import { CRUMBS, KEYS, pathOf } from './paths.ts'
import { samples } from './samples.ts'
import { countsOf, drawnUse, firstDay } from './use.ts'
import { withKey } from './with-key.ts'
import { standingsOf } from './words.ts'

export function mountShow(area: Area, deps: KeyScreenDeps): void {
  area.show(
    `${KEYS}/:id`,
    'keys.read',
    withKey((visit, key) => showKey(deps, visit, key, null)),
  )
}

/** Everything of a key that is not secret: what it is, how it is used, what happened to it, how to use it. */
export async function showKey(
  deps: KeyScreenDeps,
  visit: Visit,
  key: KeySummary,
  refusal: Refusal | null,
): Promise<Response> {
  const { desk, now } = visit
  const from = firstDay(now)
  const [found, uses, happened, facts, pasted] = await Promise.all([
    desk.accounts.findUser(key.ownerId),
    desk.keys.usesOf([key.id], from),
    history(visit, key.id),
    factsOfKey(visit, key),
    samples(deps, visit, key),
  ])
  const owner = found.ok ? found.value : null
  const badges = standingsOf(key, owner?.leftAt ?? null, now)
  const body = html`${refused(refusal?.message ?? null)}
    ${cares(visit, key, owner)}
    ${overlap(visit, key)}
    <div class="columns">
      <section class="card"><header><h2>What it is</h2>
        <span class="row tight">${badges.map((told) => badge(told.text, told.tone))}</span></header>${facts}</section>
      <div class="stack">
        <section class="card"><h2>Its use over 30 days</h2>${drawnUse(countsOf(uses, from), from)}</section>
        <section class="card"><h2>What happened to it</h2>${happened}</section>
      </div>
    </div>
    ${key.status === 'revoked' ? nothing : pasted}
    ${ending(visit, key)}`
  const head = {
    title: key.name,
    crumbs: CRUMBS,
    actions: actions(visit, key),
    about: key.description === '' ? undefined : key.description,
  }
  return page(visit, head, body, statusOf(refusal))
}

/** What can be done with it now, and undone. */
function actions(visit: Visit, key: KeySummary): Html {
  const path = pathOf(key)
  const isViewable = traitsOf(key.dialect).secret === 'viewable' && visit.may('keys.view')
  const view = isViewable ? press(visit.formToken, `${path}/view`, 'View the secret') : nothing
  if (!visit.may('keys.write') || key.status === 'revoked') return view
  return html`${view}
    ${link(`${path}/edit`, 'Edit')}
    ${link(`${path}/rotate`, 'Rotate the secret')}
    ${key.dialect === 'opendental' ? office(visit, key) : nothing}
    ${
      key.status === 'enabled'
        ? press(visit.formToken, `${path}/disable`, 'Disable', { look: 'danger' })
        : press(visit.formToken, `${path}/enable`, 'Enable')
    }`
}

const office = ({ formToken }: Visit, key: KeySummary): Html =>
  key.assignedAt === null
    ? link(`${pathOf(key)}/assign`, 'Assign to an office')
    : press(formToken, `${pathOf(key)}/unassign`, 'Take back from its office')

/** What one would be sorry to learn later, each with what to do. */
function cares(visit: Visit, key: KeySummary, owner: User | null): Html {
  if (key.status === 'revoked') return nothing
  const { expiresAt, dialect, assignedAt } = key
  const notices = [
    expiresAt !== null && expiresAt <= visit.now
      ? notice(
          'bad',
          'It has expired',
          html`It is refused. ${to(visit, key, 'edit', 'Edit it')} to let it expire later.`,
        )
      : nothing,
    dialect === 'opendental' && assignedAt === null
      ? notice(
          'warn',
          'It is not assigned to an office',
          html`Until it is, it opens no data. ${to(visit, key, 'assign', 'Assign it')} to the office that is to use it.`,
        )
      : nothing,
    typeof owner?.leftAt === 'number'
      ? notice(
          'warn',
          'Its owner has left',
          html`${to(visit, key, 'edit', 'Edit it')} to give it to somebody who answers for it.`,
        )
      : nothing,
  ]
  return html`${notices}`
}

/** A member is told too, and asks somebody else. */
const to = (visit: Visit, key: KeySummary, verb: string, text: string): Html =>
  visit.may('keys.write') ? html`<a href="${pathOf(key)}/${verb}">${text}</a>` : html`${text}`

/** While both secrets work: which, and until when. */
function overlap({ now }: Visit, key: KeySummary): Html {
  const { previousSecretEndsAt: endsAt, secretReplacedAt: at } = key
  if (endsAt === null || at === null || !hasOverlap(key, now) || key.status === 'revoked')
    return nothing
  const tokens = traitsOf(key.dialect).secret === 'exchanged'
  const short = (moment: number) => exact(moment).slice(0, 16)
  return html`<section class="card"><h2>Two secrets work until ${exact(endsAt)}</h2>
    <p>Put the new one into its program before then. Then the old one is refused.</p>
    ${drawnOverlap({ rotated: short(at), ends: short(endsAt), tokens })}</section>`
}

/** What cannot be undone stands at the end, apart. */
function ending(visit: Visit, key: KeySummary): Html {
  const isLiving = key.status !== 'revoked'
  if (!visit.may('keys.write') || !(isLiving || isDeletable(key))) return nothing
  const path = pathOf(key)
  return html`<section class="card"><h2>${isLiving ? 'End it for ever' : 'Take it off the list'}</h2>
    ${isLiving ? html`<p class="soft"><strong>Revoke</strong>: its next request is refused, and nothing brings it back. It stays in the list.</p>` : nothing}
    ${isDeletable(key) ? html`<p class="soft"><strong>Delete</strong>: ${isLiving ? 'the same, and it goes from the list too' : 'it goes from the list'}. The audit keeps what it was.</p>` : nothing}
    <p class="row">${isLiving ? link(`${path}/revoke`, 'Revoke', 'danger') : nothing}${
      isDeletable(key) ? link(`${path}/delete`, 'Delete', 'danger') : nothing
    }</p></section>`
}

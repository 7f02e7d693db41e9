import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { DestinationSummary } from '../../../service/ports.ts'
import type { Handshake } from '../../../service/routes.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { field, form, hidden, link, press, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, moment } from '../parts/time.ts'
import { badge, copyable, facts, notice, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { methodChoices, tokenField } from './agreement.ts'
import type { RouteScreenDeps } from './deps.ts'
import { mountDestinationEdits } from './destination-edits.ts'
import { verifiedBadge } from './destinations.ts'
import { handshakeDrawn, questionOf } from './handshake.ts'
import { nameForm } from './name-form.ts'
import { ABOVE_DESTINATION, DESTINATIONS, FEEDS } from './paths.ts'
import { mountVouch } from './vouch.ts'

const HERE = `${DESTINATIONS}/:id`

/** What came of a form of this page. */
export interface Came {
  readonly refusal?: Refusal
  readonly handshake?: Handshake
}

/** One destination: where it is, what was agreed on with it, and whether it is who it says. */
export function mountDestination(area: Area, deps: RouteScreenDeps): void {
  const show = (visit: Visit, came: Came = {}) => showDestination(visit, deps, came)
  area.show(HERE, 'routes.read', (visit) => show(visit))
  // The answer to the form itself: a reload asks once more, which does no harm.
  area.act(`${HERE}/verify`, 'routes.write', async (visit) => {
    const done = await visit.desk.routes.verify(part(visit, 'id'))
    return show(visit, done.ok ? { handshake: done.value } : { refusal: done.failure })
  })
  mountDestinationEdits(area, show)
  mountVouch(area)
}

async function showDestination(
  visit: Visit,
  deps: RouteScreenDeps,
  { refusal, handshake }: Came,
): Promise<Response> {
  const id = part(visit, 'id')
  const found = await visit.desk.routes.findDestination(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const destination = found.value
  const mayWrite = visit.may('routes.write')
  const body = html`${refused(messageOf(refusal ?? null))}
    ${handshake === undefined ? standing(visit, destination) : handshakeDrawn(handshake, instant(visit.now))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${factsOf(visit, destination)}</section>
      <section class="card"><h2>How it is verified</h2>
        <p>It is asked this, and answers 2xx with the challenge in its body, as it is. That proves that the URL is theirs${destination.hasToken ? ', and that both sides have the same token' : ''}.</p>
        ${questionOf(deps, destination)}</section>
    </div>
    ${mayWrite ? edits(visit, destination, refusal ?? null) : nothing}`
  const head = {
    title: destination.name,
    crumbs: ABOVE_DESTINATION,
    actions: mayWrite ? actionsOf(visit, destination) : nothing,
  }
  return page(visit, head, body, statusOf(refusal ?? null))
}

const factsOf = (visit: Visit, destination: DestinationSummary): Html =>
  facts([
    ['State', verifiedBadge(destination.verifiedAt)],
    [
      'Verified',
      destination.verifiedAt === null ? 'never' : moment(destination.verifiedAt, visit.now),
    ],
    ['URL', destination.url === null ? 'none yet' : copyable(destination.url, 'the URL')],
    ['Destination id', copyable(destination.id, 'the destination id')],
    ['Token', destination.hasToken ? 'set; it is never shown' : badge('none', 'warn')],
    [
      'Plain http',
      destination.development ? html`${badge('allowed', 'warn')} for development` : 'refused',
    ],
    ['Feeds', html`<a href="${FEEDS}?destination=${destination.id}">What is sent to it</a>`],
  ])

function standing(visit: Visit, { url, verifiedAt }: DestinationSummary): Html {
  if (verifiedAt !== null) return nothing
  if (url === null) return notice('warn', 'It has no URL', 'Set one below, then verify it.')
  const next = visit.may('routes.write')
    ? 'Nothing is sent to it until it is. Verify it: that can take up to a minute.'
    : 'Nothing is sent to it until it is. An engineer of your account can verify it.'
  return notice('warn', 'It is not verified', next)
}

function actionsOf(visit: Visit, { id, url, verifiedAt }: DestinationSummary): Html {
  const here = `${DESTINATIONS}/${id}`
  const vouch = visit.may('destinations.vouch')
    ? verifiedAt === null
      ? link(`${here}/vouch`, 'Vouch for it')
      : link(`${here}/doubt`, 'Doubt it', 'danger')
    : nothing
  const verify =
    url === null
      ? nothing
      : press(visit.formToken, `${here}/verify`, verifiedAt === null ? 'Verify' : 'Verify again', {
          look: 'primary',
        })
  return html`${vouch}${verify}`
}

function edits(visit: Visit, destination: DestinationSummary, refusal: Refusal | null): Html {
  const here = `${DESTINATIONS}/${destination.id}`
  const url = destination.url ?? ''
  return html`<div class="columns">
    <section class="card"><h2>Rename</h2>${nameForm(visit, `${here}/rename`, destination.name, refusal)}</section>
    <section class="card"><h2>Move</h2>${form(
      visit.formToken,
      `${here}/move`,
      html`${hidden('seen', url)}
        ${field({ name: 'url', label: 'URL', value: refusal === null ? url : text(visit, 'url') || url, hint: 'Another URL is another party: it is to be verified anew.', required: true, spellcheck: false })}
        <div class="row">${submit('Set the URL', '')}</div>`,
    )}</section>
    <section class="card"><h2>Token</h2>${form(
      visit.formToken,
      `${here}/token`,
      html`${tokenField('Another token is another agreement: it is to be verified anew.', true)}
        ${methodChoices(destination.method)}
        <div class="row">${submit('Set the token', '')}</div>`,
    )}</section>
  </div>`
}

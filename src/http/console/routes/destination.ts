import { html } from 'hono/html'
import type { Refusal } from '../../../service/operator.ts'
import type { DestinationSummary } from '../../../service/ports.ts'
import type { Handshake } from '../../../service/routes.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { MESSAGES } from '../messages/paths.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, moment } from '../parts/time.ts'
import { badge, copyable, empty, facts, notice, refused } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { part, type Visit } from '../visit.ts'
import type { RouteScreenDeps } from './deps.ts'
import { mountDestinationEdits } from './destination-edits.ts'
import { edits } from './destination-forms.ts'
import { verifiedBadge } from './destinations.ts'
import { handshakeDrawn, questionOf } from './handshake.ts'
import { itsFeeds } from './its-feeds.ts'
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
    ${await feedsOf(visit, destination)}
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
    [
      'State',
      html`${verifiedBadge(destination.verifiedAt)} ${destination.verifiedAt === null ? nothing : moment(destination.verifiedAt, visit.now)}`,
    ],
    ['URL', destination.url === null ? 'none yet' : copyable(destination.url, 'the URL')],
    ['Destination id', copyable(destination.id, 'the destination id')],
    [
      'Token',
      destination.hasToken
        ? 'set; it is never shown'
        : html`${badge('None', 'warn')} It cannot tell who sends.`,
    ],
    [
      'Plain http',
      destination.development ? html`${badge('Allowed', 'warn')} for development` : 'refused',
    ],
    ['Messages', html`<a href="${MESSAGES}?destination=${destination.id}">What was sent to it</a>`],
  ])

/** Who sends to it, and whether that gets through. */
const feedsOf = (visit: Visit, { id }: DestinationSummary): Promise<Html> =>
  itsFeeds(visit, { destinationId: id }, 'From where it gets messages', () =>
    empty(
      'No source is subscribed to it',
      'Nothing is sent to it until one is.',
      visit.may('routes.write')
        ? link(`${FEEDS}/new?destination=${id}`, 'Subscribe a source')
        : nothing,
    ),
  )

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
          look: verifiedAt === null ? 'primary' : '',
        })
  return html`${vouch}${verify}`
}

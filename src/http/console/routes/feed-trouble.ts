import { html } from 'hono/html'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { MESSAGES } from '../messages/paths.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { notice, plural } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { outcomeText } from './feed-state.ts'
import { DESTINATIONS, FEEDS } from './paths.ts'

/** What is wrong, and what helps. */
export function trouble(visit: Visit, feed: ListedFeed): Html {
  const { destination, lastAttempt } = feed
  if (feed.status === 'paused') {
    return notice(
      'warn',
      'It is paused',
      'What its source sends to this destination is refused. What is queued waits until it is resumed.',
    )
  }
  if (destination.verifiedAt === null) {
    return notice(
      'warn',
      'The destination is not verified',
      html`What its source sends there is refused. <a href="${DESTINATIONS}/${destination.id}">Verify it</a>.`,
    )
  }
  if (feed.attempts === 0 || lastAttempt === null) return nothing
  return notice(
    'bad',
    `The first message was tried ${plural(feed.attempts, 'time')} in vain`,
    html`<p>${outcomeText(lastAttempt)} ${moment(lastAttempt.at, visit.now)}${lastAttempt.detail === '' ? '.' : html`: <code>${lastAttempt.detail}</code>`}</p>
      <p>It is tried again by itself, at least every two minutes; what comes after it waits. If the destination is the trouble, nothing is lost: all waits until it is back. If the message is, skip it.</p>
      <div class="row">${visit.may('routes.write') ? press(visit.formToken, `${FEEDS}/${feed.id}/resume`, 'Try now', { look: 'compact' }) : nothing}${feed.headId === null ? nothing : ofFirst(visit, feed.headId, destination.id)}</div>`,
  )
}

const ofFirst = (visit: Visit, messageId: string, destinationId: string): Html => html`
  ${link(`${MESSAGES}/${messageId}`, 'Look at the message', 'compact')}
  ${visit.may('messages.send') ? link(`${MESSAGES}/${messageId}/skip?destination=${destinationId}`, 'Skip it', 'compact danger') : nothing}`

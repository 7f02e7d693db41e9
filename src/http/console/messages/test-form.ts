import { html } from 'hono/html'
import { catalogue } from '../../../domain/catalogue.ts'
import type { Done } from '../../../service/operator.ts'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import type { Source } from '../../../service/ports.ts'
import type { Tested } from '../../test-bench.ts'
import { page } from '../answer.ts'
import { KEYS } from '../keys/paths.ts'
import { accountIdOf } from '../one-account.ts'
import { area, field, form, hidden, link, select, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { empty, notice, refused } from '../parts/words.ts'
import { messageOf, statusOf } from '../refusal.ts'
import { DESTINATIONS, FEEDS, SOURCES } from '../routes/paths.ts'
import { text, type Visit } from '../visit.ts'
import { answerShown } from './answer-shown.ts'
import type { MessageScreenDeps } from './deps.ts'
import { ABOVE_MESSAGE, MESSAGES } from './paths.ts'

const HERE = `${MESSAGES}/test`
/** So many a list to choose from still serves. */
const MOST = 200

interface Event {
  readonly dataModel: string
  readonly eventType: string
  readonly value: string
  readonly text: string
}

const EVENTS: readonly Event[] = catalogue.flatMap(({ dataModel, events }) =>
  events.map(({ eventType, kind }) => ({
    dataModel,
    eventType,
    value: `${dataModel}:${eventType}`,
    text: `${dataModel}: ${eventType}${kind === 'synchronous' ? ' (waits for an answer)' : ''}`,
  })),
)

/** What is chosen above makes the sample below. Once it is sent, what was typed stays, beside the answer. */
export async function showTest(
  visit: Visit,
  deps: MessageScreenDeps,
  tested?: Done<Tested>,
): Promise<Response> {
  const { routes } = visit.desk
  const refusal = tested === undefined || tested.ok ? null : tested.failure
  const asked = { accountId: accountIdOf(visit) ?? undefined, limit: MOST + 1 }
  const sources = await routes.listSources(asked)
  const sourceId = text(visit, 'source') || sources[0]?.id
  const feeds =
    sourceId === undefined ? [] : await routes.listFeeds({ ...asked, sourceId, limit: MOST })
  const feed = feeds.find(({ id }) => id === text(visit, 'feed')) ?? feeds[0]
  const events = EVENTS.filter(
    ({ dataModel }) => feed?.dataModel == null || feed.dataModel === dataModel,
  )
  const event =
    events.find(({ value }) => value === text(visit, 'event')) ??
    events.find(({ value }) => value === 'Device:New') ??
    events[0]
  const body =
    sourceId === undefined || feed === undefined || event === undefined
      ? html`${sources.length > 1 ? chooser(sources, sourceId, [], []) : nothing}${nowhere(sourceId)}`
      : html`${tested?.ok ? answerShown(tested.value) : refused(messageOf(refusal))}
        ${chooser(sources, sourceId, feeds, events, feed.id, event.value)}
        ${await warnings(visit, sourceId, feed)}
        <section class="card"><h2>The message</h2>${form(
          visit.formToken,
          HERE,
          html`${hidden('source', sourceId)}${hidden('feed', feed.id)}${hidden('event', event.value)}
            ${area({
              name: 'body',
              label: 'Body',
              code: true,
              hint: 'Change what you like, but leave Meta.Test. Put nobody’s health data into it. Another choice above brings another sample.',
              value:
                visit.given.get('body') ??
                deps.testBench.sampleOf({
                  ...event,
                  sourceId,
                  destinationId: feed.destination.id,
                  now: visit.now,
                }),
            })}
            <div class="row">${submit('Send it')}${link(MESSAGES, tested?.ok !== true ? 'Cancel' : 'To the messages', 'quiet')}</div>`,
        )}</section>`
  const head = {
    title: 'Send a test message',
    about:
      'It is judged, stored and delivered like the source’s own messages, but marked as a test. The audit says who sent it.',
    crumbs: ABOVE_MESSAGE,
  }
  return page(visit, head, body, statusOf(refusal))
}

function chooser(
  sources: readonly Source[],
  sourceId: string | undefined,
  feeds: readonly ListedFeed[],
  events: readonly Event[],
  feedId = '',
  event = '',
): Html {
  const named = sources.map(({ id, name }) => ({ value: id, text: name }))
  return html`
  <form class="filters" method="get" action="${HERE}" aria-label="What is sent" data-filter>
    ${
      sources.length > MOST
        ? field({ name: 'source', label: 'Source id', value: sourceId ?? '', spellcheck: false })
        : select({ name: 'source', label: 'Source', value: sourceId, choices: named })
    }
    ${
      feeds.length === 0
        ? nothing
        : html`${select({
            name: 'feed',
            label: 'Destination',
            value: feedId,
            choices: feeds.map((feed) => ({
              value: feed.id,
              text:
                feed.dataModel === null
                  ? feed.destination.name
                  : `${feed.destination.name} (${feed.dataModel} only)`,
            })),
          })}${select({ name: 'event', label: 'Event', value: event, choices: events })}`
    }
    ${submit('Show its sample', '')}
  </form>`
}

const nowhere = (sourceId: string | undefined): Html =>
  html`<section class="card flush">${
    sourceId === undefined
      ? empty(
          'There is no source to send as',
          'Add one, make a key for it, and subscribe it to a destination.',
          link(`${SOURCES}/new`, 'Add a source', 'primary'),
        )
      : empty(
          'This source is not subscribed to anything',
          'Whatever it sends is refused until it is.',
          link(`${FEEDS}/new?source=${sourceId}`, 'Subscribe it to a destination', 'primary'),
        )
  }</section>`

/** What will have it refused, each with where to mend it. It can be sent all the same: to see the refusal. */
async function warnings(visit: Visit, sourceId: string, feed: ListedFeed): Promise<Html> {
  const key = await visit.desk.routes.findKeyOf(sourceId)
  const because = [
    ...(key.ok && key.value === null
      ? [html`The source has no key: <a href="${KEYS}/new?dialect=redox">make one</a>.`]
      : []),
    ...(key.ok && key.value?.status === 'disabled'
      ? [html`The source’s key is disabled: <a href="${KEYS}/${key.value.id}">enable it</a>.`]
      : []),
    ...(feed.status === 'paused'
      ? [html`The feed is paused: <a href="${FEEDS}/${feed.id}">resume it</a>.`]
      : []),
    ...(feed.destination.verifiedAt === null
      ? [
          html`The destination is not verified: <a href="${DESTINATIONS}/${feed.destination.id}">verify it</a>.`,
        ]
      : []),
  ]
  if (because.length === 0) return nothing
  return notice('warn', 'It will be refused', html`${because.map((each) => html`<p>${each}</p>`)}`)
}

import type { Done, Refusal } from '../../../service/operator.ts'
import type { ListedFeed } from '../../../service/ports/lists.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { plural } from '../parts/words.ts'
import { problem } from '../problem.ts'
import { part, type Visit } from '../visit.ts'
import { ABOVE_FEED, FEEDS } from './paths.ts'

/** What each verb asks before it is done; what cannot be taken back, and what has others refused. */
const VERBS = {
  pause: {
    title: 'Pause the feed?',
    text: (feed: ListedFeed) =>
      `What ${feed.source.name} sends to ${feed.destination.name} is refused until the feed is resumed.${feed.queued === 0 ? '' : ` What is queued waits: ${plural(feed.queued, 'message')}.`}`,
    button: 'Pause the feed',
    look: 'primary',
    work: ({ desk }: Visit, id: string): Promise<Done<unknown>> =>
      desk.routes.setSubscriptionStatus(id, 'paused'),
    to: (id: string) => `${FEEDS}/${id}`,
    // Its page says so itself, and what follows from it.
    said: undefined,
  },
  purge: {
    title: 'Empty the queue?',
    text: (feed: ListedFeed) =>
      `${plural(feed.queued, 'message')} that ${feed.source.name} has sent will not reach ${feed.destination.name}. They are marked as skipped. Each can be replayed as long as its payload is kept: not for long, unless LATCHKEY_RETENTION_DAYS says so.`,
    button: 'Empty the queue',
    look: 'danger primary',
    work: ({ desk }: Visit, id: string): Promise<Done<unknown>> => desk.routes.purge(id),
    to: (id: string) => `${FEEDS}/${id}`,
    said: 'feed-purged',
  },
  remove: {
    title: 'Unsubscribe?',
    text: (feed: ListedFeed) =>
      `What ${feed.source.name} sends to ${feed.destination.name} is refused from now on. What was delivered stays in the list of messages.${feed.queued === 0 ? '' : ` Its queue has to be empty first: it holds ${plural(feed.queued, 'message')}.`}`,
    button: 'Unsubscribe',
    look: 'danger primary',
    work: ({ desk }: Visit, id: string): Promise<Done<unknown>> => desk.routes.unsubscribe(id),
    to: () => FEEDS,
    said: 'subscription-removed',
  },
} as const

type FeedVerb = keyof typeof VERBS

export function mountFeedVerbs(area: Area): void {
  for (const verb of Object.keys(VERBS) as FeedVerb[]) {
    const path = `${FEEDS}/:id/${verb}`
    area.show(path, 'routes.write', (visit) => ask(visit, verb, null))
    area.act(path, 'routes.write', async (visit) => {
      const id = part(visit, 'id')
      const { work, to, said } = VERBS[verb]
      const done = await work(visit, id)
      return done.ok ? seeOther(visit.c, to(id), said) : ask(visit, verb, done.failure)
    })
  }
}

async function ask(visit: Visit, verb: FeedVerb, refusal: Refusal | null): Promise<Response> {
  const id = part(visit, 'id')
  const found = await visit.desk.routes.findListedFeed(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const feed = found.value
  const { title, text, button, look } = VERBS[verb]
  const name = `${feed.source.name} to ${feed.destination.name}`
  return confirm(visit, {
    title,
    button,
    look,
    refusal,
    text: text(feed),
    crumbs: [...ABOVE_FEED, { href: `${FEEDS}/${id}`, text: name }],
    back: `${FEEDS}/${id}`,
  })
}

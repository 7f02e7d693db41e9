import { html } from 'hono/html'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { Source } from '../../../../service/ports/routing.ts'
import { buttonLink } from '../../components/form.ts'
import { badge, copyableText, emptyState, type Html, nothing } from '../../components/html.ts'
import type { PageContext } from '../../context.ts'
import {
  formatKeyPath,
  MESSAGES_PATH,
  NEW_KEY_PATH,
  SOURCES_PATH,
  SUBSCRIPTIONS_PATH,
  TEST_MESSAGE_PATH,
} from '../../navigation.ts'
import { mountCreation } from '../../resource/changes.ts'
import { mountList } from '../../resource/list.ts'
import { mountPage } from '../../resource/page.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import { subscriptionsCard } from './routing-components.ts'

const SOURCES: Resource<Source> = {
  group: 'sources',
  noun: 'source',
  path: SOURCES_PATH,
  find: ({ services }, id) => services.sources.find(id),
  getName: ({ name }) => name,
}

export function mountSourcePages(router: ConsoleRouter): void {
  mountList(router, SOURCES, {
    load: ({ services }, page) => services.sources.list(page),
    loadColumns: async () => [
      { name: 'Source id', cell: ({ id, name }) => copyableText(id, `the source id of ${name}`) },
    ],
  })
  mountCreation(router, SOURCES)
  mountPage(router, SOURCES, {
    reads: ['sources.key', 'subscriptions.list'],
    edits: ['rename'],
    actions: [{ verb: 'delete', isDangerous: true, findObstacle: findSourceObstacle }],
    loadParts: async (context, source) => {
      const { id } = source
      const key = await context.services.sources.findKey(id)
      const subscribeLink = context.canPerform('subscriptions.create')
        ? buttonLink(`${SUBSCRIPTIONS_PATH}/new?sourceId=${id}`, 'Add subscription', 'primary')
        : nothing
      const testLink = context.canPerform('sources.sendTestMessage')
        ? buttonLink(`${TEST_MESSAGE_PATH}?source=${id}`, 'Send test message')
        : nothing
      return {
        facts: [
          ['Key', sourceKeyDetail(context, source, key.ok ? key.value : null)],
          ['Messages', html`<a href="${MESSAGES_PATH}?source=${id}">View its messages</a>`],
        ],
        actions: html`${testLink}${subscribeLink}`,
        wideCards: await subscriptionsCard(
          context,
          { sourceId: id },
          'Destinations of its messages',
          () =>
            emptyState(
              'No subscriptions yet',
              'Messages of this source are refused until it is subscribed to a destination.',
              subscribeLink,
            ),
        ),
      }
    },
  })
}

/** A revoked key and a stored message also keep the source; the service finds those. */
async function findSourceObstacle({ id }: Source, { services }: PageContext): Promise<Html | null> {
  const [key, [subscription]] = await Promise.all([
    services.sources.findKey(id),
    services.subscriptions.list({ sourceId: id, limit: 1 }),
  ])
  if (key.ok && key.value !== null)
    return html`The key <a href="${formatKeyPath(key.value)}">${key.value.name}</a> belongs to it, and stays with its source: revoke the key to end its use.`
  return subscription === undefined
    ? null
    : html`It has subscriptions. Delete <a href="${SUBSCRIPTIONS_PATH}?source=${id}">its subscriptions</a> first.`
}

function sourceKeyDetail(
  context: PageContext,
  { id, accountId }: Source,
  key: KeySummary | null,
): Html {
  if (key !== null)
    return html`<a href="${formatKeyPath(key)}">${key.name}</a> ${key.status === 'enabled' ? badge('Enabled', 'good') : badge(key.status === 'disabled' ? 'Disabled' : 'Revoked', 'bad')}`
  const query = new URLSearchParams({ 'key-type': 'redox', account: accountId, source: id })
  return html`${badge('None', 'warn')}: it cannot send messages.${
    context.canPerform('keys.create')
      ? html` <a href="${NEW_KEY_PATH}?${query}">Create key</a>`
      : nothing
  }`
}

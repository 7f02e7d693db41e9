import { html } from 'hono/html'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import {
  badge,
  copyableText,
  emptyState,
  type Html,
  nothing,
  notice,
} from '../../components/html.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { DESTINATIONS_PATH, MESSAGES_PATH, SUBSCRIPTIONS_PATH } from '../../navigation.ts'
import { mountCreation } from '../../resource/creation.ts'
import { mountList } from '../../resource/list.ts'
import { mountPage, type ResourcePage, renderRow } from '../../resource/page.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import { handshakeCard, handshakeRequest, type RoutingPageDeps } from './handshake.ts'
import { subscriptionsCard, verificationBadge } from './routing-components.ts'

const DESTINATIONS: Resource<DestinationSummary> = {
  group: 'destinations',
  noun: 'destination',
  path: DESTINATIONS_PATH,
  find: ({ services }, id) => services.destinations.find(id),
  getName: ({ name }) => name,
  cells: {
    url: ({ url, name }) => (url === null ? 'None yet' : copyableText(url, `the URL of ${name}`)),
    verifiedAt: ({ verifiedAt }, { now }) =>
      html`${verificationBadge(verifiedAt)}${verifiedAt === null ? nothing : html` <span class="sub">${relativeTime(verifiedAt, now)}</span>`}`,
    development: ({ development }) =>
      development ? html`${badge('Allowed', 'warn')} for development` : 'Refused',
    hasToken: ({ hasToken }) =>
      hasToken
        ? 'Set, never shown'
        : html`${badge('None', 'warn')}: it cannot identify the sender.`,
  },
}

export function mountDestinationPages(router: ConsoleRouter, deps: RoutingPageDeps): void {
  const page = createDestinationPage(deps)
  mountList(router, DESTINATIONS, {
    load: ({ services }, listPage) => services.destinations.list(listPage),
    loadColumns: async () => [
      {
        name: 'Destination id',
        cell: ({ id, name }) => copyableText(id, `the destination id of ${name}`),
      },
    ],
  })
  mountCreation(router, DESTINATIONS)
  mountPage(router, DESTINATIONS, page)
  // The response itself shows the handshake. A reload repeats it, which is harmless.
  router.form(`${DESTINATIONS_PATH}/:id/verify`, 'destinations.verify', async (context) => {
    const id = getPathId(context, 'id')
    const result = await context.services.destinations.verify(id)
    return result.ok
      ? renderRow(
          context,
          DESTINATIONS,
          page,
          id,
          null,
          handshakeCard(result.value, exactTime(context.now)),
        )
      : renderRow(context, DESTINATIONS, page, id, result.failure)
  })
}

const createDestinationPage = (deps: RoutingPageDeps): ResourcePage<DestinationSummary> => ({
  reads: ['subscriptions.list'],
  edits: ['rename', 'setUrl', 'setToken'],
  actions: [
    {
      verb: 'markVerified',
      isOffered: ({ verifiedAt }) => verifiedAt === null,
      details: ({ name, url }) =>
        `Health data is then sent to ${name} at ${url ?? 'no URL yet'} without proof that the URL belongs to it. If it can return a challenge, verify it instead.`,
    },
    {
      verb: 'markUnverified',
      isDangerous: true,
      isOffered: ({ verifiedAt }) => verifiedAt !== null,
      details: () => 'Queued messages are still sent: pause its subscriptions to stop them.',
    },
    { verb: 'delete', isDangerous: true },
  ],
  loadParts: async (context, destination) => {
    const { id, hasToken } = destination
    return {
      facts: [
        ['Messages', html`<a href="${MESSAGES_PATH}?destination=${id}">View its messages</a>`],
      ],
      notice: context.path.endsWith('/verify') ? nothing : unverifiedNotice(context, destination),
      cards: html`<section class="card"><h2>Verification</h2>
        <p>Latchkey sends this request. The destination answers 2xx with the unchanged challenge in the body. That proves that the URL belongs to it${hasToken ? ' and that both sides have the same token' : ''}.</p>
        ${handshakeRequest(deps, destination)}</section>`,
      wideCards: await subscriptionsCard(
        context,
        { destinationId: id },
        'Sources that send to it',
        () =>
          emptyState(
            'No subscriptions yet',
            'Nothing is sent to this destination until a source is subscribed.',
            context.canPerform('subscriptions.create')
              ? buttonLink(`${SUBSCRIPTIONS_PATH}/new?destinationId=${id}`, 'Add subscription')
              : nothing,
          ),
      ),
      actions: verifyButton(context, destination),
    }
  },
})

function unverifiedNotice(context: PageContext, { url, verifiedAt }: DestinationSummary): Html {
  if (verifiedAt !== null) return nothing
  if (url === null) {
    const next = 'Set a URL below, then verify the destination.'
    return notice('warn', 'This destination has no URL', next)
  }
  return notice(
    'warn',
    'This destination is not verified',
    context.canPerform('destinations.verify')
      ? 'Nothing is sent to it until it is verified. Verification takes up to a minute.'
      : 'Nothing is sent to it until it is verified. An engineer of your account can verify it.',
  )
}

const verifyButton = (context: PageContext, { id, url, verifiedAt }: DestinationSummary): Html =>
  url === null || !context.canPerform('destinations.verify')
    ? nothing
    : actionButton(
        context.formToken,
        `${DESTINATIONS_PATH}/${id}/verify`,
        verifiedAt === null ? 'Verify destination' : 'Verify again',
        { variant: verifiedAt === null ? 'primary' : '' },
      )

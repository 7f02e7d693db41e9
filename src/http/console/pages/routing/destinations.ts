import { html } from 'hono/html'
import type { Handshake } from '../../../../service/messages/routing.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import { createHandshakeRequest } from '../../../webhook-client.ts'
import { actionButton, buttonLink } from '../../components/form.ts'
import {
  badge,
  copyableText,
  emptyState,
  exactTime,
  type Html,
  nothing,
  notice,
  relativeTime,
} from '../../components/html.ts'
import { timeline } from '../../components/table.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { DESTINATIONS_PATH, MESSAGES_PATH, SUBSCRIPTIONS_PATH } from '../../navigation.ts'
import { mountCreation } from '../../resource/changes.ts'
import { mountList } from '../../resource/list.ts'
import { mountPage, type ResourcePage, renderRow } from '../../resource/page.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
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
    const id = getPathId(context)
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

/** Unreserved characters only, so that a query shows it unescaped. */
const TOKEN_PLACEHOLDER = '********'
const CHALLENGE_PLACEHOLDER = 'a-new-text-each-time'

export interface RoutingPageDeps {
  /** The name of this server in the handshake with destinations. */
  readonly applicationName: string
}

/** Shows the request of the handshake, with placeholders for the token and the challenge. */
function handshakeRequest(
  { applicationName }: RoutingPageDeps,
  { id, url, method, development, hasToken }: DestinationSummary,
): Html {
  if (url === null) return nothing
  const verificationToken = hasToken ? TOKEN_PLACEHOLDER : null
  const endpoint = { id, url, method, development, verificationToken }
  const request = createHandshakeRequest(
    applicationName,
    endpoint,
    new URL(url),
    CHALLENGE_PLACEHOLDER,
  )
  const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}`)
  const line = `${request.method} ${request.url.href}`
  const body = request.body === null ? [] : ['', request.body]
  return html`<pre class="wrap" tabindex="0" aria-label="The request of the handshake">${[line, ...headers, ...body].join('\n')}</pre>`
}

function handshakeCard(handshake: Handshake, at: Html): Html {
  const { verified, request, response, ms } = handshake
  const hasResponse = response.outcome === 'delivered' || response.outcome === 'refused'
  const durationText = `after ${ms.toLocaleString('en')} ms`
  return html`<section class="card" aria-label="Handshake"><h2>Handshake</h2>
    ${
      verified
        ? notice(
            'good',
            'The destination is verified',
            'It returned the challenge. Messages can be sent to it.',
          )
        : notice(
            'bad',
            'The destination was not verified',
            suggestHandshakeFix(handshake) + formatStillVerified(handshake),
          )
    }
    ${timeline([
      {
        title: 'Request',
        when: at,
        text: html`<code>${request.method} ${request.url ?? 'no URL'}</code>`,
      },
      {
        title: hasResponse ? `Response ${response.status}` : 'No response',
        when: html`<span class="soft small">${durationText}</span>`,
        text: responseExcerpt(response),
        tone: response.outcome === 'delivered' ? 'good' : 'bad',
      },
      ...(response.outcome === 'delivered'
        ? [
            {
              title: response.challenged
                ? 'The response contained the challenge'
                : 'The response did not contain the challenge',
              when: nothing,
              tone: response.challenged ? ('good' as const) : ('bad' as const),
            },
          ]
        : []),
    ])}</section>`
}

const formatStillVerified = ({ destination }: Handshake): string =>
  destination.verifiedAt === null
    ? ''
    : ' It stays verified as before. To stop sending to it, mark it as unverified.'

function responseExcerpt(response: Handshake['response']): Html | undefined {
  if (response.outcome === 'delivered') return undefined
  const text = response.outcome === 'refused' ? response.excerpt : response.detail
  return text === '' ? undefined : html`<code>${text}</code>`
}

function suggestHandshakeFix({ response }: Handshake): string {
  switch (response.outcome) {
    case 'delivered':
      return 'The response was successful, but did not contain the challenge. The destination must return the challenge unchanged in its response body.'
    case 'forbidden':
      return 'Nothing was sent, because this server may not connect to that address. Check the URL. The operator must allow private networks (LATCHKEY_DESTINATIONS_ALLOWED).'
    case 'failed':
      return 'Check the URL, that this server can reach it, and that its certificate is valid. Then verify again.'
    case 'refused':
      return suggestStatusFix(response.status)
  }
}

function suggestStatusFix(status: number): string {
  if (status === 401 || status === 403) {
    return 'The destination does not accept the token. Agree on a new token, and set it here.'
  }
  if (status === 404 || status === 405) {
    return 'The destination does not accept the handshake at this URL. Check the path, and whether it expects POST or GET.'
  }
  if (status >= 300 && status < 400) {
    return 'The destination redirected the request. Redirects are not followed: set the final URL.'
  }
  return status >= 500
    ? 'The destination failed. Its log should say why.'
    : 'The destination refused the request. Its log should say why.'
}

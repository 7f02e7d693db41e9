import { html } from 'hono/html'
import type { Handshake } from '../../../../service/messages/routing.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import { createHandshakeRequest } from '../../../webhook-client.ts'
import { type Html, nothing, notice } from '../../components/html.ts'
import { timeline } from '../../components/table.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { DESTINATIONS_PATH, formatDestinationPath, toDestinationCrumbs } from '../../navigation.ts'
import type { ConsoleRouter } from '../../router.ts'
import type { RoutingPageDeps } from './routing.ts'

/** Unreserved characters only, so that a query shows it unescaped. */
const TOKEN_PLACEHOLDER = '********'
const CHALLENGE_PLACEHOLDER = 'a-new-text-each-time'

/** Shows the request of the handshake, with placeholders for the token and the challenge. */
export function handshakeRequest(
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
  return html`<pre class="wrap" tabindex="0" aria-label="What it is asked">${[line, ...headers, ...body].join('\n')}</pre>`
}

export function handshakeCard(handshake: Handshake, at: Html): Html {
  const { verified, asked, answered, ms } = handshake
  const hasResponse = answered.outcome === 'delivered' || answered.outcome === 'refused'
  const durationText = `after ${ms.toLocaleString('en')} ms`
  return html`<section class="card" aria-label="The handshake"><h2>The handshake</h2>
    ${
      verified
        ? notice('good', 'It is verified', 'It repeated the challenge: messages can be sent to it.')
        : notice(
            'bad',
            'It is not verified by this',
            suggestHandshakeFix(handshake) + formatStillVerified(handshake),
          )
    }
    ${timeline([
      {
        title: 'Asked',
        when: at,
        text: html`<code>${asked.method} ${asked.url ?? 'no URL'}</code>`,
      },
      {
        title: hasResponse ? `It answered ${answered.status}` : 'There was no answer',
        when: html`<span class="soft small">${durationText}</span>`,
        text: responseExcerpt(answered),
        tone: answered.outcome === 'delivered' ? 'good' : 'bad',
      },
      ...(answered.outcome === 'delivered'
        ? [
            {
              title: answered.challenged
                ? 'The challenge was in it'
                : 'The challenge was not in it',
              when: nothing,
              tone: answered.challenged ? ('good' as const) : ('bad' as const),
            },
          ]
        : []),
    ])}</section>`
}

const formatStillVerified = ({ destination }: Handshake): string =>
  destination.verifiedAt === null
    ? ''
    : ' It stays verified, as it was before: doubt it if it is not to be believed any more.'

function responseExcerpt(response: Handshake['answered']): Html | undefined {
  if (response.outcome === 'delivered') return undefined
  const text = response.outcome === 'refused' ? response.excerpt : response.detail
  return text === '' ? undefined : html`<code>${text}</code>`
}

function suggestHandshakeFix({ answered }: Handshake): string {
  switch (answered.outcome) {
    case 'delivered':
      return 'It answered well, but without the challenge: its answer must hold the text that it was asked to repeat, as it is.'
    case 'forbidden':
      return 'Nothing was sent: this server may not reach it. Check the URL. One in a network of your own must be allowed by the operator (LATCHKEY_DESTINATIONS_ALLOWED).'
    case 'failed':
      return 'Check that the URL is right, that it can be reached from this server, and that its certificate is valid. Then verify again.'
    case 'refused':
      return suggestStatusFix(answered.status)
  }
}

function suggestStatusFix(status: number): string {
  if (status === 401 || status === 403) {
    return 'It does not know the token: agree on it again, and set it here.'
  }
  if (status === 404 || status === 405) {
    return 'It does not take this at that URL: check the path, and whether it is asked by POST or by GET.'
  }
  if (status >= 300 && status < 400) {
    return 'It sent us elsewhere, which is not followed: set the URL where it really is.'
  }
  return status >= 500
    ? 'It failed at its side: its log should say why, at this moment.'
    : 'It refused: its log should say why, at this moment.'
}

const MARK_VERIFIED_ACTIONS = {
  vouch: {
    title: (name: string) => `Vouch for ${name}?`,
    text: (name: string, url: string) =>
      `From now on health data is sent to ${name} at ${url}, on your word that the URL is theirs. If it can repeat a challenge, verify it instead. The audit says who vouched.`,
    button: 'Vouch for it',
    variant: 'primary',
    flash: 'destination-vouched',
  },
  doubt: {
    title: (name: string) => `Doubt ${name}?`,
    text: (name: string, url: string) =>
      `What sources send to ${name} at ${url} is refused from now on, until it is verified again. What is queued already still goes out: pause its feeds to hold that back.`,
    button: 'Doubt it',
    variant: 'danger primary',
    flash: 'destination-doubted',
  },
} as const

/** Mounts the pages that mark a destination as verified without a challenge, or as unverified. */
export function mountMarkVerifiedPages(router: ConsoleRouter): void {
  for (const action of ['vouch', 'doubt'] as const) {
    const { title, text, button, variant, flash } = MARK_VERIFIED_ACTIONS[action]
    mountConfirmedAction(router, {
      path: `${DESTINATIONS_PATH}/:id/${action}`,
      permission: 'destinations.vouch',
      find: ({ services }, id) => services.routing.findDestination(id),
      question: ({ id, name, url }) => ({
        heading: title(name),
        button,
        variant,
        text: text(name, url ?? 'no URL yet'),
        crumbs: toDestinationCrumbs({ id, name }),
        cancelPath: formatDestinationPath(id),
      }),
      run: ({ services }, id) => services.routing.setDestinationVerified(id, action === 'vouch'),
      flash,
      next: formatDestinationPath,
    })
  }
}

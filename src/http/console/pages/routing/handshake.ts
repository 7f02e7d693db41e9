import { html } from 'hono/html'
import type { Handshake } from '../../../../service/messages/routing.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import { createHandshakeRequest } from '../../../webhook-client.ts'
import { type Html, nothing, notice } from '../../components/html.ts'
import { timeline } from '../../components/table.ts'

/** Unreserved characters only, so that a query shows it unescaped. */
const TOKEN_PLACEHOLDER = '********'
const CHALLENGE_PLACEHOLDER = 'a-new-text-each-time'

export interface RoutingPageDeps {
  /** The name of this server in the handshake with destinations. */
  readonly applicationName: string
}

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
  return html`<pre class="wrap" tabindex="0" aria-label="The request of the handshake">${[line, ...headers, ...body].join('\n')}</pre>`
}

export function handshakeCard(handshake: Handshake, at: Html): Html {
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

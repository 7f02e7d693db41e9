import { html } from 'hono/html'
import type { DestinationSummary } from '../../../service/ports.ts'
import type { Handshake } from '../../../service/routes.ts'
import { handshakeWith } from '../../courier.ts'
import { type Html, nothing } from '../parts/html.ts'
import { timeline } from '../parts/list.ts'
import { notice } from '../parts/words.ts'
import type { RouteScreenDeps } from './deps.ts'

/** No character of it is written otherwise in a query. */
const HIDDEN = '********'
const CHALLENGE = 'a-new-text-each-time'

/** The request of the handshake as it goes out, but for the token and the challenge. */
export function questionOf(
  { applicationName }: RouteScreenDeps,
  { id, url, method, development, hasToken }: DestinationSummary,
): Html {
  if (url === null) return nothing
  const verificationToken = hasToken ? HIDDEN : null
  const address = { id, url, method, development, verificationToken }
  const asked = handshakeWith(applicationName, address, new URL(url), CHALLENGE)
  const headers = Object.entries(asked.headers).map(([name, value]) => `${name}: ${value}`)
  const line = `${asked.method} ${asked.url.href}`
  const body = asked.body === null ? [] : ['', asked.body]
  return html`<pre class="wrap" tabindex="0" aria-label="What it is asked">${[line, ...headers, ...body].join('\n')}</pre>`
}

/** What came of a handshake, step by step, and what to do next. */
export function handshakeDrawn(handshake: Handshake, at: Html): Html {
  const { verified, asked, answered, ms } = handshake
  const isAnswer = answered.outcome === 'delivered' || answered.outcome === 'refused'
  const took = `after ${ms.toLocaleString('en')} ms`
  return html`<section class="card" aria-label="The handshake"><h2>The handshake</h2>
    ${
      verified
        ? notice('good', 'It is verified', 'It repeated the challenge: messages can be sent to it.')
        : notice('bad', 'It is not verified by this', adviceOn(handshake) + stays(handshake))
    }
    ${timeline([
      {
        title: 'Asked',
        when: at,
        text: html`<code>${asked.method} ${asked.url ?? 'no URL'}</code>`,
      },
      {
        title: isAnswer ? `It answered ${answered.status}` : 'There was no answer',
        when: html`<span class="soft small">${took}</span>`,
        text: answerText(answered),
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

const stays = ({ destination }: Handshake): string =>
  destination.verifiedAt === null
    ? ''
    : ' It stays verified, as it was before: doubt it if it is not to be believed any more.'

function answerText(answered: Handshake['answered']): Html | undefined {
  if (answered.outcome === 'delivered') return undefined
  const text = answered.outcome === 'refused' ? answered.excerpt : answered.detail
  return text === '' ? undefined : html`<code>${text}</code>`
}

function adviceOn({ answered }: Handshake): string {
  switch (answered.outcome) {
    case 'delivered':
      return 'It answered well, but without the challenge: its answer must hold the text that it was asked to repeat, as it is.'
    case 'forbidden':
      return 'Nothing was sent: this server may not reach it. Check the URL. One in a network of your own must be allowed by the operator (LATCHKEY_DESTINATIONS_ALLOWED).'
    case 'failed':
      return 'Check that the URL is right, that it can be reached from this server, and that its certificate is valid. Then verify again.'
    case 'refused':
      return onStatus(answered.status)
  }
}

function onStatus(status: number): string {
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

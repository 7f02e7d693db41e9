import { html } from 'hono/html'
import type { Tested } from '../../test-bench.ts'
import { type Html, nothing } from '../parts/html.ts'
import { coded, notice } from '../parts/words.ts'
import { indented } from './indented.ts'
import { MESSAGES } from './paths.ts'

/** So many characters of what a destination found are shown. */
const SHOWN = 8_000

/** The answer as a vendor gets it; beside it, what the vendor is not told. */
export function answerShown({ reply, refusal, messageId }: Tested): Html {
  const body = indented(reply.body)
  const lines = Object.entries(reply.headers ?? {}).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${reply.status}`, `Content-Type: ${reply.type}`, ...lines]
  return html`<section class="card" aria-label="The answer"><h2>The answer</h2>
    ${refusal === null ? accepted(messageId) : refusedFor(refusal)}
    <p>This is what the vendor’s program would get:</p>
    <pre class="wrap" tabindex="0">${[...head, '', body.slice(0, SHOWN)].join('\n')}${body.length > SHOWN ? ' …' : nothing}</pre></section>`
}

const accepted = (messageId: string | null): Html =>
  messageId === null
    ? notice(
        'good',
        'The destination has answered',
        'The event waits for an answer, so nothing is stored.',
      )
    : notice(
        'good',
        'It is accepted, and on its way',
        html`<a href="${MESSAGES}/${messageId}">Watch it go</a>`,
      )

const refusedFor = ({ sentence, advice }: NonNullable<Tested['refusal']>): Html =>
  notice('bad', 'It was refused', html`${sentence} ${coded(advice ?? '')}`)

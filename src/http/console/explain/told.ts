import { html } from 'hono/html'
import type { Decision } from '../../../service/explain.ts'
import type { Answered } from '../../answered.ts'
import type { Html } from '../parts/html.ts'

const MEANS: Readonly<Record<number, string>> = {
  400: 'the request itself is wrong, and is so again when it is sent again',
  401: 'the credential opens nothing',
  403: 'the caller is known, and may not do this',
  404: 'there is no such thing',
  413: 'the body is too long',
  429: 'too often: after a while it is taken again',
  502: 'what stands behind this server did not answer as it should',
  503: 'not now: in a moment it is taken again',
  504: 'what stands behind this server did not answer in time',
}

/** What the caller reads, which is often less than what is known here; null where that is not known. */
export function toldCaller(answered: Answered, decision: Decision): Html | null {
  const { action, surface, facts, path } = decision
  if (action !== 'key.refused' || surface === null) return null
  const reply = decision.answer ?? answered(surface, facts, path ?? '')
  if (reply === null) return null
  const means = MEANS[reply.status]
  return html`<p>Status <strong>${reply.status}</strong>${means === undefined ? '' : `: ${means}.`}</p>
    ${decision.answer === null ? html`<p class="soft">The body was not kept. This is the body that such a refusal has.</p>` : ''}<pre tabindex="0" aria-label="The body of the answer"><code>${reply.body}</code></pre>`
}

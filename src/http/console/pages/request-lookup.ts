import { html } from 'hono/html'
import { UNKNOWN_SUBJECT } from '../../../service/audit/buffer.ts'
import type { Decision } from '../../../service/audit/explain.ts'
import type { AuditEventFacts } from '../../../service/ports/audit.ts'
import type { PreviewRefusal } from '../../refusal-preview.ts'
import { REQUEST_ID_HEADER } from '../../reply.ts'
import { submitButton, textField } from '../components/form.ts'
import {
  badge,
  definitionList,
  type Html,
  nothing,
  notice,
  toSentence,
  withCode,
} from '../components/html.ts'
import { exactTime, formatRelative } from '../components/time.ts'
import { getField, type PageContext } from '../context.ts'
import {
  ACCOUNTS_PATH,
  AUDIT_PATH,
  DESTINATIONS_PATH,
  formatKeyPath,
  IP_ALLOWLIST_PATH,
  KEYS_PATH,
  NEW_KEY_PATH,
  REQUEST_LOOKUP_PATH,
  SUBSCRIPTIONS_PATH,
} from '../navigation.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { describeEvent, formatActionTitle, getEventTone } from './audit/event-descriptions.ts'

export function mountRequestLookupPages(router: ConsoleRouter, deps: RequestLookupDeps): void {
  router.page(REQUEST_LOOKUP_PATH, 'requests.explain', (context) =>
    showRequestLookupPage(context, deps),
  )
}

async function showRequestLookupPage(
  context: PageContext,
  { previewRefusal }: RequestLookupDeps,
): Promise<Response> {
  const requestId = getField(context, 'request')
  if (requestId === '') return renderRequestLookupPage(context, requestIdHelp(context))
  const result = await context.services.explain(requestId)
  if (!result.ok) {
    const text = toSentence(result.failure.message)
    return renderRequestLookupPage(
      context,
      html`${notice('warn', 'Nothing is known of that request', text)}${requestIdHelp(context)}`,
    )
  }
  const { decisions } = result.value
  return renderRequestLookupPage(
    context,
    html`
      <ol class="stack decisions" aria-label="What was decided, in order">${decisions.map((decision) => decisionItem(context, decision, previewRefusal))}</ol>
      ${decisions.filter(({ subject }, n) => n === 0 && subject !== UNKNOWN_SUBJECT).map(({ subject, key }) => html`<p><a href="${AUDIT_PATH}?subject=${subject}">${key === null ? 'What else the audit has of this' : `All that the audit has of ${key.name}`}</a></p>`)}`,
  )
}

function decisionItem(
  context: PageContext,
  decision: Decision,
  previewRefusal: PreviewRefusal,
): Html {
  const { action, key, advice, count } = decision
  const reply = callerReply(previewRefusal, decision)
  const remedy = findRemedy(decision.facts)
  return html`
    <li class="card"><header><h2>${formatDecisionTitle(decision)}</h2>${badge(formatActionTitle(action), getEventTone(decision))}</header>
      ${count > 1 ? html`<p class="soft">It stands for ${count.toLocaleString('en')} alike within a second.</p>` : nothing}
      ${definitionList([
        [
          'When',
          html`${exactTime(decision.at)} <span class="soft">${formatRelative(decision.at, context.now)}</span>`,
        ],
        ...optionalEntry(
          'Key',
          key === null
            ? null
            : html`<a href="${formatKeyPath(key)}">${key.name}</a> of ${key.accountName ?? key.accountId}`,
        ),
        ...optionalEntry('From', decision.address),
        ...optionalEntry(
          'Asked for',
          [decision.surface, decision.path].filter(Boolean).join(' at ') || null,
        ),
      ])}
      ${advice === null ? nothing : html`<h3>What helps</h3><p>${withCode(advice)}</p>`}
      ${remedy === null ? nothing : html`<p><a class="button" href="${remedy.href}">${remedy.text}</a></p>`}
      ${reply === null ? nothing : html`<h3>What the caller was told</h3>${reply}`}
    </li>`
}

function renderRequestLookupPage(context: PageContext, content: Html): Promise<Response> {
  const body = html`
    <form class="filters" method="get" action="${REQUEST_LOOKUP_PATH}" role="search" aria-label="A request">
      ${textField({ name: 'request', label: 'Request id', type: 'search', value: getField(context, 'request'), wide: true, spellcheck: false, maxlength: 200, required: true, autofocus: getField(context, 'request') === '' })}
      ${submitButton('Explain')}
    </form>${content}`
  const about = 'What was decided about a request, and what its caller was not told.'
  return renderPage(context, { heading: 'Explain a request', about }, body)
}

const requestIdHelp = (context: PageContext): Html => html`
  <section class="card prose"><h2>Where the id is</h2>
    <ul class="plain">
      <li>In the answer: the header <code class="nowrap">${REQUEST_ID_HEADER}</code>, whatever the answer is.</li>
      <li>In this server’s log: each line of a request has it.</li>
      ${
        context.can('audit.read')
          ? html`<li>In the audit: <a href="${AUDIT_PATH}?what=key.refused">the latest refusals</a>, each with a link to here.</li>`
          : nothing
      }
    </ul></section>`

/** The outcomes of requests, which have a sentence of their own; changes have that of the audit. */
const REQUEST_ACTIONS = [
  'key.refused',
  'session.refused',
  'token.issued',
  'token.refreshed',
  'grant.reused',
]
const formatDecisionTitle = (decision: Decision): string =>
  REQUEST_ACTIONS.includes(decision.action)
    ? decision.sentence
    : describeEvent({ action: decision.action, facts: decision.facts })

const optionalEntry = (term: string, value: Html | string | null): [string, Html | string][] =>
  value === null ? [] : [[term, value]]

export interface RequestLookupDeps {
  readonly previewRefusal: PreviewRefusal
}

interface Remedy {
  readonly href: string
  readonly text: string
}

/** Finds the console page that helps against a refusal; null where there is none. */
function findRemedy({ reason, keyId, destinationId }: AuditEventFacts): Remedy | null {
  switch (reason) {
    case 'key_unknown':
      return { href: KEYS_PATH, text: 'Look through the keys' }
    case 'secret_wrong':
    case 'key_disabled':
    case 'key_unassigned':
    case 'refresh_reused':
    case 'permission_missing':
      return { href: `${KEYS_PATH}/${keyId}`, text: 'To the key' }
    case 'key_revoked':
    case 'key_expired':
      return { href: NEW_KEY_PATH, text: 'Create another key' }
    case 'address_refused':
      return { href: IP_ALLOWLIST_PATH, text: 'To the addresses' }
    case 'account_closed':
      return { href: ACCOUNTS_PATH, text: 'To the accounts' }
    case 'destination_not_subscribed':
      return { href: SUBSCRIPTIONS_PATH, text: 'To the feeds' }
    case 'destination_unverified':
    case 'destination_failed':
    case 'destination_timed_out':
      return { href: `${DESTINATIONS_PATH}/${destinationId}`, text: 'To the destination' }
    default:
      return null
  }
}

const STATUS_MEANINGS: Readonly<Record<number, string>> = {
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

/** Shows the response that the caller received, or one like it; null where neither is known. */
function callerReply(previewRefusal: PreviewRefusal, decision: Decision): Html | null {
  const { action, surface, facts, path } = decision
  if (action !== 'key.refused' || surface === null) return null
  const reply = decision.answer ?? previewRefusal(surface, facts, path ?? '')
  if (reply === null) return null
  const meaning = STATUS_MEANINGS[reply.status]
  return html`<p>Status <strong>${reply.status}</strong>${meaning === undefined ? '' : `: ${meaning}.`}</p>
    ${decision.answer === null ? html`<p class="soft">The body was not kept. This is the body that such a refusal has.</p>` : ''}<pre tabindex="0" aria-label="The body of the answer"><code>${reply.body}</code></pre>`
}

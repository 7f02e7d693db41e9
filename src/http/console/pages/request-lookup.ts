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
  exactTime,
  formatRelative,
  type Html,
  nothing,
  notice,
  toSentence,
  withCode,
} from '../components/html.ts'
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
  SUNSETS_PATH,
} from '../navigation.ts'
import { renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import { describeEvent, formatActionTitle, getEventTone } from './event-descriptions.ts'

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
  const result = await context.services.audit.explain(requestId)
  if (!result.ok) {
    const text = toSentence(result.failure.message)
    return renderRequestLookupPage(
      context,
      html`${notice('warn', 'This request is not recorded', text)}${requestIdHelp(context)}`,
    )
  }
  const { decisions } = result.value
  return renderRequestLookupPage(
    context,
    html`
      <ol class="stack decisions" aria-label="Decisions, in order">${decisions.map((decision) => decisionItem(context, decision, previewRefusal))}</ol>
      ${decisions.filter(({ subject }, n) => n === 0 && subject !== UNKNOWN_SUBJECT).map(({ subject, key }) => html`<p><a href="${AUDIT_PATH}?subject=${subject}">${key === null ? 'View more events in the audit' : `View all events about ${key.name} in the audit`}</a></p>`)}`,
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
      ${count > 1 ? html`<p class="soft">This entry stands for ${count.toLocaleString('en')} similar requests.</p>` : nothing}
      ${definitionList([
        [
          'Time',
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
          'Requested',
          [decision.surface, decision.path].filter(Boolean).join(' at ') || null,
        ),
      ])}
      ${advice === null ? nothing : html`<h3>Advice</h3><p>${withCode(advice)}</p>`}
      ${remedy === null ? nothing : html`<p><a class="button" href="${remedy.href}">${remedy.text}</a></p>`}
      ${reply === null ? nothing : html`<h3>Response to the caller</h3>${reply}`}
    </li>`
}

function renderRequestLookupPage(context: PageContext, content: Html): Promise<Response> {
  const body = html`
    <form class="filters" method="get" action="${REQUEST_LOOKUP_PATH}" role="search" aria-label="Request lookup">
      ${textField({ name: 'request', label: 'Request id', type: 'search', value: getField(context, 'request'), wide: true, spellcheck: false, maxlength: 200, required: true, autofocus: getField(context, 'request') === '' })}
      ${submitButton('Look up request')}
    </form>${content}`
  const about = 'The decisions about a request, with details that its caller did not receive.'
  return renderPage(context, { heading: 'Request lookup', about }, body)
}

const requestIdHelp = (context: PageContext): Html => html`
  <section class="card prose"><h2>Where to find the request id</h2>
    <ul class="plain">
      <li>In every response: the header <code class="nowrap">${REQUEST_ID_HEADER}</code>.</li>
      <li>In the log of this server: every line about the request.</li>
      ${
        context.can('audit.read')
          ? html`<li>In the audit: <a href="${AUDIT_PATH}?what=key.refused">the latest refusals</a>, each with a link to this page.</li>`
          : nothing
      }
    </ul></section>`

/** The outcomes of requests, which have a sentence of their own; changes have that of the audit. */
const REQUEST_ACTIONS = [
  'key.refused',
  'session.refused',
  'token.issued',
  'token.refreshed',
  'token.revoked',
  'grant.revoked',
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
      return { href: KEYS_PATH, text: 'View keys' }
    case 'secret_wrong':
    case 'secret_unverifiable':
    case 'key_disabled':
    case 'key_unassigned':
    case 'refresh_reused':
    case 'permission_missing':
      return { href: `${KEYS_PATH}/${keyId}`, text: 'View key' }
    case 'key_revoked':
    case 'key_expired':
      return { href: NEW_KEY_PATH, text: 'Create key' }
    case 'address_refused':
      return { href: IP_ALLOWLIST_PATH, text: 'View IP allowlist' }
    case 'key_retired':
    case 'brownout':
      return { href: SUNSETS_PATH, text: 'View sunsets' }
    case 'account_closed':
      return { href: ACCOUNTS_PATH, text: 'View accounts' }
    case 'destination_not_subscribed':
      return { href: SUBSCRIPTIONS_PATH, text: 'View subscriptions' }
    case 'destination_unverified':
    case 'destination_failed':
    case 'destination_timed_out':
      return { href: `${DESTINATIONS_PATH}/${destinationId}`, text: 'View destination' }
    default:
      return null
  }
}

const STATUS_MEANINGS: Readonly<Record<number, string>> = {
  400: 'the request is invalid, and sending it again does not help',
  401: 'the credential is not valid',
  403: 'the caller is known but not allowed to do this',
  404: 'not found',
  413: 'the body is too large',
  429: 'too many requests: try again later',
  502: 'the upstream gave an invalid response',
  503: 'temporarily unavailable: try again in a moment',
  504: 'the upstream did not respond in time',
}

/** Shows the response that the caller received, or one like it; null where neither is known. */
function callerReply(previewRefusal: PreviewRefusal, decision: Decision): Html | null {
  const { action, surface, facts, path } = decision
  if (action !== 'key.refused' || surface === null) return null
  const reply = decision.answer ?? previewRefusal(surface, facts, path ?? '')
  if (reply === null) return null
  const meaning = STATUS_MEANINGS[reply.status]
  return html`<p>Status <strong>${reply.status}</strong>${meaning === undefined ? '' : `: ${meaning}.`}</p>
    ${decision.answer === null ? html`<p class="soft">The body was not stored. Such a refusal has this body.</p>` : ''}<pre tabindex="0" aria-label="Response body"><code>${reply.body}</code></pre>`
}

import { html } from 'hono/html'
import type { Decision } from '../../../service/explain.ts'
import { NOBODY } from '../../../service/recorder.ts'
import { REQUEST_ID } from '../../reply.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { sentenceOf, titleOf, toneOf } from '../audit/sentence.ts'
import { field, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { moment } from '../parts/time.ts'
import { badge, facts, notice, sentence } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import type { ExplainScreenDeps } from './deps.ts'
import { EXPLAIN } from './path.ts'
import { remedyOf } from './remedy.ts'
import { toldCaller } from './told.ts'

/** What was decided about one request, step by step, and what its caller was told. */
export function mountExplain(area: Area, { answered }: ExplainScreenDeps): void {
  area.show(EXPLAIN, 'requests.explain', async (visit) => {
    const asked = text(visit, 'request').toLowerCase()
    if (asked === '') return shown(visit, nothing)
    const explained = await visit.desk.explain(asked)
    if (!explained.ok) {
      const text = sentence(explained.failure.message)
      return shown(visit, notice('warn', 'Nothing is known of that request', text))
    }
    const { decisions } = explained.value
    return shown(
      visit,
      html`
      <ol class="stack decisions" aria-label="What was decided, in order">${decisions.map((decision) => stepOf(visit, decision))}</ol>
      ${decisions.filter(({ subject }, n) => n === 0 && subject !== NOBODY).map(({ subject }) => html`<p><a href="/console/audit?subject=${subject}">What else the audit has of this</a></p>`)}`,
    )
  })

  function stepOf(visit: Visit, decision: Decision): Html {
    const { action, key, advice, count } = decision
    const told = toldCaller(answered, decision)
    const remedy = remedyOf(decision.facts)
    return html`
    <li class="card"><header><h2>${titleOf(action)}</h2>${badge(verdictOf(decision), toneOf(decision))}</header>
      <p>${wordsOf(decision)}</p>
      ${count > 1 ? html`<p class="soft">It stands for ${count.toLocaleString('en')} alike within a second.</p>` : nothing}
      ${facts([
        ['When', moment(decision.at, visit.now)],
        ...maybe(
          'Key',
          key === null
            ? null
            : html`<a href="/console/keys/${key.id}">${key.name}</a> of ${key.accountName ?? key.accountId}`,
        ),
        ...maybe('From', decision.address),
        ...maybe(
          'Asked for',
          [decision.surface, decision.path].filter(Boolean).join(' at ') || null,
        ),
      ])}
      ${advice === null ? nothing : html`<h3>What helps</h3><p>${coded(advice)}</p>`}
      ${remedy === null ? nothing : html`<p><a class="button" href="${remedy.href}">${remedy.text}</a></p>`}
      ${told === null ? nothing : html`<h3>What the caller was told</h3>${told}`}
    </li>`
  }
}

function shown(visit: Visit, below: Html): Promise<Response> {
  const body = html`
    <form class="filters" method="get" action="${EXPLAIN}" role="search" aria-label="A request">
      ${field({ name: 'request', label: 'Request id', type: 'search', value: text(visit, 'request'), wide: true, spellcheck: false, maxlength: 200, required: true })}
      ${submit('Explain')}
    </form>${below}`
  const about = `What was decided about one request, and why: what a caller is never told. Every answer carries its id as ${REQUEST_ID}.`
  return page(visit, { title: 'Explain a request', about }, body)
}

/** What an operator did is told by the audit's sentence; what came of a request has its own. */
const REQUESTS = [
  'key.refused',
  'session.refused',
  'token.issued',
  'token.refreshed',
  'grant.reused',
]
const wordsOf = (decision: Decision): string =>
  REQUESTS.includes(decision.action)
    ? decision.sentence
    : sentenceOf({ action: decision.action, facts: decision.facts })

const verdictOf = ({ action }: Decision): string =>
  action.endsWith('.refused') ? 'refused' : action === 'grant.reused' ? 'revoked' : 'done'

const maybe = (term: string, value: Html | string | null): [string, Html | string][] =>
  value === null ? [] : [[term, value]]

/** What stands between backquotes is to be typed. */
const coded = (advice: string): Html =>
  html`${advice.split('`').map((part, n) => (n % 2 === 1 ? html`<code>${part}</code>` : part))}`

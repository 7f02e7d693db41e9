import { html } from 'hono/html'
import type { Decision } from '../../../service/explain.ts'
import { NOBODY } from '../../../service/recorder.ts'
import { REQUEST_ID } from '../../reply.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { AUDIT } from '../audit/paths.ts'
import { sentenceOf, titleOf, toneOf } from '../audit/sentence.ts'
import { field, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { instant, relative } from '../parts/time.ts'
import { badge, coded, facts, notice, sentence } from '../parts/words.ts'
import { text, type Visit } from '../visit.ts'
import type { ExplainScreenDeps } from './deps.ts'
import { EXPLAIN } from './path.ts'
import { remedyOf } from './remedy.ts'
import { toldCaller } from './told.ts'

/** What was decided about one request, step by step, and what its caller was told. */
export function mountExplain(area: Area, { answered }: ExplainScreenDeps): void {
  area.show(EXPLAIN, 'requests.explain', async (visit) => {
    const asked = text(visit, 'request')
    if (asked === '') return shown(visit, whereFound(visit))
    const explained = await visit.desk.explain(asked)
    if (!explained.ok) {
      const text = sentence(explained.failure.message)
      return shown(
        visit,
        html`${notice('warn', 'Nothing is known of that request', text)}${whereFound(visit)}`,
      )
    }
    const { decisions } = explained.value
    return shown(
      visit,
      html`
      <ol class="stack decisions" aria-label="What was decided, in order">${decisions.map((decision) => stepOf(visit, decision))}</ol>
      ${decisions.filter(({ subject }, n) => n === 0 && subject !== NOBODY).map(({ subject, key }) => html`<p><a href="${AUDIT}?subject=${subject}">${key === null ? 'What else the audit has of this' : `All that the audit has of ${key.name}`}</a></p>`)}`,
    )
  })

  function stepOf(visit: Visit, decision: Decision): Html {
    const { action, key, advice, count } = decision
    const told = toldCaller(answered, decision)
    const remedy = remedyOf(decision.facts)
    return html`
    <li class="card"><header><h2>${wordsOf(decision)}</h2>${badge(titleOf(action), toneOf(decision))}</header>
      ${count > 1 ? html`<p class="soft">It stands for ${count.toLocaleString('en')} alike within a second.</p>` : nothing}
      ${facts([
        [
          'When',
          html`${instant(decision.at)} <span class="soft">${relative(decision.at, visit.now)}</span>`,
        ],
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
      ${field({ name: 'request', label: 'Request id', type: 'search', value: text(visit, 'request'), wide: true, spellcheck: false, maxlength: 200, required: true, autofocus: text(visit, 'request') === '' })}
      ${submit('Explain')}
    </form>${below}`
  const about = 'What was decided about a request, and what its caller was not told.'
  return page(visit, { title: 'Explain a request', about }, body)
}

/** Where an id is to be had, and what to do without one. */
const whereFound = (visit: Visit): Html => html`
  <section class="card prose"><h2>Where the id is</h2>
    <ul class="plain">
      <li>In the answer: the header <code class="nowrap">${REQUEST_ID}</code>, whatever the answer is.</li>
      <li>In this server’s log: each line of a request has it.</li>
      ${
        visit.may('audit.read')
          ? html`<li>In the audit: <a href="${AUDIT}?what=key.refused">the latest refusals</a>, each with a link to here.</li>`
          : nothing
      }
    </ul></section>`

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

const maybe = (term: string, value: Html | string | null): [string, Html | string][] =>
  value === null ? [] : [[term, value]]

import { html } from 'hono/html'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import {
  hiddenField,
  postForm,
  radioGroup,
  submitButton,
  textField,
} from '../../components/form.ts'
import { badge, copyButton, formatCount, type Html, nothing } from '../../components/html.ts'
import { getField, type PageContext } from '../../context.ts'

type SubscriptionState = Pick<SubscriptionListItem, 'status' | 'attempts' | 'queued'>

/** How a feed is, in a word. */
export function subscriptionBadge({ status, attempts, queued }: SubscriptionState): Html {
  if (status === 'paused') return badge('Paused', 'warn')
  if (attempts > 0) return badge(`Stuck, ${formatCount(attempts, 'failure')} in a row`, 'bad')
  return queued > 0 ? badge('Sending') : badge('Up to date', 'good')
}

export const formatDataModel = ({ dataModel }: Pick<SubscriptionListItem, 'dataModel'>): string =>
  dataModel ?? 'All data models'

const OUTCOME_LABELS = {
  delivered: 'Delivered',
  refused: 'It refused',
  failed: 'Nobody answered',
  forbidden: 'It may not be reached',
} as const

/** What came of an attempt, with the status where there was an answer. */
export const formatOutcome = (attempt: {
  readonly outcome: keyof typeof OUTCOME_LABELS
  readonly httpStatus: number | null
}): string =>
  attempt.httpStatus === null
    ? OUTCOME_LABELS[attempt.outcome]
    : `${OUTCOME_LABELS[attempt.outcome]} (${attempt.httpStatus})`

/** A stop of a route that is drawn: what is there, and how it gets on. */
export const routeStop = (
  kind: string,
  name: Html | string,
  detail: Html | string,
  hasArrow = true,
): Html => html`
  <li>${hasArrow ? html`<span class="then" aria-hidden="true">→</span>` : nothing}<div class="stop stack tight"><span class="small soft">${kind}</span><strong>${name}</strong><span class="small">${detail}</span></div></li>`

/** What was agreed on with a destination. What was typed as its token is never sent back. */
export const verificationTokenField = (hint: string, required = false): Html =>
  textField({
    name: 'token',
    label: 'Verification token',
    type: 'password',
    hint,
    required,
    autocomplete: 'new-password',
  })

export const challengeMethodField = (value: string): Html =>
  radioGroup({
    name: 'method',
    legend: 'How the challenge is sent',
    value,
    options: [
      { value: 'POST', text: 'POST', hint: 'Token and challenge in a JSON body. Most take this.' },
      { value: 'GET', text: 'GET', hint: 'Token and challenge in the query.' },
    ],
  })

export const parseChallengeMethod = (context: PageContext): DestinationSummary['method'] =>
  getField(context, 'method') === 'GET' ? 'GET' : 'POST'

/** Another name. It says which one its sender has seen, so that two who rename at once are told. */
export const routingRenameForm = (
  context: PageContext,
  action: string,
  name: string,
  error: ServiceError | null,
) =>
  postForm(
    context.formToken,
    action,
    html`${hiddenField('seen', name)}
      ${textField({ name: 'name', label: 'Name', value: error === null ? name : getField(context, 'name') || name, required: true })}
      <div class="row">${submitButton('Rename', '')}</div>`,
  )

/** What people carry elsewhere, in a tile: its name and the button above it, so that it has the whole width. */
export const copyableTileRow = (name: string, text: string, owner: string): Html => html`
  <div class="carried"><span class="small soft">${name}</span>${copyButton(text, `the ${name} of ${owner}`)}<code>${text}</code></div>`

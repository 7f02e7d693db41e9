import { html } from 'hono/html'
import type { SubscriptionListItem } from '../../../../service/ports/lists.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import { radioGroup, textField } from '../../components/form.ts'
import { badge, copyButton, formatCount, type Html, nothing } from '../../components/html.ts'
import { getField, type PageContext } from '../../context.ts'

type SubscriptionState = Pick<SubscriptionListItem, 'status' | 'attempts' | 'queued'>

export function subscriptionBadge({ status, attempts, queued }: SubscriptionState): Html {
  if (status === 'paused') return badge('Paused', 'warn')
  if (attempts > 0) return badge(`Stuck, ${formatCount(attempts, 'failure')} in a row`, 'bad')
  return queued > 0 ? badge('Sending') : badge('Up to date', 'good')
}

export const formatDataModel = ({ dataModel }: Pick<SubscriptionListItem, 'dataModel'>): string =>
  dataModel ?? 'All data models'

const OUTCOME_LABELS = {
  delivered: 'Delivered',
  refused: 'Refused',
  failed: 'No response',
  forbidden: 'Connection not allowed',
} as const

/** Formats the outcome of an attempt, with the HTTP status where there was a response. */
export const formatOutcome = (attempt: {
  readonly outcome: keyof typeof OUTCOME_LABELS
  readonly httpStatus: number | null
}): string =>
  attempt.httpStatus === null
    ? OUTCOME_LABELS[attempt.outcome]
    : `${OUTCOME_LABELS[attempt.outcome]} (${attempt.httpStatus})`

/** A stop in the diagram of a message's route, with its state. */
export const routeStop = (
  kind: string,
  name: Html | string,
  detail: Html | string,
  hasArrow = true,
): Html => html`
  <li>${hasArrow ? html`<span class="then" aria-hidden="true">→</span>` : nothing}<div class="stop stack tight"><span class="small soft">${kind}</span><strong>${name}</strong><span class="small">${detail}</span></div></li>`

/** Never repeats a typed token, unlike other fields. */
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
      {
        value: 'POST',
        text: 'POST',
        hint: 'Token and challenge in a JSON body. Suits most destinations.',
      },
      { value: 'GET', text: 'GET', hint: 'Token and challenge in the query.' },
    ],
  })

export const parseChallengeMethod = (context: PageContext): DestinationSummary['method'] =>
  getField(context, 'method') === 'GET' ? 'GET' : 'POST'

export const verificationBadge = (verifiedAt: number | null): Html =>
  verifiedAt === null ? badge('Not verified', 'warn') : badge('Verified', 'good')

/** A value to copy, in a tile: its name and button stand above it, so that it has the whole width. */
export const copyableTileRow = (name: string, text: string, owner: string): Html => html`
  <div class="carried"><span class="small soft">${name}</span>${copyButton(text, `the ${name} of ${owner}`)}<code>${text}</code></div>`

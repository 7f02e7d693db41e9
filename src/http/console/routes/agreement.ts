import type { DestinationSummary } from '../../../service/ports.ts'
import { choices, field } from '../parts/form.ts'
import type { Html } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'

/** What was agreed on with a destination. What was typed as its token is never sent back. */
export const tokenField = (hint: string, required = false): Html =>
  field({
    name: 'token',
    label: 'Verification token',
    type: 'password',
    hint,
    required,
    autocomplete: 'new-password',
  })

export const methodChoices = (value: string): Html =>
  choices({
    name: 'method',
    legend: 'How the challenge is sent',
    value,
    options: [
      { value: 'POST', text: 'POST', hint: 'Token and challenge in a JSON body. Most take this.' },
      { value: 'GET', text: 'GET', hint: 'Token and challenge in the query.' },
    ],
  })

export const methodOf = (visit: Visit): DestinationSummary['method'] =>
  text(visit, 'method') === 'GET' ? 'GET' : 'POST'

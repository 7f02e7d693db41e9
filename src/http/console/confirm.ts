import { html } from 'hono/html'
import { againFields, messageOf, type NotDone, statusOf } from './access/again.ts'
import { page } from './answer.ts'
import type { Title } from './look/frame.ts'
import { form, hidden, link, submit } from './parts/form.ts'
import { type Html, nothing } from './parts/html.ts'
import { refused } from './parts/words.ts'
import type { Visit } from './visit.ts'

/** What is asked once more, on a page of its own, and what its button does. */
export interface Question extends Title {
  readonly text: Html | string
  readonly button: string
  readonly look?: string
  /** Where one goes who thinks better of it. */
  readonly back: string
  readonly fields?: Readonly<Record<string, string>>
  /** Whether it takes who asks to prove that it is he. */
  readonly again?: boolean
  readonly refusal?: NotDone | null
}

/** Its form is sent to the address that the page itself has. */
export function confirm(visit: Visit, question: Question): Promise<Response> {
  const {
    text,
    button,
    look = 'primary',
    back,
    fields = {},
    again,
    refusal = null,
    ...title
  } = question
  const body = html`${refused(messageOf(refusal))}
    <section class="card prose"><div class="stack tight">${text}</div>${form(
      visit.formToken,
      visit.path,
      html`${Object.entries(fields).map(([name, value]) => hidden(name, value))}
        ${again === true ? againFields(visit, refusal) : nothing}
        <div class="row">${submit(button, look)}${link(back, 'Cancel', 'quiet')}</div>`,
    )}</section>`
  return page(visit, title, body, statusOf(refusal))
}

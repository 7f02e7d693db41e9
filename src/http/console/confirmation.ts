import { html } from 'hono/html'
import { buttonLink, hiddenField, postForm, submitButton } from './components/form.ts'
import { errorNotice, type Html, nothing } from './components/html.ts'
import type { PageContext } from './context.ts'
import type { PageHeading } from './layout.ts'
import { type FormError, reauthFields, toFormErrorMessage, toFormErrorStatus } from './reauth.ts'
import { renderPage } from './render.ts'

/** What is asked once more, on a page of its own, and what its button does. */
export interface Confirmation extends PageHeading {
  readonly text: Html | string
  readonly button: string
  readonly variant?: string
  /** Where one goes who thinks better of it. */
  readonly cancelPath: string
  readonly fields?: Readonly<Record<string, string>>
  /** Whether it takes who asks to prove that it is he. */
  readonly requiresReauth?: boolean
  readonly error?: FormError | null
}

/** Its form is sent to the address that the page itself has. */
export function renderConfirmation(
  context: PageContext,
  confirmation: Confirmation,
): Promise<Response> {
  const {
    text,
    button,
    variant = 'primary',
    cancelPath,
    fields = {},
    requiresReauth,
    error = null,
    ...heading
  } = confirmation
  const body = html`${errorNotice(toFormErrorMessage(error))}
    <section class="card prose"><div class="stack tight">${text}</div>${postForm(
      context.formToken,
      context.path,
      html`${Object.entries(fields).map(([name, value]) => hiddenField(name, value))}
        ${requiresReauth === true ? reauthFields(context, error) : nothing}
        <div class="row">${submitButton(button, variant)}${buttonLink(cancelPath, 'Cancel', 'quiet')}</div>`,
    )}</section>`
  return renderPage(context, heading, body, toFormErrorStatus(error))
}

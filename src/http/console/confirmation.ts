import { html } from 'hono/html'
import type { Result } from '../../domain/failure.ts'
import type { ServiceResult } from '../../service/service-result.ts'
import { buttonLink, postForm, submitButton } from './components/form.ts'
import { errorNotice, type Html, nothing, notice } from './components/html.ts'
import { getPathId, type PageContext } from './context.ts'
import { type FormError, renderError, toErrorMessage, toErrorStatus } from './errors.ts'
import type { FlashName } from './flash.ts'
import type { PageHeading } from './layout.ts'
import { reauthFields } from './reauth.ts'
import { redirectToPage, renderPage } from './render.ts'
import type { ConsoleRouter, RouteOperations } from './router.ts'

/** A page that asks for confirmation, and the button that confirms. */
interface Confirmation extends PageHeading {
  readonly text: Html | string
  readonly button: string
  readonly variant?: string
  readonly cancelPath: string
  readonly cancelLabel?: string
  readonly fields?: Html
  /** Adds the fields that `context.reauth.verify` reads. */
  readonly requiresReauth?: boolean
  readonly error?: FormError | null
  /** Why the action is impossible now. The page shows it instead of the question and its button. */
  readonly obstacle?: Html | null
}

interface ConfirmedAction<Target> {
  readonly path: string
  readonly operations: RouteOperations
  /** Reads the target that the page names. A failure renders the page "not found". */
  readonly find: (context: PageContext, id: string) => Promise<ServiceResult<Target>>
  readonly question: (
    target: Target,
    context: PageContext,
  ) => Omit<Confirmation, 'error'> | Promise<Omit<Confirmation, 'error'>>
  readonly run: (context: PageContext, id: string) => Promise<Result<unknown, FormError>>
  readonly flash?: FlashName | undefined
  /** The path that the browser goes to once the action is done. */
  readonly next: (context: PageContext, id: string) => string
}

/** Mounts a page that asks for confirmation, and the form of that page, which does the action. */
export function mountConfirmedAction<Target>(
  router: ConsoleRouter,
  { path, operations, find, question, run, flash, next }: ConfirmedAction<Target>,
): void {
  router.page(path, operations, (context) => ask(context, null))
  router.form(path, operations, async (context) => {
    const id = getPathId(context)
    const result = await run(context, id)
    return result.ok
      ? redirectToPage(context.c, next(context, id), flash)
      : ask(context, result.failure)
  })

  async function ask(context: PageContext, error: FormError | null): Promise<Response> {
    const target = await find(context, getPathId(context))
    if (!target.ok) return renderError(context.c, context.caller, 'not_found')
    return renderConfirmation(context, { ...(await question(target.value, context)), error })
  }
}

/** The form posts to the path of the page itself. */
export function renderConfirmation(
  context: PageContext,
  confirmation: Confirmation,
): Promise<Response> {
  const {
    text,
    button,
    variant = 'primary',
    cancelPath,
    cancelLabel = 'Cancel',
    fields = nothing,
    requiresReauth,
    error = null,
    obstacle = null,
    ...heading
  } = confirmation
  const body =
    obstacle === null
      ? html`${errorNotice(toErrorMessage(error))}
    <section class="card prose"><div class="stack tight">${text}</div>${postForm(
      context.formToken,
      context.path,
      html`${fields}
        ${requiresReauth === true ? reauthFields(context, error) : nothing}
        <div class="row">${submitButton(button, variant)}${buttonLink(cancelPath, cancelLabel, 'quiet')}</div>`,
    )}</section>`
      : html`${notice('warn', 'This is not possible now', obstacle)}<p>${buttonLink(cancelPath, 'Back')}</p>`
  return renderPage(context, heading, body, toErrorStatus(error))
}

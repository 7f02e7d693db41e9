import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Caller } from '../../service/caller.ts'
import type { HasherBusy } from '../../service/ports/crypto.ts'
import type { ServiceError } from '../../service/service-result.ts'
import type { InvalidField } from '../../service/sign-in/failures.ts'
import type { ReauthenticationFailure } from '../../service/sign-in/reauthenticate.ts'
import { formatDuration, type Html, nothing } from './components/html.ts'
import { standaloneLayout } from './layout.ts'
import { CONSOLE_PATH, formatRequestLookupPath } from './navigation.ts'
import { renderDocument } from './render.ts'

interface ErrorText {
  readonly status: ContentfulStatusCode
  readonly title: string
  readonly text: string
}

const CONSOLE_ERRORS = {
  signed_out: {
    status: 401,
    title: 'Your session has ended',
    text: 'Nothing was changed. Sign in in another tab, then go back and send the form again. What you typed is still there.',
  },
  strange_origin: {
    status: 403,
    title: 'This form was not sent by a page of Latchkey',
    text: 'Nothing was changed. If you came here from another site, that site tried to act in your name.',
  },
  stale_form: {
    status: 403,
    title: 'This form is out of date',
    text: 'Nothing was changed. Go back, reload the page, and send the form again.',
  },
  not_allowed: {
    status: 403,
    title: 'Your role does not allow this',
    text: 'Nothing was changed. An administrator of your account can do this, or change your role.',
  },
  cursor_damaged: {
    status: 422,
    title: 'This link to a page of the list is invalid',
    text: 'Open the list again from its first page.',
  },
  not_found: {
    status: 404,
    title: 'Page not found',
    text: 'It does not exist, was deleted, or belongs to an account that is not selected.',
  },
  body_too_large: {
    status: 413,
    title: 'The form is too large',
    text: 'Nothing was changed. Go back and shorten the text.',
  },
  body_unreadable: {
    status: 400,
    title: 'The form cannot be read',
    text: 'Nothing was changed. Go back and send it again.',
  },
  unavailable: {
    status: 503,
    title: 'The database is unavailable',
    text: 'Reload this page in a few seconds. The audit shows whether a change was made.',
  },
  broken: {
    status: 500,
    title: 'Something went wrong',
    text: 'The log of the server has the details under this request id.',
  },
} as const satisfies Record<string, ErrorText>

export type ConsoleError = keyof typeof CONSOLE_ERRORS

export function renderError(c: Context, caller: Caller, error: ConsoleError): Promise<Response> {
  const { status, title, text } = CONSOLE_ERRORS[error]
  const body = html`
    <div class="card"><h1>${title}</h1><p>${text}</p>
      <p class="row"><a class="button primary" href="${CONSOLE_PATH}">Go to dashboard</a></p>
      <p class="small soft">Request <code>${caller.requestId}</code>${requestLookupLink(status, caller)}</p></div>`
  return renderDocument(c, caller, standaloneLayout(c, title, body), status)
}

/** Renders nothing for an error that changed nothing: request lookup does not know of it. */
const requestLookupLink = (status: ContentfulStatusCode, { requestId }: Caller): Html =>
  status < 500
    ? nothing
    : html` (<a href="${formatRequestLookupPath(requestId)}">look up this request</a>)`

/** A page that loads itself again, from this origin. */
export const renderReload = (c: Context, caller: Caller): Promise<Response> =>
  renderDocument(c, caller, RELOAD_PAGE)

const RELOAD_PAGE: Html = html`<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="0"><title>Latchkey</title><p>One moment.</p></html>`

const SERVICE_ERROR_STATUS = {
  invalid: 422,
  not_found: 404,
  conflict: 409,
  forbidden: 403,
  busy: 503,
} as const satisfies Record<ServiceError['problem'], ContentfulStatusCode>

/** A form that changed nothing: its input is not valid, or its sender did not prove who they are. */
export type FormError = ReauthenticationFailure | InvalidField | HasherBusy | ServiceError

/** The status of the page that shows the form again. */
export function toErrorStatus(error: FormError | null): ContentfulStatusCode {
  if (error === null) return 200
  if ('problem' in error) return SERVICE_ERROR_STATUS[error.problem]
  return error.reason === 'locked' ? 429 : error.reason === 'busy' ? 503 : 422
}

/** The text above the form. A wrong password or code is described at its field instead. */
export function toErrorMessage(error: FormError | null): string | null {
  if (error === null) return null
  if ('problem' in error) return error.message
  return error.reason === 'wrong' || error.reason === 'code_wrong'
    ? null
    : describeReauthFailure(error)
}

export function describeReauthFailure(failure: Exclude<FormError, ServiceError>): string {
  switch (failure.reason) {
    case 'wrong':
      return 'the password is wrong'
    case 'code_wrong':
      return 'the code is wrong or was used before: wait for the next one'
    case 'locked':
      return `too many failed attempts: try again in ${formatDuration(failure.retryAfterSeconds * 1000)}`
    case 'busy':
      return 'the server is busy: try again in a few seconds'
    default:
      return failure.message
  }
}

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { Caller } from '../../service/refused.ts'
import { document } from './answer.ts'
import { explainPath } from './explain/path.ts'
import { alone } from './look/frame.ts'
import { themeOf } from './look/theme.ts'
import type { Html } from './parts/html.ts'

interface Words {
  readonly status: ContentfulStatusCode
  readonly title: string
  readonly text: string
}

const STALE: Words = {
  status: 403,
  title: 'This form is out of date',
  text: 'Nothing was changed. Go back, load the page anew, and send it again.',
}

/** Why there is no page, and what to do next. */
const PROBLEMS = {
  signed_out: {
    status: 401,
    title: 'Your session has ended',
    text: 'Nothing was changed. Sign in in another tab, then go back and send the form again: what you typed is still there.',
  },
  strange_origin: {
    status: 403,
    title: 'This was not sent by a page of Latchkey',
    text: 'Nothing was changed. If you came here by a link or a form on another site, that site tried to act in your name.',
  },
  stale_form: STALE,
  not_allowed: {
    status: 403,
    title: 'Your role does not allow this',
    text: 'Nothing was changed. An administrator of your account can do it, or give you another role.',
  },
  cursor_damaged: {
    status: 422,
    title: 'This link to a page of the list is damaged',
    text: 'Open the list anew, and go on from its first page.',
  },
  not_found: {
    status: 404,
    title: 'There is nothing here',
    text: 'It may have been deleted, or belong to an account that you do not see now.',
  },
  body_too_large: {
    status: 413,
    title: 'That is too much for one form',
    text: 'Nothing was changed. Go back and shorten what you typed.',
  },
  body_unreadable: {
    status: 400,
    title: 'The form did not arrive whole',
    text: 'Nothing was changed. Go back and send it again.',
  },
  unavailable: {
    status: 503,
    title: 'The database does not answer',
    text: 'It is tried again with every request: load this page anew in a few seconds. Whether a change was made is in the audit.',
  },
  broken: {
    status: 500,
    title: 'That went wrong on our side',
    text: 'The log has the details under the request id below.',
  },
} as const satisfies Record<string, Words>

export type Problem = keyof typeof PROBLEMS

export function problem(c: Context, caller: Caller, which: Problem): Promise<Response> {
  const { status, title, text } = PROBLEMS[which]
  const body = html`
    <div class="card"><h1>${title}</h1><p>${text}</p>
      <p class="row"><a class="button primary" href="/console">To the overview</a></p>
      <p class="small soft">Request <code>${caller.requestId}</code> (<a href="${explainPath(caller.requestId)}">explain it</a>)</p></div>`
  return document(c, caller, alone(title, themeOf(c), body), status)
}

/** A page that asks for itself once more. */
export const askAgain = (c: Context, caller: Caller): Promise<Response> =>
  document(c, caller, AGAIN)

const AGAIN: Html = html`<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="0"><title>Latchkey</title><p>One moment.</p></html>`

import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { SignInFailure } from '../../../service/people/failures.ts'
import type { Caller } from '../../../service/refused.ts'
import { document, seeOther } from '../answer.ts'
import { deviceOf, giveDevice, giveSession, sessionSecretOf } from '../cookie.ts'
import { alone } from '../look/frame.ts'
import { QUERY, type Said, wordsOf as wordsOfSaid } from '../look/said.ts'
import { themeOf } from '../look/theme.ts'
import { createOpenArea } from '../open.ts'
import { field, hidden, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { span } from '../parts/time.ts'
import { notice, refused } from '../parts/words.ts'
import type { AccessScreenDeps } from './deps.ts'
import { plainHttpNotice } from './plain-http.ts'
import { safePath } from './safe-path.ts'

/** Username and password; then, where a second factor is set up, the code of this moment. */
export function signInScreens(deps: AccessScreenDeps) {
  const { access, consoleUrl } = deps
  const open = createOpenArea(deps)

  open.show('/console/sign-in', (c, caller) => {
    const next = safePath(c.req.query('next'))
    const isSet = c.req.query(QUERY) === SET
    const said = isSet ? notice('good', wordsOfSaid(SET) ?? '') : nothing
    const warning = plainHttpNotice(c, consoleUrl)
    return told(c, caller, 200, html`${said}${warning}${nameAndPassword(next, '', null)}`)
  })

  open.act('/console/sign-in', async (c, caller, form) => {
    const next = safePath(form.get('next'))
    const username = (form.get('username') ?? '').trim()
    const opened = await attempt(c, username, form, caller)
    if (opened.ok) {
      await endFormer(c, caller)
      giveSession(c, opened.value.secret)
      giveDevice(c, opened.value.device)
      return seeOther(c, next)
    }
    const { failure } = opened
    const { status, message } = wordsOf(failure)
    const ticket = failure.reason === 'code_needed' ? failure.ticket : form.get('ticket')
    const wantsCode = failure.reason === 'code_needed' || failure.reason === 'code_wrong'
    const body =
      wantsCode && ticket !== null
        ? codeOf(next, ticket, message)
        : nameAndPassword(next, username, message)
    return told(c, caller, status, html`${plainHttpNotice(c, consoleUrl)}${body}`)
  })

  return open.app

  function attempt(c: Context, username: string, form: URLSearchParams, caller: Caller) {
    const browser = { userAgent: c.req.header('user-agent') ?? '', device: deviceOf(c) }
    const ticket = form.get('ticket')
    if (ticket !== null) {
      return access.signInWithCode({ ticket, code: form.get('code') ?? '', ...browser }, caller)
    }
    const password = form.get('password') ?? ''
    return access.signIn({ username, password, ...browser }, caller)
  }

  /** The browser forgets the session that it had: who copied its cookie is not to go on with it. */
  async function endFormer(c: Context, caller: Caller): Promise<void> {
    const secret = sessionSecretOf(c)
    const former = secret === undefined ? null : await access.sessions.find(secret, 'browser')
    if (former !== null) await access.sessions.signOut(former, caller)
  }
}

function told(c: Context, caller: Caller, status: ContentfulStatusCode, body: Html) {
  return document(c, caller, alone('Sign in', themeOf(c), body), status)
}

/** One answer for every reason: no name is told to exist. */
function wordsOf(failure: SignInFailure): { status: ContentfulStatusCode; message: string | null } {
  switch (failure.reason) {
    case 'code_needed':
      return { status: 200, message: null }
    case 'wrong':
      return { status: 401, message: 'the username or the password is not right' }
    case 'code_wrong':
      return {
        status: 401,
        message:
          'that is not the code of this moment, or it was used before: wait for the next one',
      }
    case 'locked':
      return {
        status: 429,
        message: `too many tries were wrong: the next one is taken in ${span(failure.retryAfterSeconds * 1000)}`,
      }
    case 'busy':
      return {
        status: 503,
        message: 'many people sign in at this moment: try again in a few seconds',
      }
  }
}

/** Who comes from a one-time link is told so; no other words are put here by an address. */
const SET: Said = 'password-set'

/** What a refusal comes to here. */
const OUTSIDE = { title: 'You are not signed in', focus: false }

const nameAndPassword = (next: string, username: string, message: string | null): Html => html`
  <div class="card"><h1>Sign in</h1>${refused(message, OUTSIDE)}
    <form method="post" action="/console/sign-in">
      ${hidden('next', next)}
      ${field({ name: 'username', label: 'Username', value: username, autocomplete: 'username', required: true, autofocus: username === '', spellcheck: false })}
      ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true, autofocus: username !== '' })}
      ${submit('Sign in')}
    </form>
    <p class="small soft">No password yet, or forgotten? An administrator of your account can send you a one-time link; the first operator’s is made by <code class="nowrap">latchkey console link</code>, where the server runs.</p>
  </div>`

const codeOf = (next: string, ticket: string, message: string | null): Html => html`
  <div class="card"><h1>One more step</h1>${refused(message, OUTSIDE)}
    <form method="post" action="/console/sign-in">
      ${hidden('next', next)}${hidden('ticket', ticket)}
      ${field({
        name: 'code',
        label: 'Code',
        hint: 'Six digits from your app. Without your device, type one of your recovery codes.',
        autocomplete: 'one-time-code',
        required: true,
        autofocus: true,
        spellcheck: false,
      })}
      ${submit('Sign in')}
    </form>
    <p><a href="/console/sign-in">Begin again</a></p>
  </div>`

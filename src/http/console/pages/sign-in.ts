import type { Context } from 'hono'
import { html } from 'hono/html'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { isLoopbackHost } from '../../../domain/ip-network.ts'
import type { Caller } from '../../../service/caller.ts'
import type { SignInFailure } from '../../../service/sign-in/failures.ts'
import type { InvitationPurpose } from '../../../service/sign-in/invitations.ts'
import type { SignInServices } from '../../../service/sign-in/sign-in.ts'
import { hiddenField, submitButton, textField } from '../components/form.ts'
import { errorNotice, formatDuration, type Html, nothing, notice } from '../components/html.ts'
import { getDeviceCookie, getSessionCookie, setDeviceCookie, setSessionCookie } from '../cookies.ts'
import { FLASH_PARAMETER, type FlashName, findFlashText } from '../flash.ts'
import { standaloneLayout } from '../layout.ts'
import { SIGN_IN_PATH } from '../navigation.ts'
import { redirectToPage, renderDocument, toConsolePath } from '../render.ts'
import { createPublicRouter, type PublicRouterDeps } from '../router.ts'

/** Asks for username and password, then for a code if the user has a second factor. */
export function createSignInPages(deps: SignInPageDeps) {
  const { signInServices, consoleUrl } = deps
  const router = createPublicRouter(deps)

  router.page(SIGN_IN_PATH, (c, caller) => {
    const next = toConsolePath(c.req.query('next'))
    const isPasswordSet = c.req.query(FLASH_PARAMETER) === PASSWORD_SET_FLASH
    const flashNotice = isPasswordSet
      ? notice('good', findFlashText(PASSWORD_SET_FLASH) ?? '')
      : nothing
    const warning = plainHttpNotice(c, consoleUrl)
    return renderSignIn(
      c,
      caller,
      200,
      html`${flashNotice}${warning}${credentialsForm(next, '', null)}`,
    )
  })

  router.form(SIGN_IN_PATH, async (c, caller, form) => {
    const next = toConsolePath(form.get('next'))
    const username = (form.get('username') ?? '').trim()
    const result = await attemptSignIn(c, username, form, caller)
    if (result.ok) {
      await endPreviousSession(c, caller)
      setSessionCookie(c, result.value.secret)
      setDeviceCookie(c, result.value.device)
      return redirectToPage(c, next)
    }
    const { failure } = result
    const { status, message } = describeSignInFailure(failure)
    const ticket = failure.reason === 'code_needed' ? failure.ticket : form.get('ticket')
    const needsCode = failure.reason === 'code_needed' || failure.reason === 'code_wrong'
    const body =
      needsCode && ticket !== null
        ? codeForm(next, ticket, message)
        : credentialsForm(next, username, message)
    return renderSignIn(c, caller, status, html`${plainHttpNotice(c, consoleUrl)}${body}`)
  })

  return router.app

  function attemptSignIn(c: Context, username: string, form: URLSearchParams, caller: Caller) {
    const browser = { userAgent: c.req.header('user-agent') ?? '', device: getDeviceCookie(c) }
    const ticket = form.get('ticket')
    if (ticket !== null) {
      return signInServices.signInWithCode(
        { ticket, code: form.get('code') ?? '', ...browser },
        caller,
      )
    }
    const password = form.get('password') ?? ''
    return signInServices.signIn({ username, password, ...browser }, caller)
  }

  /** Ends the session that the browser had, so that a copy of its cookie is useless. */
  async function endPreviousSession(c: Context, caller: Caller): Promise<void> {
    const secret = getSessionCookie(c)
    const previousSession =
      secret === undefined ? null : await signInServices.sessions.find(secret, 'browser')
    if (previousSession !== null) await signInServices.sessions.signOut(previousSession, caller)
  }
}

function renderSignIn(c: Context, caller: Caller, status: ContentfulStatusCode, body: Html) {
  return renderDocument(c, caller, standaloneLayout(c, 'Sign in', body), status)
}

/** An unknown user gets the same text as a wrong password, so that no username is confirmed. */
function describeSignInFailure(failure: SignInFailure): {
  status: ContentfulStatusCode
  message: string | null
} {
  switch (failure.reason) {
    case 'code_needed':
      return { status: 200, message: null }
    case 'wrong':
      return { status: 401, message: 'the username or password is wrong' }
    case 'code_wrong':
      return {
        status: 401,
        message: 'the code is wrong or was used before: wait for the next one',
      }
    case 'locked':
      return {
        status: 429,
        message: `too many failed attempts: try again in ${formatDuration(failure.retryAfterSeconds * 1000)}`,
      }
    case 'busy':
      return {
        status: 503,
        message: 'the server is busy: try again in a few seconds',
      }
  }
}

/** The only message that a URL can show on this page. */
const PASSWORD_SET_FLASH: FlashName = 'password-set'

/** Options of the error notice. */
const SIGN_IN_ERROR_OPTIONS = { title: 'You are not signed in', focus: false }

const credentialsForm = (next: string, username: string, message: string | null): Html => html`
  <div class="card"><h1>Sign in</h1>${errorNotice(message, SIGN_IN_ERROR_OPTIONS)}
    <form method="post" action="${SIGN_IN_PATH}">
      ${hiddenField('next', next)}
      ${textField({ name: 'username', label: 'Username', value: username, autocomplete: 'username', required: true, autofocus: username === '', spellcheck: false })}
      ${textField({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true, autofocus: username !== '' })}
      ${submitButton('Sign in')}
    </form>
    <p class="small soft">No password yet, or forgotten? An administrator of your account can send you a one-time link; for the first operator, run <code class="nowrap">latchkey console link</code> on the server.</p>
  </div>`

const codeForm = (next: string, ticket: string, message: string | null): Html => html`
  <div class="card"><h1>Enter your code</h1>${errorNotice(message, SIGN_IN_ERROR_OPTIONS)}
    <form method="post" action="${SIGN_IN_PATH}">
      ${hiddenField('next', next)}${hiddenField('ticket', ticket)}
      ${textField({
        name: 'code',
        label: 'Code',
        hint: 'Six digits from your app, or one of your recovery codes.',
        autocomplete: 'one-time-code',
        required: true,
        autofocus: true,
        spellcheck: false,
      })}
      ${submitButton('Sign in')}
    </form>
    <p><a href="${SIGN_IN_PATH}">Start again</a></p>
  </div>`

/**
 * Warns, before a password is typed, that signing in will lead back to this form: browsers keep Secure
 * cookies only over https or from their own machine.
 */
function plainHttpNotice(c: Context, consoleUrl: string): Html {
  if (canKeepCookies(c, consoleUrl)) return nothing
  const { protocol } = new URL(consoleUrl)
  const advice =
    protocol === 'https:'
      ? `Open ${consoleUrl}/console instead.`
      : 'Open the console at its https address, or at localhost on the server itself. If it has no https address, ask the operator to set LATCHKEY_CONSOLE_URL to one.'
  return notice(
    'warn',
    'You cannot stay signed in here',
    `This page was loaded over plain http. Others could read your password on the network, and your browser would not keep the session, so that you would come back to this form. ${advice}`,
  )
}

function canKeepCookies(c: Context, consoleUrl: string): boolean {
  const requestUrl = new URL(c.req.url)
  const isEncrypted =
    requestUrl.protocol === 'https:' ||
    c.req.header('x-forwarded-proto') === 'https' ||
    (consoleUrl.startsWith('https:') && new URL(consoleUrl).host === requestUrl.host)
  // Browsers send Fetch Metadata only to origins where they also keep Secure cookies.
  return (
    isEncrypted ||
    isLoopbackHost(requestUrl.hostname) ||
    c.req.header('sec-fetch-site') !== undefined
  )
}

export interface SignInPageDeps extends PublicRouterDeps {
  readonly signInServices: SignInServices
}

/** One-time links: to a first password, to a new one, and to the server's first operator. */
export function createOneTimeLinkPages(deps: SignInPageDeps) {
  const { signInServices } = deps
  const router = createPublicRouter(deps)
  const ONE_TIME_LINK_PATH = '/console/welcome/:link'

  router.page(ONE_TIME_LINK_PATH, async (c, caller) => {
    const link = c.req.param('link') ?? ''
    const invitation = await signInServices.purpose(link)
    const body = invitation.ok
      ? passwordForm(c.req.path, invitation.value, new URLSearchParams(), null)
      : invalidLinkCard
    const content = html`${plainHttpNotice(c, deps.consoleUrl)}${body}`
    return renderDocument(
      c,
      caller,
      standaloneLayout(c, 'Welcome', content),
      invitation.ok ? 200 : 410,
    )
  })

  router.form(ONE_TIME_LINK_PATH, async (c, caller, form) => {
    const link = c.req.param('link') ?? ''
    const invitation = await signInServices.purpose(link)
    const input = {
      password: form.get('password') ?? '',
      username: form.get('username') ?? '',
      accountName: form.get('accountName') ?? '',
      email: form.get('email') ?? '',
    }
    const isPasswordConfirmed = input.password === (form.get('repeat') ?? '')
    const result =
      invitation.ok && isPasswordConfirmed
        ? await signInServices.acceptInvitation(link, input, caller)
        : null
    if (result?.ok) return redirectToPage(c, SIGN_IN_PATH, 'password-set')
    if (!invitation.ok || result?.failure.reason === 'gone') {
      return renderDocument(c, caller, standaloneLayout(c, 'Welcome', invalidLinkCard), 410)
    }
    const message =
      result === null
        ? 'the two passwords differ: type them again'
        : result.failure.reason === 'unfit'
          ? result.failure.message
          : 'the server is busy: try again in a few seconds'
    const body = passwordForm(c.req.path, invitation.value, form, message)
    return renderDocument(c, caller, standaloneLayout(c, 'Welcome', body), 422)
  })

  return router.app
}

function passwordForm(
  path: string,
  purpose: InvitationPurpose,
  input: URLSearchParams,
  message: string | null,
): Html {
  const getValue = (name: string) => input.get(name) ?? ''
  const isFirstOperator = purpose.for === 'first_operator'
  const username =
    isFirstOperator || purpose.wantsUsername
      ? textField({
          name: 'username',
          label: 'Username',
          value: getValue('username'),
          hint: 'You sign in with it. Letters, digits, dots, dashes, underscores and @.',
          autocomplete: 'username',
          required: true,
          maxlength: 64,
          spellcheck: false,
        })
      : textField({
          name: 'username',
          label: 'Username',
          value: purpose.user.username ?? '',
          autocomplete: 'username',
          readonly: true,
        })
  const organization = isFirstOperator
    ? html`
      ${textField({ name: 'accountName', label: 'Your organization', value: getValue('accountName'), hint: 'A new account gets this name, even if another account has it.', required: true, autofocus: true, autocomplete: 'organization' })}
      ${textField({ name: 'email', label: 'Your e-mail address', type: 'email', value: getValue('email'), required: true, autocomplete: 'email' })}`
    : nothing
  return html`
  <div class="card"><h1>${INVITATION_TITLES[purpose.for]}</h1>
    <p class="soft">${isFirstOperator ? 'You can see and change everything on this server.' : `For ${purpose.user.email}.`}</p>
    ${errorNotice(message)}
    <form method="post" action="${path}">
      ${organization}${username}
      ${textField({ name: 'password', label: 'Password', type: 'password', hint: 'At least 15 characters, for example several unrelated words.', autocomplete: 'new-password', required: true, autofocus: !isFirstOperator && !purpose.wantsUsername })}
      ${textField({ name: 'repeat', label: 'Repeat the password', type: 'password', autocomplete: 'new-password', required: true })}
      ${submitButton(isFirstOperator ? 'Create account' : 'Set password')}
    </form>
  </div>`
}

const INVITATION_TITLES: Record<InvitationPurpose['for'], string> = {
  first_operator: 'Set up Latchkey',
  first_password: 'Choose a password',
  new_password: 'Choose a new password',
}

const invalidLinkCard: Html = html`
  <div class="card"><h1>This link is no longer valid</h1>
    <p>It was used, has expired, or was replaced by a newer one. Ask an administrator of your account
      for a new link. For the first operator, run <code class="nowrap">latchkey console link</code> on the server.</p>
    <p><a class="button primary" href="${SIGN_IN_PATH}">Sign in</a></p>
  </div>`

import { html } from 'hono/html'
import type { Session } from '../../../service/ports/sign-in.ts'
import type { QrCode } from '../../../service/sign-in/second-factor.ts'
import {
  actionButton,
  buttonLink,
  hiddenField,
  postForm,
  selectField,
  submitButton,
  textField,
} from '../components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  errorNotice,
  formatCount,
  formatInstant,
  type Html,
  nothing,
  relativeTime,
} from '../components/html.ts'
import { secretDialog } from '../components/secret-dialog.ts'
import { table } from '../components/table.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, getOptionalField, getPathId, type PageContext } from '../context.ts'
import {
  deleteSessionCookies,
  parseTheme,
  setAccountCookie,
  setDeviceCookie,
  setThemeCookie,
} from '../cookies.ts'
import { type FormError, toErrorMessage, toErrorStatus } from '../errors.ts'
import {
  ACCOUNT_SELECTION_PATH,
  PROFILE_CRUMBS,
  PROFILE_PATH,
  SIGN_IN_PATH,
  SIGN_OUT_PATH,
  THEME_PATH,
} from '../navigation.ts'
import { reauthFields, withReauth } from '../reauth.ts'
import { redirectToPage, renderPage, toConsolePath } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'
import type { SignInPageDeps } from './sign-in.ts'

/** The page of the user's own sign-in: password, second factor, sessions and tokens. */
export function mountProfile(router: ConsoleRouter, { signInServices }: SignInPageDeps): void {
  router.page(PROFILE_PATH, ['me.show', 'me.tokens'], (context) => showProfile(context, null))

  router.form(`${PROFILE_PATH}/password`, 'signed-in', async (context) => {
    // Passwords are not trimmed: a blank may be part of one.
    const getUntrimmed = (name: string) => context.input.get(name) ?? ''
    if (getUntrimmed('new-password') !== getUntrimmed('repeat')) {
      return showProfile(context, PASSWORDS_DIFFER_ERROR)
    }
    const result = await withReauth(context, ({ reauthentication }) =>
      signInServices.passwords.change(
        reauthentication,
        getUntrimmed('new-password'),
        context.caller,
      ),
    )
    if (!result.ok) return showProfile(context, result.failure)
    setDeviceCookie(context.c, result.value)
    return redirectToPage(context.c, PROFILE_PATH, 'password-changed')
  })

  router.form(`${PROFILE_PATH}/sessions/:id/end`, 'me.revokeToken', async (context) => {
    const result = await signInServices.sessions.end(
      context.session,
      getPathId(context),
      context.caller,
    )
    return result.ok
      ? redirectToPage(context.c, PROFILE_PATH, 'session-ended')
      : showProfile(context, result.failure)
  })

  router.form(
    `${PROFILE_PATH}/sign-out-everywhere`,
    'signed-in',
    async ({ c, session, caller }) => {
      await signInServices.sessions.signOutEverywhere(session, caller)
      deleteSessionCookies(c)
      return redirectToPage(c, SIGN_IN_PATH)
    },
  )

  async function showProfile(context: PageContext, failure: FormError | null): Promise<Response> {
    const { user, account } = context.session
    const [sessions, codesLeft] = await Promise.all([
      signInServices.sessions.list(context.session),
      signInServices.secondFactor.countUnusedRecoveryCodes(user.id),
    ])
    const body = html`${errorNotice(toErrorMessage(failure))}
      <div class="columns">
        <div class="stack"><section class="card"><h2>Details</h2>${definitionList([
          ['Username', user.username ?? 'None'],
          ['E-mail address', user.email],
          ['Role', user.role],
          ['Account', account.name],
        ])}</section>
        <section class="card"><h2>Second factor</h2>${secondFactorSummary(codesLeft)}</section></div>
        <section class="card"><h2>Change password</h2>${passwordForm(context, failure)}</section>
      </div>
      <section class="card flush" id="sessions">
        ${table({
          caption: 'Browsers where you are signed in, and API tokens',
          columns: [
            { name: 'Name' },
            { name: 'Kind' },
            { name: 'Began' },
            { name: 'Last seen' },
            { name: 'Ends' },
            { name: 'Action', end: true },
          ],
          rows: sessions.map((session) => sessionRow(context, session)),
        })}
        <div class="pager">${buttonLink(`${PROFILE_PATH}/tokens/new`, 'Create API token')}${actionButton(
          context.formToken,
          `${PROFILE_PATH}/sign-out-everywhere`,
          'Sign out everywhere',
          { variant: 'danger', label: 'Sign out everywhere, and end every API token' },
        )}</div>
      </section>`
    return renderPage(context, { heading: 'Profile and security' }, body, toErrorStatus(failure))
  }
}

const PASSWORDS_DIFFER_ERROR: FormError = {
  reason: 'unfit',
  field: 'password',
  message: 'the two passwords differ: type them again',
}

const sessionRow = (context: PageContext, session: Session): (Html | string)[] => {
  const isCurrent = session.id === context.session.session.id
  const name = session.kind === 'browser' ? formatBrowserName(session.name) : session.name
  return [
    html`${name} ${isCurrent ? badge('This browser', 'good') : nothing}`,
    session.kind === 'browser' ? 'Browser' : 'API token',
    relativeTime(session.createdAt, context.now),
    relativeTime(session.seenAt, context.now),
    relativeTime(session.expiresAt, context.now),
    actionButton(
      context.formToken,
      `${PROFILE_PATH}/sessions/${session.id}/end`,
      isCurrent ? 'Sign out' : 'End',
      {
        variant: isCurrent ? 'compact' : 'compact danger',
        label: `${isCurrent ? 'Sign out' : 'End'} ${name}, since ${formatInstant(session.createdAt)}`,
      },
    ),
  ]
}

const secondFactorSummary = (codesLeft: number | null): Html =>
  codesLeft === null
    ? html`<p>A code from an app, in addition to your password: your password alone is then not enough to sign in.</p>
        <p>${buttonLink(`${PROFILE_PATH}/second-factor/new`, 'Set up second factor', 'primary')}</p>`
    : html`<p>${badge('On', 'good')} ${formatCount(codesLeft, 'recovery code')} left.</p>
        ${codesLeft < 3 ? html`<p>To get ten new codes, remove the second factor and set it up again.</p>` : nothing}
        <p>${buttonLink(`${PROFILE_PATH}/second-factor/remove`, 'Remove second factor', 'danger')}</p>`

const passwordForm = (context: PageContext, failure: FormError | null): Html =>
  postForm(
    context.formToken,
    `${PROFILE_PATH}/password`,
    html`${reauthFields(context, failure, 'Current password')}
      ${textField({ name: 'new-password', label: 'New password', type: 'password', hint: 'At least 15 characters. A change ends all your other sessions and API tokens.', autocomplete: 'new-password', required: true })}
      ${textField({ name: 'repeat', label: 'Repeat the new password', type: 'password', autocomplete: 'new-password', required: true })}
      ${submitButton('Change password')}`,
  )

/** In order: the user agent of each browser also names browsers further down. */
const BROWSER_PATTERNS = [
  [/\bEdg(e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/Chrome\/|\bCriOS\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
] as const

const OPERATING_SYSTEM_PATTERNS = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMacintosh\b/, 'a Mac'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
] as const

/** Names the browser and system of a user agent; returns the user agent if it is unknown. */
function formatBrowserName(userAgent: string): string {
  const browser = BROWSER_PATTERNS.find(([pattern]) => pattern.test(userAgent))
  const operatingSystem = OPERATING_SYSTEM_PATTERNS.find(([pattern]) => pattern.test(userAgent))
  if (browser === undefined) return userAgent
  return operatingSystem === undefined ? browser[1] : `${browser[1]} on ${operatingSystem[1]}`
}

const NEW_TOKEN_PATH = `${PROFILE_PATH}/tokens/new`
const NEW_TOKEN_HEADING = { heading: 'Create API token', crumbs: PROFILE_CRUMBS }
const TOKEN_LIFETIME_CHOICES = [7, 30, 90, 365].map((days) => ({
  value: String(days),
  text: `${days} days`,
}))

/** The page that creates a token for the management API. */
export function mountApiTokenPages(
  router: ConsoleRouter,
  { signInServices }: SignInPageDeps,
): void {
  router.page(NEW_TOKEN_PATH, 'signed-in', (context) => showTokenForm(context, null))

  router.form(NEW_TOKEN_PATH, 'signed-in', async (context) => {
    const input = { name: getField(context, 'name'), days: Number(getField(context, 'days')) }
    const result = await withReauth(context, ({ reauthentication }) =>
      signInServices.apiTokens.issue(reauthentication, input, context.caller),
    )
    if (!result.ok) return showTokenForm(context, result.failure)
    return renderPage(
      context,
      NEW_TOKEN_HEADING,
      secretDialog({
        title: `The API token ${result.value.token.name}`,
        text: 'Programs can do with it what you can do, until it expires. It is not shown again.',
        secrets: [{ name: 'token', value: result.value.secret }],
        fileName: 'latchkey-token.txt',
        next: PROFILE_PATH,
        acknowledge: 'I have stored the token where its program reads it',
      }),
    )
  })

  function showTokenForm(context: PageContext, failure: FormError | null): Promise<Response> {
    const body = html`${errorNotice(toErrorMessage(failure))}<section class="card">${postForm(
      context.formToken,
      NEW_TOKEN_PATH,
      html`
      ${textField({ name: 'name', label: 'Name', value: getField(context, 'name'), required: true, maxlength: 200, autofocus: failure === null })}
      ${selectField({ name: 'days', label: 'Expires after', value: getField(context, 'days') || '90', choices: TOKEN_LIFETIME_CHOICES })}
      ${reauthFields(context, failure)}
      <div class="row">${submitButton('Create API token')}${buttonLink(PROFILE_PATH, 'Cancel', 'quiet')}</div>`,
    )}</section>`
    return renderPage(context, NEW_TOKEN_HEADING, body, toErrorStatus(failure))
  }
}

/** The forms of every page: sign out, theme and account switcher. */
export function mountSessionActions(
  router: ConsoleRouter,
  { signInServices }: SignInPageDeps,
): void {
  router.form(SIGN_OUT_PATH, 'signed-in', async ({ c, session, caller }) => {
    await signInServices.sessions.signOut(session, caller)
    deleteSessionCookies(c)
    return redirectToPage(c, SIGN_IN_PATH)
  })

  router.form(THEME_PATH, 'signed-in', (context) => {
    setThemeCookie(context.c, parseTheme(getField(context, 'theme')))
    return redirectToPage(context.c, toConsolePath(getField(context, 'next')))
  })

  // The selection only narrows what an operator sees, so it needs no permission.
  router.form(ACCOUNT_SELECTION_PATH, 'signed-in', (context) => {
    setAccountCookie(context.c, getOptionalField(context, 'account') ?? null)
    return redirectToPage(context.c, toConsolePath(getField(context, 'next')))
  })
}

const SECOND_FACTOR_SETUP_PATH = `${PROFILE_PATH}/second-factor/new`
const SECOND_FACTOR_REMOVAL_PATH = `${PROFILE_PATH}/second-factor/remove`
const SECOND_FACTOR_HEADING = { heading: 'Set up second factor', crumbs: PROFILE_CRUMBS }

/** The pages of the second factor: time-based codes (RFC 6238). */
export function mountSecondFactorPages(
  router: ConsoleRouter,
  { signInServices }: SignInPageDeps,
): void {
  router.page(SECOND_FACTOR_SETUP_PATH, 'signed-in', (context) => showSetup(context, null))

  router.form(SECOND_FACTOR_SETUP_PATH, 'signed-in', async (context) => {
    const input = { pending: getField(context, 'pending'), code: getField(context, 'code') }
    const result = await withReauth(context, ({ reauthentication }) =>
      signInServices.secondFactor.confirmSetup(reauthentication, input, context.caller),
    )
    if (!result.ok) return showSetup(context, result.failure)
    return renderPage(
      context,
      SECOND_FACTOR_HEADING,
      secretDialog({
        title: 'Your recovery codes',
        text: 'Each code replaces your device once. Print the codes, or store them with your passwords. They are not shown again.',
        secrets: result.value.map((code) => ({ name: 'code', value: code })),
        fileName: 'latchkey-recovery-codes.txt',
        next: PROFILE_PATH,
        acknowledge: 'I have stored the codes',
      }),
    )
  })

  mountConfirmedAction(router, {
    path: SECOND_FACTOR_REMOVAL_PATH,
    operations: 'signed-in',
    find: async ({ session }) => ({ ok: true, value: session.user }),
    question: () => ({
      heading: 'Remove the second factor?',
      crumbs: PROFILE_CRUMBS,
      text: html`<p>You then sign in with your password alone, and your recovery codes stop working. For a new device or new codes, set it up again.</p>`,
      button: 'Remove second factor',
      variant: 'danger primary',
      cancelPath: PROFILE_PATH,
      requiresReauth: true,
    }),
    run: (context) =>
      withReauth(context, ({ reauthentication }) =>
        signInServices.secondFactor.remove(reauthentication, context.caller),
      ),
    flash: 'second-factor-removed',
    next: () => PROFILE_PATH,
  })

  async function showSetup(context: PageContext, failure: FormError | null): Promise<Response> {
    const result = await signInServices.secondFactor.startSetup(
      context.session,
      getField(context, 'pending'),
    )
    if (!result.ok)
      return renderPage(
        context,
        SECOND_FACTOR_HEADING,
        errorNotice(toErrorMessage(result.failure)),
        409,
      )
    const { pending, secret, qr } = result.value
    const body: Html = html`${errorNotice(toErrorMessage(failure))}
      <section class="card"><ol class="steps">
        <li><h2>Scan this code with an authenticator app</h2>${qrCode(qr)}
          <p>Or enter this key: ${copyableText(secret, 'the setup key')}</p></li>
        <li><h2>Enter the code that the app shows</h2>${postForm(
          context.formToken,
          SECOND_FACTOR_SETUP_PATH,
          html`
          ${hiddenField('pending', pending)}
          ${textField({ name: 'code', label: 'Code', inputmode: 'numeric', autocomplete: 'one-time-code', required: true, maxlength: 8 })}
          ${reauthFields(context, failure)}
          ${submitButton('Turn on second factor')}`,
        )}</li>
      </ol></section>`
    return renderPage(context, SECOND_FACTOR_HEADING, body, toErrorStatus(failure))
  }
}

/** Black on white in every theme, because cameras need the contrast. */
const qrCode = ({ size, path }: QrCode): Html => html`
  <svg class="qr" viewBox="0 0 ${size} ${size}" width="220" height="220" role="img" aria-label="The setup key as a QR code" shape-rendering="crispEdges">
    <rect width="${size}" height="${size}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`

import { html } from 'hono/html'
import type { Session } from '../../../service/ports/sign-in.ts'
import {
  actionButton,
  buttonLink,
  postForm,
  selectField,
  submitButton,
  textField,
} from '../components/form.ts'
import {
  badge,
  definitionList,
  errorNotice,
  formatCount,
  type Html,
  nothing,
} from '../components/html.ts'
import { secretDialog } from '../components/secret-dialog.ts'
import { table } from '../components/table.ts'
import { formatInstant, relativeTime } from '../components/time.ts'
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
      getPathId(context, 'id'),
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

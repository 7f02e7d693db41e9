import { html } from 'hono/html'
import { canManageUser } from '../../../../domain/role.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import type { SignInStatus } from '../../../../service/ports/lists.ts'
import { findAccountNames } from '../../account-selection.ts'
import {
  actionButton,
  buttonLink,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../../components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  errorNotice,
  formatCount,
  type Html,
  nothing,
} from '../../components/html.ts'
import { updateIfUnchanged } from '../../components/rename-form.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import { getField, getPathId, type PageContext } from '../../context.ts'
import { type FormError, renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { AUDIT_PATH, KEYS_PATH, PROFILE_PATH, USERS_CRUMBS, USERS_PATH } from '../../navigation.ts'
import { reauthFields, withReauth } from '../../reauth.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { MISSING_ROLE_ERROR, parseRole, roleField } from './roles.ts'

export function mountUserPage(router: ConsoleRouter): void {
  router.page(`${USERS_PATH}/:id`, 'users.read', (context) => showUser(context, null))
}

/** Renders the page of a user, with the form that failed, if one did. */
export async function showUser(
  context: PageContext,
  failedForm: FailedUserForm | null,
): Promise<Response> {
  const { users } = context.services
  const result = await users.find(getPathId(context, 'id'))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const user = result.value
  const [[signInStatus], [keyCount], names] = await Promise.all([
    users.listSignInStatus([user.id]),
    users.countKeys([user.id]),
    findAccountNames(context, [user]),
  ])
  const isEditable = canEditUser(context, user)
  const body = html`${errorNotice(toErrorMessage(failedForm?.failure ?? null))}
    <div class="columns">
      <div class="stack">
        <section class="card"><h2>Details</h2>${definitionList([
          ['E-mail', user.email],
          ['Username', user.username ?? 'none'],
          ['Role', user.role],
          ...(names === null ? [] : ([['Account', names.get(user.accountId) ?? '']] as const)),
          [
            'Keys',
            html`<a href="${KEYS_PATH}?owner=${user.id}">${formatCount(keyCount?.keys ?? 0, 'key')}</a>`,
          ],
          ['Added', exactTime(user.createdAt)],
          ...(user.deactivatedAt === null
            ? []
            : ([['Left', exactTime(user.deactivatedAt)]] as const)),
          ['User id', copyableText(user.id, 'the user id')],
          [
            'Audit',
            html`<a href="${AUDIT_PATH}?actor=${user.id}">What they did</a>, <a href="${AUDIT_PATH}?subject=${user.id}">what was done to them</a>`,
          ],
        ])}</section>
        <section class="card"><header><h2>Signing in</h2>${signInBadges(user, signInStatus)}</header>
          ${signInStatus === undefined ? nothing : signInFacts(context, user, signInStatus)}</section>
        ${isEditable ? userNamesCard(context, user, failedForm) : nothing}
      </div>
      <div class="stack">${isEditable ? html`${userRoleCard(context, user, failedForm)}${userAccessCards(context, user, signInStatus)}` : readOnlyUserCard(context, user)}</div>
    </div>`
  return renderPage(
    context,
    { heading: user.email, crumbs: USERS_CRUMBS },
    body,
    toErrorStatus(failedForm?.failure ?? null),
  )
}

function signInFacts(
  context: PageContext,
  { deactivatedAt }: User,
  signInStatus: SignInStatus,
): Html {
  const seen =
    signInStatus.seenAt === null ? 'never' : relativeTime(signInStatus.seenAt, context.now)
  // A deactivated user cannot sign in, so the rest does not matter.
  if (deactivatedAt !== null) return definitionList([['Last seen', seen]])
  return definitionList([
    ['Password', signInStatus.hasPassword ? 'set' : 'none'],
    ['Second factor', signInStatus.hasSecondFactor ? 'on' : 'off'],
    [
      'Signed in',
      signInStatus.sessions === 0
        ? 'nowhere'
        : formatCount(signInStatus.sessions, 'browser or token', 'browsers and tokens'),
    ],
    ['Last seen', seen],
    ...(signInStatus.invitedUntil === null
      ? []
      : ([['One-time link', html`good until ${exactTime(signInStatus.invitedUntil)}`]] as const)),
  ])
}

const USER_ROUTE = `${USERS_PATH}/:id`

/** The changes of a user by others. Each takes effect at the user's next request. */
export function mountUserForms(router: ConsoleRouter): void {
  router.form(`${USER_ROUTE}/role`, 'users.write', async (context) => {
    const [id, role] = [getPathId(context, 'id'), parseRole(getField(context, 'role'))]
    if (role === undefined) return showUser(context, toFailedForm('role', MISSING_ROLE_ERROR))
    const result = await withReauth(context, async ({ services: { users } }) =>
      updateIfUnchanged(context, await users.find(id), {
        getValue: (row) => row.role,
        newValue: role,
        update: () => users.setRole(id, role),
      }),
    )
    return result.ok
      ? redirectToPage(context.c, `${USERS_PATH}/${id}`, 'user-role-changed')
      : showUser(context, toFailedForm('role', result.failure))
  })

  router.form(`${USER_ROUTE}/username`, 'users.write', async (context) => {
    const { users } = context.services
    const [id, username] = [getPathId(context, 'id'), getField(context, 'username')]
    const result = await updateIfUnchanged(context, await users.find(id), {
      getValue: (row) => row.username ?? '',
      newValue: username,
      update: () => users.setUsername(id, username),
    })
    return result.ok
      ? redirectToPage(context.c, `${USERS_PATH}/${id}`, 'user-username-set')
      : showUser(context, toFailedForm('username', result.failure))
  })

  router.form(`${USER_ROUTE}/email`, 'users.write', async (context) => {
    const { users } = context.services
    const [id, email] = [getPathId(context, 'id'), getField(context, 'email')]
    const result = await updateIfUnchanged(context, await users.find(id), {
      getValue: (row) => row.email,
      newValue: email,
      update: () => users.setEmail(id, email),
    })
    return result.ok
      ? redirectToPage(context.c, `${USERS_PATH}/${id}`, 'user-email-set')
      : showUser(context, toFailedForm('email', result.failure))
  })

  router.form(`${USER_ROUTE}/sign-out`, 'users.write', async (context) => {
    const id = getPathId(context, 'id')
    const result = await context.services.users.signOut(id)
    return result.ok
      ? redirectToPage(context.c, `${USERS_PATH}/${id}`, 'user-signed-out')
      : showUser(context, toFailedForm('sign-out', result.failure))
  })
}

const toFailedForm = (form: FailedUserForm['form'], failure: FormError): FailedUserForm => ({
  form,
  failure,
})

/** The form of the page that failed. */
export interface FailedUserForm {
  readonly form: 'role' | 'username' | 'email' | 'sign-out'
  readonly failure: FormError
}

export const canEditUser = ({ session }: PageContext, user: User): boolean =>
  user.deactivatedAt === null && canManageUser(session.user, user)

/** The reason that this user cannot be changed here. */
export function readOnlyUserCard(context: PageContext, user: User): Html {
  if (context.session.user.id === user.id) {
    return html`<section class="card"><h2>This is you</h2>
      <p>Your password, second factor and sessions are at <a href="${PROFILE_PATH}">Profile and security</a>. Your role is changed by somebody else.</p></section>`
  }
  if (!context.can('users.write')) return nothing
  if (user.deactivatedAt !== null) {
    return html`<section class="card"><h2>Has left</h2>
      <p>Who comes back is added anew. Each key that they still own needs another owner.</p></section>`
  }
  return html`<section class="card"><h2>Changes</h2>
    <p>${badge(user.role)} Only another ${user.role} may change this person.</p></section>`
}

const getTypedOrCurrent = (
  context: PageContext,
  failedForm: FailedUserForm | null,
  form: FailedUserForm['form'],
  current: string,
) => (failedForm?.form === form ? getField(context, form) : current)

/** The username and e-mail address. A form that failed keeps what was typed. */
export function userNamesCard(
  context: PageContext,
  user: User,
  failedForm: FailedUserForm | null,
): Html {
  const userPath = `${USERS_PATH}/${user.id}`
  const username = user.username ?? ''
  return html`
    <section class="card"><h2>Username and e-mail address</h2>${postForm(
      context.formToken,
      `${userPath}/username`,
      html`${hiddenField('seen', username)}
        ${textField({ name: 'username', label: 'Username', value: getTypedOrCurrent(context, failedForm, 'username', username), hint: 'Typed to sign in; keys of some key types are sent with it.', required: true, spellcheck: false })}
        <div class="row">${submitButton('Set the username', '')}</div>`,
    )}
    ${postForm(
      context.formToken,
      `${userPath}/email`,
      html`${hiddenField('seen', user.email)}
        ${textField({ name: 'email', label: 'E-mail address', type: 'email', value: getTypedOrCurrent(context, failedForm, 'email', user.email), hint: 'Lists and keys name people by it. Nobody signs in with it.', required: true, spellcheck: false })}
        <div class="row">${submitButton('Set the address', '')}</div>`,
    )}</section>`
}

/** The role. A change needs re-authentication. */
export const userRoleCard = (
  context: PageContext,
  user: User,
  failedForm: FailedUserForm | null,
): Html => html`
  <section class="card"><h2>Role</h2>${postForm(
    context.formToken,
    `${USERS_PATH}/${user.id}/role`,
    html`${hiddenField('seen', user.role)}${roleField(context.session.user.role, getTypedOrCurrent(context, failedForm, 'role', user.role))}
      ${reauthFields(context, failedForm?.form === 'role' ? failedForm.failure : null)}
      <div class="row">${submitButton('Change the role')}</div>`,
  )}</section>`

/** One-time link, second factor, sign-out and deactivation. */
export function userAccessCards(
  context: PageContext,
  user: User,
  signInStatus: SignInStatus | undefined,
): Html {
  const userPath = `${USERS_PATH}/${user.id}`
  return html`
    <section class="card"><h2>Access</h2>
      <p>A one-time link leads to a new password. The link before it is then good no longer.</p>
      <p>${buttonLink(`${userPath}/invite`, 'Make a one-time link')}</p>
      ${signInStatus?.hasSecondFactor === true ? lostDeviceParagraph(userPath) : nothing}
      <p>Every browser and API token ends:</p>
      ${actionButton(context.formToken, `${userPath}/sign-out`, 'Sign out everywhere', { variant: 'danger' })}
    </section>
    <section class="card"><h2>Danger zone</h2>
      <p>Signed out for good. What becomes of their keys is told first.</p>
      <p>${buttonLink(`${userPath}/leave`, 'Let this person leave', 'danger')}</p></section>`
}

const lostDeviceParagraph = (userPath: string): Html => html`
  <p>The device with the second factor is lost:</p>
  <p>${buttonLink(`${userPath}/reset-second-factor`, 'Reset the second factor')}</p>`

/** Badges that say if the user can sign in. */
export function signInBadges(user: User, signInStatus: SignInStatus | undefined): Html {
  if (user.deactivatedAt !== null) return badge('Has left', 'bad')
  if (signInStatus?.hasPassword === true && user.username !== null) {
    return html`${badge('Can sign in', 'good')} ${signInStatus.hasSecondFactor ? badge('Second factor') : nothing}`
  }
  return signInStatus?.invitedUntil == null ? badge('Cannot sign in') : badge('Invited', 'warn')
}

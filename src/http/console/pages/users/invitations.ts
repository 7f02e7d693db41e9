import { html } from 'hono/html'
import type { IssuedInvitation } from '../../../../service/accounts/users.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import { withAccount } from '../../account-selection.ts'
import {
  buttonLink,
  checkbox,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../../components/form.ts'
import { errorNotice } from '../../components/html.ts'
import { secretDialog } from '../../components/secret-dialog.ts'
import { formatInstant } from '../../components/time.ts'
import { renderConfirmation } from '../../confirmation.ts'
import { getField, getOptionalField, getPathId, type PageContext } from '../../context.ts'
import { type FormError, renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { USERS_CRUMBS, USERS_PATH } from '../../navigation.ts'
import { reauthFields, withReauth } from '../../reauth.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { MISSING_ROLE_ERROR, parseRole, roleField } from './roles.ts'

const ADD_USER_PATH = `${USERS_PATH}/new`
const ADD_USER_HEADING = {
  heading: 'Add a person',
  crumbs: USERS_CRUMBS,
  actions: buttonLink(`${USERS_PATH}/roles`, 'Roles and permissions'),
}

/** Adds a user, with a one-time link if they are to sign in. A form sent twice finds the address taken. */
export function mountAddUser(router: ConsoleRouter): void {
  router.page(
    ADD_USER_PATH,
    'users.write',
    withAccount((context, accountId) => showAddUserForm(context, accountId, null)),
  )

  router.form(ADD_USER_PATH, 'users.write', async (context) => {
    const accountId = getField(context, 'account')
    const role = parseRole(getField(context, 'role'))
    if (role === undefined) return showAddUserForm(context, accountId, MISSING_ROLE_ERROR)
    const isInvited = getField(context, 'invite') !== ''
    const result = await withReauth(context, async ({ services }) => {
      const user = await services.users.add({
        accountId,
        role,
        email: getField(context, 'email'),
        username: getOptionalField(context, 'username'),
      })
      if (!user.ok) return user
      const link = isInvited ? await services.users.invite(user.value.id) : null
      return { ok: true, value: { user: user.value, link: link?.ok ? link.value : null } }
    })
    if (!result.ok) return showAddUserForm(context, accountId, result.failure)
    const { user, link } = result.value
    return link === null
      ? redirectToPage(context.c, `${USERS_PATH}/${user.id}`, 'user-added')
      : showOneTimeLink(context, user, link)
  })
}

function showAddUserForm(
  context: PageContext,
  accountId: string,
  error: FormError | null,
): Promise<Response> {
  const isRetry = error !== null
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    ADD_USER_PATH,
    html`${hiddenField('account', accountId)}
      ${textField({ name: 'email', label: 'E-mail address', type: 'email', value: getField(context, 'email'), required: true, autofocus: !isRetry })}
      ${textField({ name: 'username', label: 'Username', value: getField(context, 'username'), hint: 'Typed to sign in. Left empty, it is chosen with the password.', spellcheck: false })}
      ${roleField(context.session.user.role, getField(context, 'role') || 'member')}
      ${checkbox({ name: 'invite', label: html`Make a one-time link, which leads to a first password<span class="hint">Not needed by somebody who only owns keys.</span>`, checked: !isRetry || getField(context, 'invite') !== '' })}
      ${reauthFields(context, error)}
      <div class="row">${submitButton('Add the person')}${buttonLink(USERS_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return renderPage(context, ADD_USER_HEADING, body, toErrorStatus(error))
}

const INVITE_ROUTE = `${USERS_PATH}/:id/invite`

/** Creates a one-time link to a new password. It needs re-authentication, for the link gives access. */
export function mountInvitationPages(router: ConsoleRouter): void {
  router.page(INVITE_ROUTE, 'users.write', (context) => confirmInvitation(context, null))

  router.form(INVITE_ROUTE, 'users.write', async (context) => {
    const id = getPathId(context, 'id')
    if ((await findLastInvitationEventId(context, id)) !== getField(context, 'seen'))
      return confirmInvitation(context, NEWER_LINK_ERROR)
    const link = await withReauth(context, ({ services }) => services.users.invite(id))
    if (!link.ok) return confirmInvitation(context, link.failure)
    const user = await context.services.users.find(id)
    return user.ok
      ? showOneTimeLink(context, user.value, link.value)
      : confirmInvitation(context, user.failure)
  })
}

async function confirmInvitation(context: PageContext, error: FormError | null): Promise<Response> {
  const result = await context.services.users.find(getPathId(context, 'id'))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const { id, email } = result.value
  const back = `${USERS_PATH}/${id}`
  return renderConfirmation(context, {
    heading: `Make a one-time link for ${email}?`,
    crumbs: [...USERS_CRUMBS, { href: back, text: email }],
    text: html`<p>It leads to a new password, for whoever completes its form first, within three days. The link before it is then good no longer.</p>`,
    button: 'Make the link',
    cancelPath: back,
    fields: { seen: await findLastInvitationEventId(context, id) },
    requiresReauth: true,
    error,
  })
}

/** Finds the event of the last link. A form that was rendered before it creates no other. */
async function findLastInvitationEventId(context: PageContext, userId: string): Promise<string> {
  const [event] = await context.services.audit.list({
    subject: userId,
    action: 'user.invited',
    limit: 1,
  })
  return event?.id ?? ''
}

const NEWER_LINK_ERROR: FormError = {
  problem: 'conflict',
  message:
    'a link was made since this page was loaded, and it is not shown again. Send the form once more for another: the one before it is then good no longer',
}

/** Shows the one-time link once. */
export const showOneTimeLink = (
  context: PageContext,
  { id, email }: User,
  { link, invitation }: IssuedInvitation,
): Promise<Response> =>
  renderPage(
    context,
    { heading: email, crumbs: USERS_CRUMBS },
    secretDialog({
      title: 'A one-time link',
      text: html`For <strong>${email}</strong>: send it by a way that nobody else reads. Whoever completes its form first sets the password. It is good once, until ${formatInstant(invitation.expiresAt)}, and is not shown again.`,
      secrets: [{ name: 'link', value: link }],
      fileName: 'latchkey-invitation.txt',
      next: `${USERS_PATH}/${id}`,
      acknowledge: 'I have the link, and will send it',
    }),
  )

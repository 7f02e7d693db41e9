import { html } from 'hono/html'
import { ok } from '../../../domain/failure.ts'
import { getOperation } from '../../../operations/registry.ts'
import type { IssuedInvitation } from '../../../service/accounts/users.ts'
import type { User } from '../../../service/ports/accounts.ts'
import type { SignInStatus } from '../../../service/ports/lists.ts'
import { buttonLink, checkbox, hiddenField } from '../components/form.ts'
import {
  badge,
  definitionList,
  exactTime,
  formatCount,
  formatInstant,
  type Html,
  nothing,
  relativeTime,
} from '../components/html.ts'
import { readMembers } from '../components/members.ts'
import { secretDialog } from '../components/secret-dialog.ts'
import { renderConfirmation } from '../confirmation.ts'
import { getField, getPathId, type PageContext } from '../context.ts'
import { type FormError, renderError } from '../errors.ts'
import { USERS_CRUMBS, USERS_PATH } from '../navigation.ts'
import { reauthFields, withReauth } from '../reauth.ts'
import { redirectToPage, renderPage } from '../render.ts'
import { renderCreation } from '../resource/changes.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'

/** Adds a user, with a one-time link if they are to sign in. A form sent twice finds the address taken. */
export function mountUserCreation(router: ConsoleRouter, resource: Resource<User>): void {
  const operation = getOperation('users.create')
  const path = `${USERS_PATH}/new`
  router.page(path, operation.id, (context) => renderUserCreation(context, resource, null))

  router.form(path, [operation.id, 'users.invite'], async (context) => {
    const isInvited = getField(context, 'invite') !== ''
    const result = await withReauth(context, async ({ services }) => {
      const user = await context.perform(operation, { body: readMembers(context, operation) })
      if (!user.ok) return user
      const { id } = user.value as User
      const link = isInvited ? await services.users.invite(id) : null
      return ok({ user: user.value as User, link: link?.ok ? link.value : null })
    })
    if (!result.ok) return renderUserCreation(context, resource, result.failure)
    const { user, link } = result.value
    return link === null
      ? redirectToPage(context.c, `${USERS_PATH}/${user.id}`, 'users.create')
      : showOneTimeLink(context, user, link)
  })
}

const renderUserCreation = (
  context: PageContext,
  resource: Resource<User>,
  error: FormError | null,
): Promise<Response> =>
  renderCreation(context, resource, {
    error,
    actions: buttonLink(`${USERS_PATH}/roles`, 'Roles and permissions'),
    extraFields: html`${checkbox({ name: 'invite', label: html`Create a one-time link to set the first password<span class="hint">Not needed by a user who only owns keys.</span>`, checked: error === null || getField(context, 'invite') !== '' })}
      ${reauthFields(context, error)}`,
  })

const INVITE_ROUTE = `${USERS_PATH}/:id/invite`

/** Creates a one-time link to a new password. It needs re-authentication, for the link gives access. */
export function mountInvitationPages(router: ConsoleRouter): void {
  router.page(INVITE_ROUTE, 'users.invite', (context) => confirmInvitation(context, null))

  router.form(INVITE_ROUTE, 'users.invite', async (context) => {
    const id = getPathId(context)
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
  const result = await context.services.users.find(getPathId(context))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const { id, email } = result.value
  const back = `${USERS_PATH}/${id}`
  return renderConfirmation(context, {
    heading: `Create a one-time link for ${email}?`,
    crumbs: [...USERS_CRUMBS, { href: back, text: email }],
    text: html`<p>The link lets the first person who opens it set a new password, within three days. Earlier links stop working.</p>`,
    button: 'Create link',
    cancelPath: back,
    fields: hiddenField('seen', await findLastInvitationEventId(context, id)),
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
    'a link was created after this page was loaded, and it is not shown again. Send the form again to create another link: the earlier link then stops working',
}

/** Shows the one-time link once. */
const showOneTimeLink = (
  context: PageContext,
  { id, email }: User,
  { link, invitation }: IssuedInvitation,
): Promise<Response> =>
  renderPage(
    context,
    { heading: email, crumbs: USERS_CRUMBS },
    secretDialog({
      title: 'One-time link',
      text: html`Send it to <strong>${email}</strong> over a private channel: the first person who opens it sets the password. It works once, until ${formatInstant(invitation.expiresAt)}, and is not shown again.`,
      secrets: [{ name: 'link', value: link }],
      fileName: 'latchkey-invitation.txt',
      next: `${USERS_PATH}/${id}`,
      acknowledge: 'I have copied the link',
    }),
  )

/** How the user signs in, with links to restore their access. */
export const signInCard = (
  context: PageContext,
  user: User,
  signInStatus: SignInStatus | undefined,
  canEdit: boolean,
): Html => html`
  <section class="card"><header><h2>Sign-in</h2>${signInBadges(user, signInStatus)}</header>
    ${signInStatus === undefined ? nothing : signInFacts(context, user, signInStatus)}
    ${canEdit ? html`<p>A one-time link lets the user set a new password. Earlier links stop working.</p><p>${buttonLink(`${USERS_PATH}/${user.id}/invite`, 'Create one-time link')}</p>` : nothing}
    ${canEdit && signInStatus?.hasSecondFactor === true ? html`<p>If the user lost the device with the second factor:</p><p>${buttonLink(`${USERS_PATH}/${user.id}/reset-second-factor`, 'Remove second factor')}</p>` : nothing}
  </section>`

function signInFacts(
  context: PageContext,
  { deactivatedAt }: User,
  signInStatus: SignInStatus,
): Html {
  const seen =
    signInStatus.seenAt === null ? 'Never' : relativeTime(signInStatus.seenAt, context.now)
  // A deactivated user cannot sign in, so the rest does not matter.
  if (deactivatedAt !== null) return definitionList([['Last seen', seen]])
  return definitionList([
    ['Password', signInStatus.hasPassword ? 'Set' : 'None'],
    ['Second factor', signInStatus.hasSecondFactor ? 'On' : 'Off'],
    [
      'Signed in',
      signInStatus.sessions === 0
        ? 'Nowhere'
        : formatCount(signInStatus.sessions, 'browser or token', 'browsers and tokens'),
    ],
    ['Last seen', seen],
    ...(signInStatus.invitedUntil === null
      ? []
      : ([['One-time link', html`Works until ${exactTime(signInStatus.invitedUntil)}`]] as const)),
  ])
}

/** Badges that say if the user can sign in. */
export function signInBadges(user: User, signInStatus: SignInStatus | undefined): Html {
  if (user.deactivatedAt !== null) return badge('Deactivated', 'bad')
  if (signInStatus?.hasPassword === true && user.username !== null) {
    return html`${badge('Can sign in', 'good')} ${signInStatus.hasSecondFactor ? badge('Second factor') : nothing}`
  }
  return signInStatus?.invitedUntil == null ? badge('Cannot sign in') : badge('Invited', 'warn')
}

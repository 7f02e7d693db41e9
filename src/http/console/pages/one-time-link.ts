import { html } from 'hono/html'
import type { InvitationPurpose } from '../../../service/sign-in/invitations.ts'
import { submitButton, textField } from '../components/form.ts'
import { errorNotice, type Html, nothing } from '../components/html.ts'
import { standaloneLayout } from '../layout.ts'
import { SIGN_IN_PATH } from '../navigation.ts'
import { createPublicRouter } from '../public-router.ts'
import { redirectToPage, renderDocument } from '../render.ts'
import type { SignInPageDeps } from './sign-in.ts'
import { plainHttpNotice } from './sign-in.ts'

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

import { html } from 'hono/html'
import type { Result } from '../../../../domain/failure.ts'
import type { User } from '../../../../service/ports/accounts.ts'
import type { Html } from '../../components/html.ts'
import { formatCount } from '../../components/html.ts'
import { renderConfirmation } from '../../confirmation.ts'
import { getPathId, type PageContext } from '../../context.ts'
import { renderError } from '../../errors.ts'
import type { FlashName } from '../../flash.ts'
import { USERS_CRUMBS, USERS_PATH } from '../../navigation.ts'
import type { FormError } from '../../reauth.ts'
import { redirectToPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'

interface UserAction {
  readonly path: string
  readonly title: (user: User) => string
  readonly text: (context: PageContext, user: User) => Promise<Html> | Html
  readonly button: string
  readonly run: (context: PageContext, id: string) => Promise<Result<User, FormError>>
  /** Whether `work` takes the proof that it is he who asks. */
  readonly requiresReauth: boolean
  readonly flash: FlashName
}

const USER_ACTIONS: readonly UserAction[] = [
  {
    path: 'leave',
    title: ({ email }) => `Let ${email} leave?`,
    text: deactivationSummary,
    button: 'Let them leave',
    run: ({ services }, id) => services.accounts.deactivateUser(id),
    requiresReauth: false,
    flash: 'user-left',
  },
  {
    path: 'reset-second-factor',
    title: ({ email }) => `Reset the second factor of ${email}?`,
    text: () => html`<p>From then on the password alone is asked for, until another is set up.</p>
      <p>Be sure who asks: call back on a number that you know.</p>`,
    button: 'Reset it',
    async run({ reauth }, id) {
      const proof = await reauth.verify()
      return proof.ok ? proof.value.services.users.resetSecondFactor(id) : proof
    },
    requiresReauth: true,
    flash: 'user-second-factor-reset',
  },
]

/** What is asked once more before it is done to somebody. */
export function mountUserActions(router: ConsoleRouter): void {
  for (const action of USER_ACTIONS) {
    const path = `${USERS_PATH}/:id/${action.path}`
    router.page(path, 'users.write', (context) => confirmUserAction(context, action, null))
    router.form(path, 'users.write', async (context) => {
      const id = getPathId(context, 'id')
      const result = await action.run(context, id)
      return result.ok
        ? redirectToPage(context.c, `${USERS_PATH}/${id}`, action.flash)
        : confirmUserAction(context, action, result.failure)
    })
  }
}

async function confirmUserAction(
  context: PageContext,
  action: UserAction,
  error: FormError | null,
): Promise<Response> {
  const result = await context.services.accounts.findUser(getPathId(context, 'id'))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const user = result.value
  const back = `${USERS_PATH}/${user.id}`
  return renderConfirmation(context, {
    heading: action.title(user),
    crumbs: [...USERS_CRUMBS, { href: back, text: user.email }],
    text: await action.text(context, user),
    button: action.button,
    variant: 'danger primary',
    cancelPath: back,
    requiresReauth: action.requiresReauth,
    error,
  })
}

async function deactivationSummary(context: PageContext, user: User): Promise<Html> {
  const { accounts, directory } = context.services
  const [account, [keyCount]] = await Promise.all([
    accounts.find(user.accountId),
    directory.countKeys('owner', [user.id]),
  ])
  const keys = keyCount?.keys ?? 0
  const isDisablingKeys = account.ok && account.value.departedKeys === 'disable'
  return html`<p>They are signed out at once and cannot sign in again. This cannot be undone: who comes back is added anew.</p>
    ${
      keys === 0
        ? html`<p>They own no keys.</p>`
        : html`<p>They own <a href="/console/keys?owner=${user.id}">${formatCount(keys, 'key')}</a>. ${
            isDisablingKeys
              ? html`<strong>Those that are enabled are disabled with them</strong>: the next request with one is refused. Give them to somebody else first, if programs depend on them.`
              : html`Those go on working, and are flagged until somebody else owns them.`
          } What becomes of them is a choice of the account, under <a href="/console/settings">Settings</a>.</p>`
    }`
}

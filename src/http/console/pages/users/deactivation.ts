import { html } from 'hono/html'
import type { User } from '../../../../service/ports/accounts.ts'
import { formatCount, type Html } from '../../components/html.ts'
import { type ConfirmedAction, mountConfirmedAction } from '../../confirmation.ts'
import type { PageContext } from '../../context.ts'
import { KEYS_PATH, SETTINGS_PATH, USERS_CRUMBS, USERS_PATH } from '../../navigation.ts'
import { withReauth } from '../../reauth.ts'
import type { ConsoleRouter } from '../../router.ts'

/** Mounts the changes of a user that a page asks to confirm. */
export function mountUserActions(router: ConsoleRouter): void {
  mountUserAction(router, {
    path: 'leave',
    title: ({ email }) => `Let ${email} leave?`,
    text: deactivationSummary,
    button: 'Let them leave',
    run: ({ services }, id) => services.users.deactivate(id),
    requiresReauth: false,
    flash: 'user-left',
  })
  mountUserAction(router, {
    path: 'reset-second-factor',
    title: ({ email }) => `Reset the second factor of ${email}?`,
    text: () => html`<p>From then on the password alone is asked for, until another is set up.</p>
      <p>Be sure who asks: call back on a number that you know.</p>`,
    button: 'Reset it',
    run: (context, id) =>
      withReauth(context, ({ services }) => services.users.resetSecondFactor(id)),
    requiresReauth: true,
    flash: 'user-second-factor-reset',
  })
}

interface UserAction extends Pick<ConfirmedAction<User>, 'path' | 'run' | 'flash'> {
  readonly title: (user: User) => string
  readonly text: (context: PageContext, user: User) => Promise<Html> | Html
  readonly button: string
  readonly requiresReauth: boolean
}

const mountUserAction = (
  router: ConsoleRouter,
  { path, title, text, button, requiresReauth, run, flash }: UserAction,
): void =>
  mountConfirmedAction(router, {
    path: `${USERS_PATH}/:id/${path}`,
    permission: 'users.write',
    find: ({ services }, id) => services.users.find(id),
    question: async (user, context) => ({
      heading: title(user),
      crumbs: [...USERS_CRUMBS, { href: `${USERS_PATH}/${user.id}`, text: user.email }],
      text: await text(context, user),
      button,
      variant: 'danger primary',
      cancelPath: `${USERS_PATH}/${user.id}`,
      requiresReauth,
    }),
    run,
    flash,
    next: (id) => `${USERS_PATH}/${id}`,
  })

async function deactivationSummary(context: PageContext, user: User): Promise<Html> {
  const { accounts, users } = context.services
  const [account, [keyCount]] = await Promise.all([
    accounts.find(user.accountId),
    users.countKeys([user.id]),
  ])
  const keys = keyCount?.keys ?? 0
  const isDisablingKeys = account.ok && account.value.offboardingPolicy === 'disable'
  return html`<p>They are signed out at once and cannot sign in again. This cannot be undone: who comes back is added anew.</p>
    ${
      keys === 0
        ? html`<p>They own no keys.</p>`
        : html`<p>They own <a href="${KEYS_PATH}?owner=${user.id}">${formatCount(keys, 'key')}</a>. ${
            isDisablingKeys
              ? html`<strong>Those that are enabled are disabled with them</strong>: the next request with one is refused. Give them to somebody else first, if programs depend on them.`
              : html`Those go on working, and are flagged until somebody else owns them.`
          } What becomes of them is a choice of the account, under <a href="${SETTINGS_PATH}">Settings</a>.</p>`
    }`
}

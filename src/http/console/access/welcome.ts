import { html } from 'hono/html'
import type { Welcome } from '../../../service/people/welcome.ts'
import { document, seeOther } from '../answer.ts'
import { alone } from '../look/frame.ts'
import { themeOf } from '../look/theme.ts'
import { createOpenArea } from '../open.ts'
import { field, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { refused } from '../parts/words.ts'
import type { AccessScreenDeps } from './deps.ts'
import { plainHttpNotice } from './plain-http.ts'

/** One-time links: to a first password, to a new one, and to the server's first operator. */
export function welcomeScreens(deps: AccessScreenDeps) {
  const { access } = deps
  const open = createOpenArea(deps)
  const PATH = '/console/welcome/:link'

  open.show(PATH, async (c, caller) => {
    const link = c.req.param('link') ?? ''
    const welcome = await access.welcome(link)
    const body = welcome.ok ? formOf(c.req.path, welcome.value, new URLSearchParams(), null) : gone
    const shown = html`${plainHttpNotice(c, deps.consoleUrl)}${body}`
    return document(c, caller, alone('Welcome', themeOf(c), shown), welcome.ok ? 200 : 410)
  })

  open.act(PATH, async (c, caller, form) => {
    const link = c.req.param('link') ?? ''
    const welcome = await access.welcome(link)
    const typed = {
      password: form.get('password') ?? '',
      username: form.get('username') ?? '',
      accountName: form.get('accountName') ?? '',
      email: form.get('email') ?? '',
    }
    const isSame = typed.password === (form.get('again') ?? '')
    const taken = welcome.ok && isSame ? await access.accept(link, typed, caller) : null
    if (taken?.ok) return seeOther(c, '/console/sign-in', 'password-set')
    if (!welcome.ok || taken?.failure.reason === 'gone') {
      return document(c, caller, alone('Welcome', themeOf(c), gone), 410)
    }
    const message =
      taken === null
        ? 'the two passwords are not the same: type them again'
        : taken.failure.reason === 'unfit'
          ? taken.failure.message
          : 'the server is busy: try again in a few seconds'
    const body = formOf(c.req.path, welcome.value, form, message)
    return document(c, caller, alone('Welcome', themeOf(c), body), 422)
  })

  return open.app
}

function formOf(
  path: string,
  welcome: Welcome,
  typed: URLSearchParams,
  message: string | null,
): Html {
  const given = (name: string) => typed.get(name) ?? ''
  const isFirst = welcome.for === 'first_operator'
  const username =
    isFirst || welcome.wantsUsername
      ? field({
          name: 'username',
          label: 'Username',
          value: given('username'),
          hint: 'What you sign in with: letters, digits, dot, dash, underscore and @.',
          autocomplete: 'username',
          required: true,
          maxlength: 64,
          spellcheck: false,
        })
      : field({
          name: 'username',
          label: 'Username',
          value: welcome.user.username ?? '',
          autocomplete: 'username',
          readonly: true,
        })
  const organization = isFirst
    ? html`
      ${field({ name: 'accountName', label: 'Your organization', value: given('accountName'), required: true, autofocus: true, autocomplete: 'organization' })}
      ${field({ name: 'email', label: 'Your e-mail address', type: 'email', value: given('email'), required: true, autocomplete: 'email' })}`
    : nothing
  return html`
  <div class="card"><h1>${TITLES[welcome.for]}</h1>
    <p class="soft">${isFirst ? 'You will see and do everything on this server.' : `For ${welcome.user.email}.`}</p>
    ${refused(message)}
    <form method="post" action="${path}">
      ${organization}${username}
      ${field({ name: 'password', label: 'Password', type: 'password', hint: 'At least 15 characters. A few words that only you would put together are good.', autocomplete: 'new-password', required: true, autofocus: !isFirst && !welcome.wantsUsername })}
      ${field({ name: 'again', label: 'The password once more', type: 'password', autocomplete: 'new-password', required: true })}
      ${submit(isFirst ? 'Begin' : 'Set the password')}
    </form>
  </div>`
}

const TITLES: Record<Welcome['for'], string> = {
  first_operator: 'Begin with Latchkey',
  first_password: 'Choose a password',
  new_password: 'Choose a new password',
}

const gone: Html = html`
  <div class="card"><h1>This link leads nowhere any more</h1>
    <p>It was used, has expired, or was replaced by a newer one. Ask an administrator of your account
      for another; whoever runs the server makes one with <code class="nowrap">latchkey console link</code>.</p>
    <p><a class="button primary" href="/console/sign-in">Sign in</a></p>
  </div>`

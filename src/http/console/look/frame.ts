import { html, raw } from 'hono/html'
import type { Permission } from '../../../domain/role.ts'
import { press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { ICON_PATH, SCRIPT_PATH, STYLE_PATH } from './assets.ts'
import { colours } from './colours.ts'
import { ICON } from './icon.ts'

interface Entry {
  readonly href: string
  readonly text: string
  readonly needs: Permission
}

/** Where one can go. What somebody may not see is not offered to him. */
const RAIL: readonly { readonly name: string; readonly entries: readonly Entry[] }[] = [
  {
    name: 'Credentials',
    entries: [
      { href: '/console', text: 'Overview', needs: 'account.read' },
      { href: '/console/keys', text: 'Keys', needs: 'keys.read' },
      { href: '/console/developers', text: 'Developers', needs: 'places.read' },
    ],
  },
  {
    name: 'Messages',
    entries: [
      { href: '/console/sources', text: 'Sources', needs: 'routes.read' },
      { href: '/console/destinations', text: 'Destinations', needs: 'routes.read' },
      { href: '/console/feeds', text: 'Feeds', needs: 'routes.read' },
      { href: '/console/messages', text: 'Messages', needs: 'messages.read' },
    ],
  },
  {
    name: 'Account',
    entries: [
      { href: '/console/sites', text: 'Sites', needs: 'places.read' },
      { href: '/console/addresses', text: 'Addresses', needs: 'places.read' },
      { href: '/console/people', text: 'People', needs: 'users.read' },
      { href: '/console/settings', text: 'Settings', needs: 'account.read' },
      { href: '/console/accounts', text: 'Accounts', needs: 'accounts.read' },
    ],
  },
  {
    name: 'What happened',
    entries: [
      { href: '/console/audit', text: 'Audit', needs: 'audit.read' },
      { href: '/console/explain', text: 'Explain', needs: 'requests.explain' },
    ],
  },
]

export interface Title {
  readonly title: string
  /** A sentence below it. */
  readonly about?: Html | string | undefined
  /** The pages above this one. */
  readonly crumbs?: readonly { readonly href: string; readonly text: string }[] | undefined
  /** What can be done here. */
  readonly actions?: Html | undefined
}

/** A page of who is signed in. */
export const framed = (visit: Visit, head: Title, body: Html): Html =>
  document_(
    head.title,
    visit.theme,
    html`
  <a class="skip" href="#main">Skip to the page</a>
  <div class="frame">
    <header class="rail">
      ${brand}${narrowed(visit)}
      <details class="menu"><summary>Menu</summary>
        <nav aria-label="Main">${RAIL.map((group) => groupOf(visit, group))}</nav>
        ${me(visit)}
      </details>
    </header>
    <main id="main" tabindex="-1">
      ${headOf(head)}
      ${visit.said === null ? nothing : html`<div class="notice good" role="status">${visit.said}</div>`}
      ${body}
    </main>
  </div>`,
  )

/** A page for everybody, with what is on it beside it. */
export const beside = (title: string, contents: Html, body: Html): Html =>
  document_(
    title,
    'system',
    html`
  <a class="skip" href="#main">Skip to the page</a>
  <div class="frame">
    <header class="rail">${brand}<details class="menu"><summary>On this page</summary>${contents}</details></header>
    <main id="main" tabindex="-1">${body}</main>
  </div>`,
  )

/** A page of who is not. */
export const alone = (title: string, theme: string, body: Html): Html =>
  document_(
    title,
    theme,
    html`<div class="alone"><main id="main" class="stack">${brand}${body}</main></div>`,
  )

const document_ = (title: string, theme: string, body: Html): Html => html`<!doctype html>
<html lang="en" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title} · Latchkey</title>
<link rel="icon" href="${ICON_PATH}" type="image/svg+xml">
<link rel="stylesheet" href="${STYLE_PATH}">
<script src="${SCRIPT_PATH}" defer></script>
</head>
<body>${body}<div class="hidden" role="status" data-announce></div></body>
</html>`

const brand: Html = html`<a class="brand" href="/console">${raw(ICON)}Latchkey</a>`

const groupOf = (visit: Visit, { name, entries }: (typeof RAIL)[number]): Html => {
  const offered = entries.filter(({ needs }) => visit.may(needs))
  if (offered.length === 0) return nothing
  return html`<div><h2>${name}</h2><ul>${offered.map(({ href, text }) => {
    const isHere = href === '/console' ? visit.path === href : visit.path.startsWith(href)
    return html`<li><a href="${href}"${isHere ? html` aria-current="${visit.path === href ? 'page' : 'true'}"` : nothing}>${text}</a></li>`
  })}</ul></div>`
}

/** That others are not shown is seen on every page, on a phone too. */
const narrowed = ({ narrowedTo, formToken }: Visit): Html =>
  narrowedTo === null
    ? nothing
    : html`<div class="narrowed"><p>Only <strong>${narrowedTo.name}</strong></p>${press(
        formToken,
        '/console/account',
        'See all accounts',
        { look: 'compact', fields: { next: '/console/accounts' } },
      )}</div>`

const me = (visit: Visit): Html => html`
  <div class="me">
    <p><strong>${visit.person.user.username ?? visit.person.user.email}</strong><br>
      <span class="soft">${visit.person.user.role}, ${visit.narrowedTo?.name ?? visit.person.account.name}</span></p>
    <div class="row">
      <a class="button compact" href="/console/me">Your sign-in</a>
      ${press(visit.formToken, '/console/sign-out', 'Sign out', { look: 'compact' })}
    </div>
    ${colours(visit)}
  </div>`

const headOf = ({ title, about, crumbs, actions }: Title): Html => html`
  <div class="head"><div>
    ${crumbs === undefined ? nothing : html`<nav class="crumbs" aria-label="Above this page">${crumbs.map(({ href, text }, n) => html`${n === 0 ? nothing : html`<span aria-hidden="true">/</span>`}<a href="${href}">${text}</a>`)}</nav>`}
    <h1>${title}</h1>${about === undefined ? nothing : html`<p class="soft">${about}</p>`}
  </div>${actions === undefined ? nothing : html`<div class="row">${actions}</div>`}</div>`

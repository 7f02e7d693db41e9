import type { Context } from 'hono'
import { html, raw } from 'hono/html'
import { actionButton, hiddenField, postForm } from './components/form.ts'
import { type Html, nothing } from './components/html.ts'
import { getConsolePaths } from './console-paths.ts'
import type { PageContext } from './context.ts'
import { getThemeCookie, THEMES, type Theme } from './cookies.ts'
import {
  ACCOUNT_SELECTION_PATH,
  ACCOUNTS_PATH,
  CONSOLE_PATH,
  NAVIGATION_GROUPS,
  type NavigationGroup,
  PROFILE_PATH,
  SIGN_OUT_PATH,
  THEME_PATH,
} from './navigation.ts'
import { ICON_PATH, KEY_ICON_SVG } from './static/assets.ts'

export interface PageHeading {
  readonly heading: string
  /** A sentence below the heading. */
  readonly about?: Html | string | undefined
  /** Links to the pages above this one. */
  readonly crumbs?: readonly { readonly href: string; readonly text: string }[] | undefined
  /** Buttons beside the heading. */
  readonly actions?: Html | undefined
}

/** The layout of pages of a signed-in user. */
export const pageLayout = (context: PageContext, heading: PageHeading, body: Html): Html =>
  htmlDocument(
    context.c,
    heading.heading,
    context.theme,
    html`
  <a class="skip" href="#main">Skip to content</a>
  <div class="frame">
    <header class="rail">
      ${brandLink}${selectedAccountBanner(context)}
      <details class="menu"><summary>Menu</summary>
        <nav aria-label="Main">${NAVIGATION_GROUPS.map((group) => navigationGroup(context, group))}</nav>
        ${signedInUserPanel(context)}
      </details>
    </header>
    <main id="main" tabindex="-1">
      ${pageHeader(heading)}
      ${context.flash === null ? nothing : html`<div class="notice good" role="status">${context.flash}</div>`}
      ${body}
    </main>
  </div>`,
  )

/** The layout of the API reference, with a table of contents beside the page. */
export const referenceLayout = (c: Context, title: string, contents: Html, body: Html): Html =>
  htmlDocument(
    c,
    title,
    'system',
    html`
  <a class="skip" href="#main">Skip to content</a>
  <div class="frame">
    <header class="rail">${brandLink}<details class="menu"><summary>On this page</summary>${contents}</details></header>
    <main id="main" tabindex="-1">${body}</main>
  </div>`,
  )

/** The layout of pages without a session. */
export const standaloneLayout = (c: Context, title: string, body: Html): Html =>
  htmlDocument(
    c,
    title,
    getThemeCookie(c),
    html`<div class="alone"><main id="main" class="stack">${brandLink}${body}</main></div>`,
  )

const htmlDocument = (
  c: Context,
  title: string,
  theme: Theme,
  body: Html,
): Html => html`<!doctype html>
<html lang="en" data-theme="${theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>${title} · Latchkey</title>
<link rel="icon" href="${ICON_PATH}" type="image/svg+xml">
<link rel="stylesheet" href="${getConsolePaths(c).stylesheetPath}">
<script src="${getConsolePaths(c).scriptPath}" defer></script>
</head>
<body>${body}<div class="hidden" role="status" data-announce></div></body>
</html>`

const brandLink: Html = html`<a class="brand" href="${CONSOLE_PATH}">${raw(KEY_ICON_SVG)}Latchkey</a>`

const navigationGroup = (context: PageContext, { name, links }: NavigationGroup): Html => {
  const visibleLinks = links.filter(({ permission }) => context.can(permission))
  if (visibleLinks.length === 0) return nothing
  return html`<div><h2>${name}</h2><ul>${visibleLinks.map(({ href, text }) => {
    const isCurrent = href === CONSOLE_PATH ? context.path === href : context.path.startsWith(href)
    return html`<li><a href="${href}"${isCurrent ? html` aria-current="${context.path === href ? 'page' : 'true'}"` : nothing}>${text}</a></li>`
  })}</ul></div>`
}

/** Every page says that it shows one account only. */
const selectedAccountBanner = ({ selectedAccount, formToken }: PageContext): Html =>
  selectedAccount === null
    ? nothing
    : html`<div class="narrowed"><p>Only <strong>${selectedAccount.name}</strong></p>${actionButton(
        formToken,
        ACCOUNT_SELECTION_PATH,
        'Show all accounts',
        { variant: 'compact', fields: { next: ACCOUNTS_PATH } },
      )}</div>`

const signedInUserPanel = (context: PageContext): Html => html`
  <div class="me">
    <p><strong>${context.session.user.username ?? context.session.user.email}</strong><br>
      <span class="soft">${context.session.user.role}, ${context.selectedAccount?.name ?? context.session.account.name}</span></p>
    <div class="row">
      <a class="button compact" href="${PROFILE_PATH}">Profile and security</a>
      ${actionButton(context.formToken, SIGN_OUT_PATH, 'Sign out', { variant: 'compact' })}
    </div>
    ${themeSwitcher(context)}
  </div>`

const pageHeader = ({ heading, about, crumbs, actions }: PageHeading): Html => html`
  <div class="head"><div>
    ${crumbs === undefined ? nothing : html`<nav class="crumbs" aria-label="Above this page">${crumbs.map(({ href, text }, n) => html`${n === 0 ? nothing : html`<span aria-hidden="true">/</span>`}<a href="${href}">${text}</a>`)}</nav>`}
    <h1>${heading}</h1>${about === undefined ? nothing : html`<p class="soft">${about}</p>`}
  </div>${actions === undefined ? nothing : html`<div class="row">${actions}</div>`}</div>`

const THEME_LABELS = { system: 'System', light: 'Light', dark: 'Dark' } as const satisfies Record<
  Theme,
  string
>

/** Offers all themes, because the server does not know which one the system has. */
const themeSwitcher = ({ formToken, path, theme }: PageContext): Html =>
  postForm(
    formToken,
    THEME_PATH,
    html`${hiddenField('next', path)}<div class="colours" role="group" aria-label="Theme">${THEMES.map(
      (choice) =>
        html`<button class="compact" name="theme" value="${choice}" aria-pressed="${choice === theme ? 'true' : 'false'}">${THEME_LABELS[choice]}</button>`,
    )}</div>`,
  )

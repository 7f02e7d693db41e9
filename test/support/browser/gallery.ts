import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { sparkline } from '../../../src/http/console/components/chart.ts'
import {
  actionButton,
  buttonLink,
  checkbox,
  postForm,
  radioGroup,
  selectField,
  submitButton,
  textArea,
  textField,
} from '../../../src/http/console/components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  emptyState,
  exactTime,
  notice,
  relativeTime,
} from '../../../src/http/console/components/html.ts'
import { pager, table, timeline } from '../../../src/http/console/components/table.ts'
import {
  createAssetPaths,
  createAssetRoutes,
  ICON_PATH,
} from '../../../src/http/console/static/assets.ts'
import { readConsoleAssets } from '../../../src/node/package-file.ts'
import { HOUR_MS } from '../time.ts'

const ASSETS = readConsoleAssets()
const { stylesheetPath, scriptPath } = createAssetPaths(ASSETS)

const GALLERY_NOW = Date.UTC(2026, 2, 4, 9, 30)
const SAMPLE_DAILY_USES = [
  0, 3, 5, 4, 0, 0, 7, 9, 8, 11, 6, 0, 0, 12, 14, 9, 10, 13, 0, 0, 15, 12, 17, 14, 16, 0, 0, 18, 21,
  19,
]

/** The policy of every page of the console. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const destinationTile = (name: string, url: string) => html`
  <li class="card"><header><h2>${name}</h2>${badge('Verified', 'good')}</header>${copyableText(url, `the address of ${name}`)}</li>`

/** Every part once, as pages put them together. */
const galleryBody = html`
<a class="skip" href="#main">Skip to content</a>
<div class="frame">
<header class="rail"><a class="brand" href="/">Latchkey</a>
  <details class="menu"><summary>Menu</summary><nav aria-label="Main"><div><h2>Credentials</h2><ul>
    <li><a href="/" aria-current="page">Keys</a></li><li><a href="/#developers">Developers</a></li></ul></div></nav></details></header>
<main id="main" tabindex="-1">
  <div class="head"><div>
    <nav class="crumbs" aria-label="Above this page"><a href="/">Keys</a><span aria-hidden="true">/</span></nav>
    <h1>Every part of the console</h1><p class="soft">As pages put them together.</p></div>
    <div class="row">${buttonLink('/', 'Create key', 'primary')}${actionButton('t', '/', 'Revoke', { variant: 'danger' })}</div></div>
  ${notice('good', 'The key was changed.')}
  ${notice('warn', 'This key expires in 6 days', 'Rotate it before then.')}
  ${notice('plain', 'Nobody has asked for anything yet')}
  ${notice('bad', 'Nothing was changed', 'A key of this name exists.')}
  <ul class="tiles">${destinationTile('Orders', 'https://latchkey.example/redox/endpoint')}${destinationTile('Results', 'https://latchkey.example/a/very/long/address/that/does/not/fit/on/one/line')}</ul>
  <form class="filters" method="get" role="search" aria-label="Keys">${textField({ name: 'q', label: 'Search', type: 'search', wide: true })}
    ${selectField({
      name: 'status',
      label: 'Status',
      choices: [
        { value: '', text: 'Any' },
        { value: 'active', text: 'Active' },
      ],
    })}${submitButton('Search', '')}</form>
  <section class="card flush" aria-label="Keys">${table({
    caption: '3 keys, the newest first',
    columns: [
      { name: 'Name', href: '/?sort=name', sorted: 'ascending' },
      { name: 'Status' },
      { name: 'Used over 30 days' },
      { name: 'Last used', end: true },
    ],
    rows: [
      [
        html`<a href="/">Front desk</a><span class="sub">Open Dental, Mill Street</span>`,
        badge('Active', 'good'),
        sparkline(SAMPLE_DAILY_USES, '283 requests over 30 days'),
        relativeTime(GALLERY_NOW - 3 * HOUR_MS, GALLERY_NOW),
      ],
      [
        html`<a href="/">Imaging gateway</a><span class="sub">Xenrad, Harbour Clinic</span>`,
        badge('Expires soon', 'warn'),
        sparkline(SAMPLE_DAILY_USES.toReversed(), '283 requests over 30 days'),
        relativeTime(GALLERY_NOW - 49 * HOUR_MS, GALLERY_NOW),
      ],
      [
        html`<a href="/">Old exporter</a><span class="sub">Practice</span>`,
        badge('Revoked', 'bad'),
        sparkline(
          SAMPLE_DAILY_USES.map(() => 0),
          'No requests over 30 days',
        ),
        'Never',
      ],
    ],
  })}${pager({ summary: '1 to 3', first: '/?', next: '/?after=3' })}</section>
  <div class="columns">
    <section class="card"><header><h2>Details</h2>${badge('Plain')}</header>${definitionList([
      ['Key id', copyableText('key_01JNM3F6W2', 'the key id')],
      ['Owner', 'Maria Lindqvist'],
      ['Created', exactTime(GALLERY_NOW)],
    ])}</section>
    <section class="card"><h2>Timeline</h2>${timeline([
      { title: 'Revoked', when: exactTime(GALLERY_NOW), tone: 'bad', text: 'by operator' },
      { title: 'Rotated', when: exactTime(GALLERY_NOW - HOUR_MS), tone: 'warn' },
      { title: 'Used', when: exactTime(GALLERY_NOW - 2 * HOUR_MS), tone: 'good' },
      { title: 'Created', when: exactTime(GALLERY_NOW - 3 * HOUR_MS) },
    ])}</section>
  </div>
  <section class="card"><h2>A form</h2>${postForm(
    't',
    '/',
    html`
    ${radioGroup({
      name: 'key-type',
      legend: 'Key type',
      value: 'redox',
      options: [
        { value: 'redox', text: 'Redox', hint: 'A signed assertion buys a token.' },
        { value: 'opendental', text: 'Open Dental', hint: 'Two keys in one header.' },
      ],
    })}
    ${textField({ name: 'name', label: 'Name', hint: 'What people call it.', required: true })}
    ${textArea({ name: 'jwk', label: 'Public key', hint: 'A JWK.', code: true })}
    ${checkbox({ name: 'kept', label: 'I have kept the secret' })}
    <div class="row">${submitButton('Create the key')}${buttonLink('/', 'Cancel', 'quiet')}</div>`,
  )}</section>
  <section class="card flush" aria-label="Subscriptions">${emptyState('No subscriptions yet', 'A subscription carries messages to a destination.', buttonLink('/', 'Create a subscription', 'primary'))}</section>
  <ul class="meter"><li><span>OAuth</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8"/><rect width="72" height="8"/></svg><span class="number">72 %</span></li></ul>
</main></div>`

const secretDialogBody = html`<main id="main" class="alone"><h1>Create key</h1></main><div class="veil"></div>
<dialog class="over" open aria-labelledby="title"><h2 id="title">The secret of Front desk</h2>
  <p>It is shown this once.</p><div class="secret" data-secret>rvk_9f2c81d07be34a55a0c6</div>
  ${postForm('t', '/', html`${checkbox({ name: 'kept', label: 'I have kept the secret', required: true })}<div class="row">${submitButton('Done')}</div>`)}
</dialog>`

const renderGalleryPage = (title: string, content: typeof galleryBody) => html`<!doctype html>
<html lang="en" data-theme="system"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<link rel="icon" href="${ICON_PATH}" type="image/svg+xml"><link rel="stylesheet" href="${stylesheetPath}">
<script src="${scriptPath}" defer></script></head><body>${content}<div class="hidden" role="status" data-announce></div></body></html>`

/** Serves the parts with the console's own look and policy. */
export async function startGallery(): Promise<{ url: string; close: () => Promise<void> }> {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  })
  app.get('/', (c) => c.html(renderGalleryPage('Parts', galleryBody)))
  app.get('/dialog', (c) => c.html(renderGalleryPage('A secret', secretDialogBody)))
  app.get('/cookie', (c) => {
    c.header('Set-Cookie', '__Host-latchkey=s; Path=/; Secure; HttpOnly; SameSite=Strict')
    return c.text('given')
  })
  app.get('/cookie/back', (c) => c.text(c.req.header('cookie') ?? 'none'))
  app.route('/', createAssetRoutes(ASSETS))
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
      const close = () => new Promise<void>((onClosed) => server.close(() => onClosed()))
      resolve({ url: `http://127.0.0.1:${port}`, close })
    })
  })
}

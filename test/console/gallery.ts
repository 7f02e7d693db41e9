import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { html } from 'hono/html'
import { assets, ICON_PATH, SCRIPT_PATH, STYLE_PATH } from '../../src/http/console/look/assets.ts'
import {
  area,
  check,
  choices,
  field,
  form,
  link,
  press,
  select,
  submit,
} from '../../src/http/console/parts/form.ts'
import { pager, table, timeline } from '../../src/http/console/parts/list.ts'
import { spark } from '../../src/http/console/parts/spark.ts'
import { instant, moment } from '../../src/http/console/parts/time.ts'
import { badge, copyable, empty, facts, notice } from '../../src/http/console/parts/words.ts'

const NOW = Date.UTC(2026, 2, 4, 9, 30)
const HOUR = 3_600_000
const USE = [
  0, 3, 5, 4, 0, 0, 7, 9, 8, 11, 6, 0, 0, 12, 14, 9, 10, 13, 0, 0, 15, 12, 17, 14, 16, 0, 0, 18, 21,
  19,
]

/** The policy of every page of the console. */
const POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const tile = (name: string, url: string) => html`
  <li class="card"><header><h2>${name}</h2>${badge('Verified', 'good')}</header>${copyable(url, `the address of ${name}`)}</li>`

/** Every part once, as pages put them together. */
const body = html`
<a class="skip" href="#main">Skip to the page</a>
<div class="frame">
<header class="rail"><a class="brand" href="/">Latchkey</a>
  <details class="menu"><summary>Menu</summary><nav aria-label="Main"><div><h2>Credentials</h2><ul>
    <li><a href="/" aria-current="page">Keys</a></li><li><a href="/#developers">Developers</a></li></ul></div></nav></details></header>
<main id="main" tabindex="-1">
  <div class="head"><div>
    <nav class="crumbs" aria-label="Above this page"><a href="/">Keys</a><span aria-hidden="true">/</span></nav>
    <h1>Every part of the console</h1><p class="soft">As pages put them together.</p></div>
    <div class="row">${link('/', 'Create a key', 'primary')}${press('t', '/', 'Revoke', { look: 'danger' })}</div></div>
  ${notice('good', 'The key was changed.')}
  ${notice('warn', 'This key expires in 6 days', 'Rotate it before then.')}
  ${notice('plain', 'Nobody has asked for anything yet')}
  ${notice('bad', 'That was not done', 'A key of this name exists.')}
  <ul class="tiles">${tile('Orders', 'https://latchkey.example/redox/endpoint')}${tile('Results', 'https://latchkey.example/a/very/long/address/that/does/not/fit/on/one/line')}</ul>
  <form class="filters" method="get" role="search" aria-label="Keys">${field({ name: 'q', label: 'Search', type: 'search', wide: true })}
    ${select({
      name: 'status',
      label: 'Status',
      choices: [
        { value: '', text: 'Any' },
        { value: 'active', text: 'Active' },
      ],
    })}${submit('Search', '')}</form>
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
        spark(USE, '283 requests over 30 days'),
        moment(NOW - 3 * HOUR, NOW),
      ],
      [
        html`<a href="/">Imaging gateway</a><span class="sub">Xenrad, Harbour Clinic</span>`,
        badge('Expires soon', 'warn'),
        spark(USE.toReversed(), '283 requests over 30 days'),
        moment(NOW - 49 * HOUR, NOW),
      ],
      [
        html`<a href="/">Old exporter</a><span class="sub">Practice</span>`,
        badge('Revoked', 'bad'),
        spark(
          USE.map(() => 0),
          'No requests over 30 days',
        ),
        'Never',
      ],
    ],
  })}${pager({ shown: '1 to 3', first: '/?', next: '/?after=3' })}</section>
  <div class="columns">
    <section class="card"><header><h2>Facts</h2>${badge('Plain')}</header>${facts([
      ['Key id', copyable('key_01JNM3F6W2', 'the key id')],
      ['Owner', 'Maria Lindqvist'],
      ['Created', instant(NOW)],
    ])}</section>
    <section class="card"><h2>Timeline</h2>${timeline([
      { title: 'Revoked', when: instant(NOW), tone: 'bad', text: 'by operator' },
      { title: 'Rotated', when: instant(NOW - HOUR), tone: 'warn' },
      { title: 'Used', when: instant(NOW - 2 * HOUR), tone: 'good' },
      { title: 'Created', when: instant(NOW - 3 * HOUR) },
    ])}</section>
  </div>
  <section class="card"><h2>A form</h2>${form(
    't',
    '/',
    html`
    ${choices({
      name: 'dialect',
      legend: 'Dialect',
      value: 'redox',
      options: [
        { value: 'redox', text: 'Redox', hint: 'A signed assertion buys a token.' },
        { value: 'opendental', text: 'Open Dental', hint: 'Two keys in one header.' },
      ],
    })}
    ${field({ name: 'name', label: 'Name', hint: 'What people call it.', required: true })}
    ${area({ name: 'jwk', label: 'Public key', hint: 'A JWK.', code: true })}
    ${check({ name: 'kept', label: 'I have kept the secret' })}
    <div class="row">${submit('Create the key')}${link('/', 'Cancel', 'quiet')}</div>`,
  )}</section>
  <section class="card flush" aria-label="Feeds">${empty('No feeds yet', 'A feed carries messages to a destination.', link('/', 'Create a feed', 'primary'))}</section>
  <ul class="meter"><li><span>OAuth</span><svg viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true"><rect width="100" height="8"/><rect width="72" height="8"/></svg><span class="number">72 %</span></li></ul>
</main></div>`

const dialog = html`<main id="main" class="alone"><h1>Create a key</h1></main><div class="veil"></div>
<dialog class="over" open aria-labelledby="title"><h2 id="title">The secret of Front desk</h2>
  <p>It is shown this once.</p><div class="secret" data-secret>rvk_9f2c81d07be34a55a0c6</div>
  ${form('t', '/', html`${check({ name: 'kept', label: 'I have kept the secret', required: true })}<div class="row">${submit('Done')}</div>`)}
</dialog>`

const page = (title: string, content: typeof body) => html`<!doctype html>
<html lang="en" data-theme="system"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>
<link rel="icon" href="${ICON_PATH}" type="image/svg+xml"><link rel="stylesheet" href="${STYLE_PATH}">
<script src="${SCRIPT_PATH}" defer></script></head><body>${content}<div class="hidden" role="status" data-announce></div></body></html>`

/** Serves the parts with the console's own look and policy. */
export async function gallery(): Promise<{ url: string; close: () => Promise<void> }> {
  const app = new Hono()
  app.use(async (c, next) => {
    await next()
    c.header('Content-Security-Policy', POLICY)
  })
  app.get('/', (c) => c.html(page('Parts', body)))
  app.get('/dialog', (c) => c.html(page('A secret', dialog)))
  app.get('/cookie', (c) => {
    c.header('Set-Cookie', '__Host-latchkey=s; Path=/; Secure; HttpOnly; SameSite=Strict')
    return c.text('given')
  })
  app.get('/cookie/back', (c) => c.text(c.req.header('cookie') ?? 'none'))
  app.route('/', assets())
  return new Promise((resolve) => {
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }, ({ port }) => {
      const close = () => new Promise<void>((closed) => server.close(() => closed()))
      resolve({ url: `http://127.0.0.1:${port}`, close })
    })
  })
}

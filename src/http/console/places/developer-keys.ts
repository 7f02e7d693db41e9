import { html } from 'hono/html'
import type { ListedKey } from '../../../service/ports/lists.ts'
import type { Developer } from '../../../service/ports.ts'
import { link, press } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { table } from '../parts/list.ts'
import { day, moment } from '../parts/time.ts'
import { badge } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { DEVELOPERS } from './paths.ts'

/** The key of a developer's program, or how he comes to one. */
export function portalKeys(visit: Visit, { id }: Developer, keys: readonly ListedKey[]): Html {
  const mayWrite = visit.may('keys.write')
  const living = keys.filter(({ status }) => status !== 'revoked')
  const create = link(`${DEVELOPERS}/${id}/portal-key/new`, 'Make a key for the portal', 'primary')
  if (living.length === 0) {
    return html`<p>There is none. With it the developer’s program makes and lists customer keys by itself.</p>${mayWrite ? html`<p>${create}</p>` : nothing}`
  }
  return html`<p>With it the developer’s program makes and lists customer keys by itself.</p>${living.map(
    (
      key,
    ) => html`<div class="row spread"><span><a href="/console/keys/${key.id}">${key.name}</a> ${statusOfKey(key)}
        <span class="small soft">${lastUsed(visit, key)}</span></span>${
          mayWrite
            ? link(`${DEVELOPERS}/${id}/portal-key/${key.id}/rotate`, 'Rotate', 'compact')
            : nothing
        }</div>`,
  )}`
}

const lastUsed = (visit: Visit, { lastUsedAt }: ListedKey): Html =>
  lastUsedAt === null ? html`never used` : html`used ${moment(lastUsedAt, visit.now)}`

function statusOfKey({ status, disabledBy }: ListedKey): Html {
  switch (status) {
    case 'enabled':
      return badge('Enabled', 'good')
    case 'disabled':
      return badge(disabledBy === 'operator' ? 'Disabled' : `Disabled by its ${disabledBy}`, 'warn')
    case 'revoked':
      return badge('Revoked', 'bad')
  }
}

/** The keys of his customers, each with its office and what can be done with it. */
export const customerKeys = (visit: Visit, here: string, keys: readonly ListedKey[]): Html =>
  table({
    caption: 'Customer keys, the newest first',
    columns: [
      { name: 'Key' },
      { name: 'Office' },
      { name: 'Status' },
      { name: 'Last used' },
      ...(visit.may('keys.write') ? [{ name: 'Action' }] : []),
    ],
    rows: keys.map((key) => [
      html`<a href="/console/keys/${key.id}">${key.name}</a>${key.reference === '' ? nothing : html`<span class="sub">${key.reference}</span>`}`,
      officeOf(key),
      statusOfKey(key),
      key.lastUsedAt === null ? 'Never' : moment(key.lastUsedAt, visit.now),
      ...(visit.may('keys.write') ? [actions(visit, here, key)] : []),
    ]),
  })

const officeOf = ({ siteName, assignedAt, siteId }: ListedKey): Html | string =>
  siteId === null
    ? html`<span class="soft">None: it opens no data yet</span>`
    : html`${siteName ?? 'An office of another account'}${assignedAt === null ? nothing : html` <span class="sub">since ${day(assignedAt)}</span>`}`

function actions({ formToken }: Visit, here: string, key: ListedKey): Html | string {
  if (key.status === 'revoked') return ''
  const of = `${here}/keys/${key.id}`
  const compact = (verb: string, text: string, what: string, look = 'compact') =>
    press(formToken, `${of}/${verb}`, text, {
      look,
      what,
      fields: { seen: key.eventId },
    })
  return html`<div class="row">${
    key.siteId === null
      ? html`<a class="button compact" href="${of}/assign" aria-label="Assign ${key.name} to an office">Assign</a>`
      : compact('take-back', 'Take back', `Take back ${key.name}`)
  }${
    key.status === 'enabled'
      ? compact('disable', 'Disable', `Disable ${key.name}`, 'compact danger')
      : key.disabledBy === 'operator'
        ? compact('enable', 'Enable', `Enable ${key.name}`)
        : nothing
  }</div>`
}

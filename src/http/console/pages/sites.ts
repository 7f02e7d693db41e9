import { html } from 'hono/html'
import type { Site } from '../../../service/ports/accounts.ts'
import type { ServiceError } from '../../../service/service-result.ts'
import { findAccountNames, withAccount } from '../account-selection.ts'
import { buttonLink, hiddenField, postForm, submitButton, textField } from '../components/form.ts'
import {
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  formatCount,
  type Html,
  nothing,
} from '../components/html.ts'
import { renameForm, updateIfUnchanged } from '../components/rename-form.ts'
import { table } from '../components/table.ts'
import { exactTime, relativeTime } from '../components/time.ts'
import { mountConfirmedAction } from '../confirmation.ts'
import { getField, getPathId, type PageContext } from '../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../errors.ts'
import { loadListPage } from '../list-page.ts'
import { KEYS_PATH, SITES_CRUMBS, SITES_PATH } from '../navigation.ts'
import { redirectToPage, renderPage } from '../render.ts'
import type { ConsoleRouter } from '../router.ts'

/** The pages of sites: clinics, offices and hospitals. */
export function mountSitePages(router: ConsoleRouter): void {
  router.page(SITES_PATH, 'places.read', showSiteList)
  router.page(
    `${SITES_PATH}/new`,
    'places.write',
    withAccount((context, id) => showSiteForm(context, id, null)),
  )
  router.form(`${SITES_PATH}/new`, 'places.write', async (context) => {
    const accountId = getField(context, 'account')
    const result = await context.services.sites.add({
      accountId,
      name: getField(context, 'name'),
    })
    return result.ok
      ? redirectToPage(context.c, `${SITES_PATH}/${result.value.id}`, 'site-added')
      : showSiteForm(context, accountId, result.failure)
  })
  mountSitePage(router)
}

async function showSiteList(context: PageContext): Promise<Response> {
  const { sites } = context.services
  const { rows, pagination } = await loadListPage(context, sites.list)
  const [keyCounts, names] = await Promise.all([
    sites.countKeys(rows.map(({ id }) => id)),
    findAccountNames(context, rows),
  ])
  const keyCountBySite = new Map(keyCounts.map(({ id, keys }) => [id, keys]))
  const addLink = context.can('places.write')
    ? buttonLink(`${SITES_PATH}/new`, 'Add a site', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? emptyState(
          'No sites yet',
          'A site is a clinic, an office or a hospital. Keys of some types belong to one.',
          addLink,
        )
      : html`<section class="card flush">${table({
          caption: 'Sites, the oldest first',
          columns: [
            { name: 'Site' },
            ...(names === null ? [] : [{ name: 'Account' }]),
            { name: 'Keys', end: true },
            { name: 'Added', end: true },
          ],
          rows: rows.map((site) => [
            html`<a href="${SITES_PATH}/${site.id}">${site.name}</a>`,
            ...(names === null ? [] : [names.get(site.accountId) ?? '']),
            siteKeysLink(site, keyCountBySite.get(site.id) ?? 0),
            relativeTime(site.createdAt, context.now),
          ]),
        })}${pagination}</section>`
  const about = 'Clinics, offices and hospitals. Keys of some types belong to one.'
  return renderPage(
    context,
    { heading: 'Sites', about, actions: rows.length === 0 ? nothing : addLink },
    body,
  )
}

const siteKeysLink = ({ id, name }: Site, keyCount: number): Html | string =>
  keyCount === 0
    ? '0'
    : html`<a href="${KEYS_PATH}?site=${id}" aria-label="${formatCount(keyCount, 'key')} of ${name}">${keyCount}</a>`

function showSiteForm(
  context: PageContext,
  accountId: string,
  error: ServiceError | null,
): Promise<Response> {
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    `${SITES_PATH}/new`,
    html`${hiddenField('account', accountId)}
      ${textField({ name: 'name', label: 'Name', value: getField(context, 'name'), hint: 'As people there call it: North Clinic, Maple Street.', required: true, autofocus: true })}
      <div class="row">${submitButton('Add the site')}${buttonLink(SITES_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return renderPage(
    context,
    { heading: 'Add a site', crumbs: SITES_CRUMBS },
    body,
    toErrorStatus(error),
  )
}

/** The page of a site. */
export function mountSitePage(router: ConsoleRouter): void {
  router.page(`${SITES_PATH}/:id`, 'places.read', (context) => showSite(context, null))

  router.form(`${SITES_PATH}/:id/rename`, 'places.write', async (context) => {
    const { sites } = context.services
    const [id, name] = [getPathId(context, 'id'), getField(context, 'name')]
    const result = await updateIfUnchanged(context, await sites.find(id), {
      getValue: (row) => row.name,
      newValue: name,
      update: () => sites.rename(id, name),
    })
    return result.ok
      ? redirectToPage(context.c, `${SITES_PATH}/${id}`, 'renamed')
      : showSite(context, result.failure)
  })

  mountConfirmedAction(router, {
    path: `${SITES_PATH}/:id/remove`,
    permission: 'places.write',
    find: ({ services }, id) => services.sites.find(id),
    question: ({ id, name }) => ({
      heading: `Remove ${name}?`,
      crumbs: [...SITES_CRUMBS, { href: `${SITES_PATH}/${id}`, text: name }],
      text: 'Only a site that no key ever belonged to can be removed. It leaves every list; the audit keeps what it was. This cannot be undone, but a site of the same name can be added.',
      button: 'Remove the site',
      variant: 'danger primary',
      cancelPath: `${SITES_PATH}/${id}`,
    }),
    run: ({ services }, id) => services.sites.delete(id),
    flash: 'site-removed',
    next: () => SITES_PATH,
  })
}

async function showSite(context: PageContext, error: ServiceError | null): Promise<Response> {
  const { sites } = context.services
  const result = await sites.find(getPathId(context, 'id'))
  if (!result.ok) return renderError(context.c, context.caller, 'not_found')
  const site = result.value
  const [keyCounts, names] = await Promise.all([
    sites.countKeys([site.id]),
    findAccountNames(context, [site]),
  ])
  const keyCount = keyCounts[0]?.keys ?? 0
  const body = html`${errorNotice(toErrorMessage(error))}
    <div class="columns">
      <section class="card"><h2>Details</h2>${definitionList([
        ['Site id', copyableText(site.id, 'the site id')],
        ...(names === null ? [] : ([['Account', names.get(site.accountId) ?? '']] as const)),
        [
          'Keys',
          keyCount === 0
            ? 'None yet'
            : html`<a href="${KEYS_PATH}?site=${site.id}">${formatCount(keyCount, 'key')}</a>`,
        ],
        ['Added', exactTime(site.createdAt)],
      ])}</section>
      ${context.can('places.write') ? html`<section class="card"><h2>Rename</h2>${siteForms(context, site, keyCount, error)}</section>` : nothing}
    </div>`
  return renderPage(
    context,
    { heading: site.name, crumbs: SITES_CRUMBS },
    body,
    toErrorStatus(error),
  )
}

const siteForms = (
  context: PageContext,
  site: Site,
  keyCount: number,
  error: ServiceError | null,
) => html`
  ${renameForm(context, `${SITES_PATH}/${site.id}/rename`, site.name, error)}
  <details class="more"><summary>Remove the site</summary>
    <p>Only a site that no key ever belonged to can be removed. ${
      keyCount === 0
        ? buttonLink(`${SITES_PATH}/${site.id}/remove`, 'Remove it', 'danger compact')
        : 'This one has keys: it stays.'
    }</p>
  </details>`

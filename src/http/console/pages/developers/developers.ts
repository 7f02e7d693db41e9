import { html } from 'hono/html'
import type { ServiceError } from '../../../../service/service-result.ts'
import { findAccountNames, withAccount } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../../components/form.ts'
import { copyableText, emptyState, errorNotice, nothing } from '../../components/html.ts'
import { table } from '../../components/table.ts'
import { relativeTime } from '../../components/time.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { toErrorMessage, toErrorStatus } from '../../errors.ts'
import { loadListPage } from '../../list-page.ts'
import { DEVELOPERS_CRUMBS, DEVELOPERS_PATH } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { mountDeveloperPage } from './developer.ts'
import {
  mountCustomerKeyPages,
  mountPortalKeyPages,
  type PortalKeyPageDeps,
} from './developer-keys.ts'

/** The pages of developers, whose programs offices use. */
export function mountDeveloperPages(router: ConsoleRouter, deps: PortalKeyPageDeps): void {
  router.page(DEVELOPERS_PATH, 'places.read', showDeveloperList)
  router.page(
    `${DEVELOPERS_PATH}/new`,
    'places.write',
    withAccount((context, id) => showDeveloperForm(context, id, null)),
  )
  router.form(`${DEVELOPERS_PATH}/new`, 'places.write', async (context) => {
    const accountId = getField(context, 'account')
    const input = {
      name: getField(context, 'name'),
      developerKey: getOptionalField(context, 'developer-key'),
    }
    const result = await context.services.developers.add({ accountId, ...input })
    return result.ok
      ? redirectToPage(context.c, `${DEVELOPERS_PATH}/${result.value.id}`, 'developer-added')
      : showDeveloperForm(context, accountId, result.failure)
  })
  mountDeveloperPage(router)
  mountPortalKeyPages(router, deps)
  mountCustomerKeyPages(router)
}

async function showDeveloperList(context: PageContext): Promise<Response> {
  const { developers } = context.services
  const { rows, pagination } = await loadListPage(context, developers.list)
  const ids = rows.map(({ id }) => id)
  const [keyCounts, names] = await Promise.all([
    developers.countKeys(ids),
    findAccountNames(context, rows),
  ])
  const keyCountByDeveloper = new Map(keyCounts.map(({ id, keys }) => [id, keys]))
  const addLink = context.can('places.write')
    ? buttonLink(`${DEVELOPERS_PATH}/new`, 'Add a developer', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? emptyState(
          'No developers yet',
          'An Open Dental developer has a developer key for the program, and a customer key for each office that uses it.',
          addLink,
        )
      : html`<section class="card flush">${table({
          caption: 'Developers, the oldest first',
          columns: [
            { name: 'Developer' },
            ...(names === null ? [] : [{ name: 'Account' }]),
            { name: 'Developer key' },
            { name: 'Keys', end: true },
            { name: 'Added', end: true },
          ],
          rows: rows.map((developer) => [
            html`<a href="${DEVELOPERS_PATH}/${developer.id}">${developer.name}</a>`,
            ...(names === null ? [] : [names.get(developer.accountId) ?? '']),
            copyableText(developer.developerKey, `the developer key of ${developer.name}`),
            String(keyCountByDeveloper.get(developer.id) ?? 0),
            relativeTime(developer.createdAt, context.now),
          ]),
        })}${pagination}</section>`
  const about = 'Open Dental: a developer key for the program, a customer key for each office.'
  const actions = rows.length === 0 ? nothing : addLink
  return renderPage(context, { heading: 'Developers', about, actions }, body)
}

function showDeveloperForm(
  context: PageContext,
  accountId: string,
  error: ServiceError | null,
): Promise<Response> {
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    `${DEVELOPERS_PATH}/new`,
    html`${hiddenField('account', accountId)}
      ${textField({ name: 'name', label: 'Name', value: getField(context, 'name'), required: true, autofocus: true })}
      ${textField({
        name: 'developer-key',
        label: 'Developer key',
        value: getField(context, 'developer-key'),
        hint: 'Only if another system issued it already: 8 to 64 letters and digits. Left empty, one is made.',
        spellcheck: false,
      })}
      <div class="row">${submitButton('Add the developer')}${buttonLink(DEVELOPERS_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return renderPage(
    context,
    { heading: 'Add a developer', crumbs: DEVELOPERS_CRUMBS },
    body,
    toErrorStatus(error),
  )
}

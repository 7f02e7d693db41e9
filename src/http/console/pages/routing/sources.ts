import { html } from 'hono/html'
import type { KeySummary } from '../../../../service/ports/keys.ts'
import type { Source } from '../../../../service/ports/routing.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { findAccountNames, withAccount } from '../../account-selection.ts'
import {
  buttonLink,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../../components/form.ts'
import {
  badge,
  copyableText,
  definitionList,
  emptyState,
  errorNotice,
  type Html,
  nothing,
} from '../../components/html.ts'
import { renameForm, updateIfUnchanged } from '../../components/rename-form.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import { getField, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import { loadListPage } from '../../list-page.ts'
import {
  formatKeyPath,
  formatSourcePath,
  MESSAGES_PATH,
  NEW_KEY_PATH,
  SOURCES_CRUMBS,
  SOURCES_PATH,
  SUBSCRIPTIONS_PATH,
  TEST_MESSAGE_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { copyableTileRow, subscriptionsCard } from './routing-components.ts'

const NEW_SOURCE_PATH = `${SOURCES_PATH}/new`

export function mountSourceListPages(router: ConsoleRouter): void {
  router.page(SOURCES_PATH, 'routes.read', showSourceListPage)
  router.page(
    NEW_SOURCE_PATH,
    'routes.write',
    withAccount((context, accountId) => renderNewSourcePage(context, accountId, null)),
  )
  router.form(NEW_SOURCE_PATH, 'routes.write', addSource)
}

async function addSource(context: PageContext): Promise<Response> {
  const accountId = getField(context, 'account')
  const name = getField(context, 'name')
  const result = await context.services.sources.add({ accountId, name })
  return result.ok
    ? redirectToPage(context.c, formatSourcePath(result.value.id), 'source-added')
    : renderNewSourcePage(context, accountId, result.failure)
}

async function showSourceListPage(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.sources.list)
  const accounts = await findAccountNames(context, rows)
  const addLink = context.can('routes.write')
    ? buttonLink(NEW_SOURCE_PATH, 'Add source', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? html`<section class="card flush">${emptyState('No sources yet', 'A source is a system that sends messages. Add one, create a key for it, and subscribe it to a destination.', addLink)}</section>`
      : html`<ul class="tiles">${rows.map((source) => sourceTile(context, source, accounts))}</ul>${pagination}`
  return renderPage(
    context,
    {
      heading: 'Sources',
      about: 'Systems that send messages, each with its own key.',
      actions: addLink,
    },
    body,
  )
}

const sourceTile = (
  context: PageContext,
  { id, name, accountId, createdAt }: Source,
  accounts: ReadonlyMap<string, string> | null,
): Html => html`
  <li class="card"><h2><a href="${formatSourcePath(id)}">${name}</a></h2>
    ${copyableTileRow('source id', id, name)}
    <p class="small soft">${accounts === null ? nothing : html`${accounts.get(accountId)} · `}Added ${relativeTime(createdAt, context.now)}</p></li>`

function renderNewSourcePage(
  context: PageContext,
  accountId: string,
  error: ServiceError | null,
): Promise<Response> {
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    NEW_SOURCE_PATH,
    html`${hiddenField('account', accountId)}
      ${textField({ name: 'name', label: 'Name', value: getField(context, 'name'), hint: 'The system that sends messages. Destinations see this name in every message.', required: true, autofocus: true })}
      <div class="row">${submitButton('Add source')}${buttonLink(SOURCES_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  return renderPage(
    context,
    { heading: 'Add source', crumbs: SOURCES_CRUMBS },
    body,
    toErrorStatus(error),
  )
}

const SOURCE_PAGE_PATH = `${SOURCES_PATH}/:id`

export function mountSourcePages(router: ConsoleRouter): void {
  router.page(SOURCE_PAGE_PATH, 'routes.read', (context) => renderSourcePage(context, null))
  router.form(`${SOURCE_PAGE_PATH}/rename`, 'routes.write', renameSource)
}

async function renameSource(context: PageContext): Promise<Response> {
  const { sources } = context.services
  const id = getPathId(context, 'id')
  const name = getField(context, 'name')
  const result = await updateIfUnchanged(context, await sources.find(id), {
    getValue: (source) => source.name,
    newValue: name,
    update: () => sources.rename(id, name),
  })
  return result.ok
    ? redirectToPage(context.c, formatSourcePath(id), 'source-renamed')
    : renderSourcePage(context, result.failure)
}

async function renderSourcePage(
  context: PageContext,
  error: ServiceError | null,
): Promise<Response> {
  const { sources } = context.services
  const id = getPathId(context, 'id')
  const [found, keyResult] = await Promise.all([sources.find(id), sources.findKey(id)])
  if (!found.ok || !keyResult.ok) return renderError(context.c, context.caller, 'not_found')
  const source = found.value
  const canWrite = context.can('routes.write')
  const subscribeLink = canWrite
    ? buttonLink(`${SUBSCRIPTIONS_PATH}/new?source=${id}`, 'Add subscription', 'primary')
    : nothing
  const body = html`${errorNotice(toErrorMessage(error))}
    <div class="columns">
      <section class="card"><h2>Details</h2>${definitionList([
        ['Source id', copyableText(id, 'the source id')],
        ['Key', sourceKeyDetail(context, source, keyResult.value)],
        ['Added', exactTime(source.createdAt)],
        ['Messages', html`<a href="${MESSAGES_PATH}?source=${id}">View its messages</a>`],
      ])}</section>
      ${canWrite ? html`<section class="card"><h2>Rename</h2>${renameForm(context, `${formatSourcePath(id)}/rename`, source.name, error)}</section>` : nothing}
    </div>
    ${await subscriptionsCard(context, { sourceId: id }, 'Destinations of its messages', () =>
      emptyState(
        'No subscriptions yet',
        'Messages of this source are refused until it is subscribed to a destination.',
        subscribeLink,
      ),
    )}`
  const testLink = context.can('messages.send')
    ? buttonLink(`${TEST_MESSAGE_PATH}?source=${id}`, 'Send test message')
    : nothing
  const heading = {
    heading: source.name,
    crumbs: SOURCES_CRUMBS,
    actions: html`${testLink}${subscribeLink}`,
  }
  return renderPage(context, heading, body, toErrorStatus(error))
}

function sourceKeyDetail(
  context: PageContext,
  { id, accountId }: Source,
  key: KeySummary | null,
): Html {
  if (key !== null)
    return html`<a href="${formatKeyPath(key)}">${key.name}</a> ${key.status === 'enabled' ? badge('Enabled', 'good') : badge(key.status === 'disabled' ? 'Disabled' : 'Revoked', 'bad')}`
  const query = new URLSearchParams({ 'key-type': 'redox', account: accountId, source: id })
  return html`${badge('None', 'warn')} It cannot send messages.${
    context.can('keys.write') ? html` <a href="${NEW_KEY_PATH}?${query}">Create key</a>` : nothing
  }`
}

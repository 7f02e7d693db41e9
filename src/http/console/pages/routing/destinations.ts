import { html } from 'hono/html'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import { findAccountNames, withAccount } from '../../account-selection.ts'
import {
  buttonLink,
  checkbox,
  hiddenField,
  postForm,
  submitButton,
  textField,
} from '../../components/form.ts'
import { badge, emptyState, errorNotice, type Html, nothing } from '../../components/html.ts'
import { getField, getOptionalField, type PageContext } from '../../context.ts'
import { toErrorMessage, toErrorStatus } from '../../errors.ts'
import { loadListPage } from '../../list-page.ts'
import { DESTINATIONS_CRUMBS, DESTINATIONS_PATH, formatDestinationPath } from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import {
  challengeMethodField,
  copyableTileRow,
  parseChallengeMethod,
  verificationBadge,
  verificationTokenField,
} from './routing-components.ts'

const NEW_DESTINATION_PATH = `${DESTINATIONS_PATH}/new`

export function mountDestinationListPages(router: ConsoleRouter): void {
  router.page(DESTINATIONS_PATH, 'routes.read', showDestinationListPage)
  router.page(
    NEW_DESTINATION_PATH,
    'routes.write',
    withAccount((context, accountId) => renderNewDestinationPage(context, accountId, null)),
  )
  router.form(NEW_DESTINATION_PATH, 'routes.write', addDestination)
}

async function addDestination(context: PageContext): Promise<Response> {
  const accountId = getField(context, 'account')
  const result = await context.services.destinations.add({
    accountId,
    name: getField(context, 'name'),
    url: getOptionalField(context, 'url'),
    token: getOptionalField(context, 'token'),
    method: parseChallengeMethod(context),
    development: getField(context, 'development') === 'yes',
  })
  return result.ok
    ? redirectToPage(context.c, formatDestinationPath(result.value.id), 'destination-added')
    : renderNewDestinationPage(context, accountId, result.failure)
}

async function showDestinationListPage(context: PageContext): Promise<Response> {
  const { rows, pagination } = await loadListPage(context, context.services.destinations.list)
  const accounts = await findAccountNames(context, rows)
  const addLink = context.can('routes.write')
    ? buttonLink(NEW_DESTINATION_PATH, 'Add destination', 'primary')
    : nothing
  const body =
    rows.length === 0
      ? html`<section class="card flush">${emptyState('No destinations yet', 'A destination is a system that receives messages at a URL. Add one, verify it, and subscribe a source to it.', addLink)}</section>`
      : html`<ul class="tiles">${rows.map((row) => destinationTile(row, accounts))}</ul>${pagination}`
  const about = 'Systems that receive messages, once they are verified.'
  return renderPage(context, { heading: 'Destinations', about, actions: addLink }, body)
}

const destinationTile = (
  { id, name, url, verifiedAt, development, accountId }: DestinationSummary,
  accounts: ReadonlyMap<string, string> | null,
): Html => html`
  <li class="card"><div class="stack tight"><h2><a href="${formatDestinationPath(id)}">${name}</a></h2>
      <p class="row">${verificationBadge(verifiedAt)}${development ? badge('Plain http allowed', 'warn') : nothing}</p></div>
    ${url === null ? html`<p class="soft">No URL yet.</p>` : copyableTileRow('URL', url, name)}
    ${copyableTileRow('destination id', id, name)}
    ${accounts === null ? nothing : html`<p class="small soft">${accounts.get(accountId)}</p>`}</li>`

function renderNewDestinationPage(
  context: PageContext,
  accountId: string,
  error: ServiceError | null,
): Promise<Response> {
  const body = html`${errorNotice(toErrorMessage(error))}<section class="card">${postForm(
    context.formToken,
    NEW_DESTINATION_PATH,
    html`${hiddenField('account', accountId)}
      ${textField({ name: 'name', label: 'Name', value: getField(context, 'name'), hint: 'The system that receives messages.', required: true, autofocus: true })}
      ${textField({ name: 'url', label: 'URL', type: 'text', value: getField(context, 'url'), hint: 'Messages are sent here with HTTPS POST. You can set it later.', spellcheck: false })}
      ${verificationTokenField('A secret shared with the destination. It is sent with every message, so that the destination can identify the sender. It is stored encrypted and never shown again.')}
      ${challengeMethodField(getField(context, 'method') || 'POST')}
      ${checkbox({ name: 'development', label: 'For development: allow plain HTTP. Never use this for patient data.', checked: getField(context, 'development') === 'yes' })}
      <div class="row">${submitButton('Add destination')}${buttonLink(DESTINATIONS_PATH, 'Cancel', 'quiet')}</div>`,
  )}</section>`
  const heading = { heading: 'Add destination', crumbs: DESTINATIONS_CRUMBS }
  return renderPage(context, heading, body, toErrorStatus(error))
}

import { html } from 'hono/html'
import type { Handshake } from '../../../../service/messages/routing.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import type { ServiceError } from '../../../../service/service-result.ts'
import {
  actionButton,
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
  notice,
} from '../../components/html.ts'
import { updateIfUnchanged } from '../../components/rename-form.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import { getField, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import {
  DESTINATIONS_CRUMBS,
  DESTINATIONS_PATH,
  MESSAGES_PATH,
  SUBSCRIPTIONS_PATH,
} from '../../navigation.ts'
import { redirectToPage, renderPage } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import {
  handshakeCard,
  handshakeRequest,
  mountMarkVerifiedPages,
} from './destination-verification.ts'
import { verificationBadge } from './destinations.ts'
import type { RoutingPageDeps } from './routing.ts'
import {
  challengeMethodField,
  parseChallengeMethod,
  routingRenameForm,
  verificationTokenField,
} from './routing-components.ts'
import { subscriptionsCard } from './subscription-table.ts'

const DESTINATION_PAGE_PATH = `${DESTINATIONS_PATH}/:id`

/** What came of a form of this page. */
export interface DestinationFormResult {
  readonly error?: ServiceError
  readonly handshake?: Handshake
}

/** One destination: where it is, what was agreed on with it, and whether it is who it says. */
export function mountDestinationPages(router: ConsoleRouter, deps: RoutingPageDeps): void {
  const renderResult = (context: PageContext, formResult: DestinationFormResult = {}) =>
    renderDestinationPage(context, deps, formResult)
  router.page(DESTINATION_PAGE_PATH, 'routes.read', (context) => renderResult(context))
  // The answer to the form itself: a reload asks once more, which does no harm.
  router.form(`${DESTINATION_PAGE_PATH}/verify`, 'routes.write', async (context) => {
    const result = await context.services.routing.verify(getPathId(context, 'id'))
    return renderResult(
      context,
      result.ok ? { handshake: result.value } : { error: result.failure },
    )
  })
  mountEditDestinationForms(router, renderResult)
  mountMarkVerifiedPages(router)
}

async function renderDestinationPage(
  context: PageContext,
  deps: RoutingPageDeps,
  { error, handshake }: DestinationFormResult,
): Promise<Response> {
  const id = getPathId(context, 'id')
  const found = await context.services.routing.findDestination(id)
  if (!found.ok) return renderError(context.c, context.caller, 'not_found')
  const destination = found.value
  const canWrite = context.can('routes.write')
  const body = html`${errorNotice(toErrorMessage(error ?? null))}
    ${handshake === undefined ? unverifiedNotice(context, destination) : handshakeCard(handshake, exactTime(context.now))}
    <div class="columns">
      <section class="card"><h2>Facts</h2>${destinationDetails(context, destination)}</section>
      <section class="card"><h2>How it is verified</h2>
        <p>It is asked this, and answers 2xx with the challenge in its body, as it is. That proves that the URL is theirs${destination.hasToken ? ', and that both sides have the same token' : ''}.</p>
        ${handshakeRequest(deps, destination)}</section>
    </div>
    ${await destinationSubscriptions(context, destination)}
    ${canWrite ? destinationForms(context, destination, error ?? null) : nothing}`
  const heading = {
    heading: destination.name,
    crumbs: DESTINATIONS_CRUMBS,
    actions: canWrite ? destinationActions(context, destination) : nothing,
  }
  return renderPage(context, heading, body, toErrorStatus(error ?? null))
}

const destinationDetails = (context: PageContext, destination: DestinationSummary): Html =>
  definitionList([
    [
      'State',
      html`${verificationBadge(destination.verifiedAt)} ${destination.verifiedAt === null ? nothing : relativeTime(destination.verifiedAt, context.now)}`,
    ],
    ['URL', destination.url === null ? 'none yet' : copyableText(destination.url, 'the URL')],
    ['Destination id', copyableText(destination.id, 'the destination id')],
    [
      'Token',
      destination.hasToken
        ? 'set; it is never shown'
        : html`${badge('None', 'warn')} It cannot tell who sends.`,
    ],
    [
      'Plain http',
      destination.development ? html`${badge('Allowed', 'warn')} for development` : 'refused',
    ],
    [
      'Messages',
      html`<a href="${MESSAGES_PATH}?destination=${destination.id}">What was sent to it</a>`,
    ],
  ])

/** Who sends to it, and whether that gets through. */
const destinationSubscriptions = (
  context: PageContext,
  { id }: DestinationSummary,
): Promise<Html> =>
  subscriptionsCard(context, { destinationId: id }, 'From where it gets messages', () =>
    emptyState(
      'No source is subscribed to it',
      'Nothing is sent to it until one is.',
      context.can('routes.write')
        ? buttonLink(`${SUBSCRIPTIONS_PATH}/new?destination=${id}`, 'Subscribe a source')
        : nothing,
    ),
  )

function unverifiedNotice(context: PageContext, { url, verifiedAt }: DestinationSummary): Html {
  if (verifiedAt !== null) return nothing
  if (url === null) return notice('warn', 'It has no URL', 'Set one below, then verify it.')
  const next = context.can('routes.write')
    ? 'Nothing is sent to it until it is. Verify it: that can take up to a minute.'
    : 'Nothing is sent to it until it is. An engineer of your account can verify it.'
  return notice('warn', 'It is not verified', next)
}

function destinationActions(
  context: PageContext,
  { id, url, verifiedAt }: DestinationSummary,
): Html {
  const path = `${DESTINATIONS_PATH}/${id}`
  const markLink = context.can('destinations.vouch')
    ? verifiedAt === null
      ? buttonLink(`${path}/vouch`, 'Vouch for it')
      : buttonLink(`${path}/doubt`, 'Doubt it', 'danger')
    : nothing
  const verifyButton =
    url === null
      ? nothing
      : actionButton(
          context.formToken,
          `${path}/verify`,
          verifiedAt === null ? 'Verify' : 'Verify again',
          {
            variant: verifiedAt === null ? 'primary' : '',
          },
        )
  return html`${markLink}${verifyButton}`
}

/** What can be changed of a destination; all but its name makes it another party. */
export function destinationForms(
  context: PageContext,
  destination: DestinationSummary,
  error: ServiceError | null,
): Html {
  const path = `${DESTINATIONS_PATH}/${destination.id}`
  const url = destination.url ?? ''
  return html`<div class="columns">
    <div class="stack"><section class="card"><h2>Rename</h2>${routingRenameForm(context, `${path}/rename`, destination.name, error)}</section>
    <section class="card"><h2>Move</h2>${postForm(
      context.formToken,
      `${path}/move`,
      html`${hiddenField('seen', url)}
        ${textField({ name: 'url', label: 'URL', value: error === null ? url : getField(context, 'url') || url, hint: 'Another URL is another party: it is to be verified anew.', required: true, spellcheck: false })}
        <div class="row">${submitButton('Set the URL', '')}</div>`,
    )}</section></div>
    <section class="card"><h2>Token</h2>${postForm(
      context.formToken,
      `${path}/token`,
      html`${verificationTokenField('Another token is another agreement: it is to be verified anew.', true)}
        ${challengeMethodField(destination.method)}
        <div class="row">${submitButton('Set the token', '')}</div>`,
    )}</section>
  </div>`
}

const DESTINATION_FORMS_PATH = `${DESTINATIONS_PATH}/:id`

/** Another name, URL or token. */
export function mountEditDestinationForms(
  router: ConsoleRouter,
  renderResult: (context: PageContext, formResult: DestinationFormResult) => Promise<Response>,
): void {
  router.form(`${DESTINATION_FORMS_PATH}/rename`, 'routes.write', async (context) => {
    const { routing } = context.services
    const [id, name] = [getPathId(context, 'id'), getField(context, 'name')]
    const result = await updateIfUnchanged(context, await routing.findDestination(id), {
      getValue: (row) => row.name,
      newValue: name,
      update: () => routing.renameDestination(id, name),
    })
    return result.ok
      ? redirectToPage(context.c, `${DESTINATIONS_PATH}/${id}`, 'destination-renamed')
      : renderResult(context, { error: result.failure })
  })

  router.form(`${DESTINATION_FORMS_PATH}/move`, 'routes.write', async (context) => {
    const { routing } = context.services
    const [id, url] = [getPathId(context, 'id'), getField(context, 'url')]
    const result = await updateIfUnchanged(context, await routing.findDestination(id), {
      getValue: (row) => row.url ?? '',
      newValue: url,
      update: () => routing.setDestinationUrl(id, url),
    })
    return result.ok
      ? redirectToPage(context.c, `${DESTINATIONS_PATH}/${id}`, 'destination-moved')
      : renderResult(context, { error: result.failure })
  })

  router.form(`${DESTINATION_FORMS_PATH}/token`, 'routes.write', async (context) => {
    const id = getPathId(context, 'id')
    const result = await context.services.routing.setVerificationToken(
      id,
      getField(context, 'token'),
      parseChallengeMethod(context),
    )
    return result.ok
      ? redirectToPage(context.c, `${DESTINATIONS_PATH}/${id}`, 'destination-token-set')
      : renderResult(context, { error: result.failure })
  })
}

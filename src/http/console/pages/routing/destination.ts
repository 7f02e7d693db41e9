import { html } from 'hono/html'
import type { Handshake } from '../../../../service/messages/destinations.ts'
import type { DestinationSummary } from '../../../../service/ports/routing.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
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
import { renameForm, updateIfUnchanged } from '../../components/rename-form.ts'
import { exactTime, relativeTime } from '../../components/time.ts'
import { getField, getPathId, type PageContext } from '../../context.ts'
import { renderError, toErrorMessage, toErrorStatus } from '../../errors.ts'
import type { FlashName } from '../../flash.ts'
import {
  DESTINATIONS_CRUMBS,
  DESTINATIONS_PATH,
  formatDestinationPath,
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
import type { RoutingPageDeps } from './routing.ts'
import {
  challengeMethodField,
  parseChallengeMethod,
  subscriptionsCard,
  verificationBadge,
  verificationTokenField,
} from './routing-components.ts'

const DESTINATION_PAGE_PATH = `${DESTINATIONS_PATH}/:id`

interface DestinationFormResult {
  readonly error?: ServiceError
  readonly handshake?: Handshake
}

export function mountDestinationPages(router: ConsoleRouter, deps: RoutingPageDeps): void {
  router.page(DESTINATION_PAGE_PATH, 'routes.read', (context) =>
    renderDestinationPage(context, deps),
  )
  router.form(`${DESTINATION_PAGE_PATH}/verify`, 'routes.write', (context) =>
    verifyDestination(context, deps),
  )
  for (const [verb, { update, flash }] of Object.entries(DESTINATION_UPDATES)) {
    router.form(`${DESTINATION_PAGE_PATH}/${verb}`, 'routes.write', async (context) => {
      const id = getPathId(context, 'id')
      const result = await update(context, id)
      return result.ok
        ? redirectToPage(context.c, formatDestinationPath(id), flash)
        : renderDestinationPage(context, deps, { error: result.failure })
    })
  }
  mountMarkVerifiedPages(router)
}

/** Shows the handshake in the response itself. A reload repeats the handshake, which is harmless. */
async function verifyDestination(context: PageContext, deps: RoutingPageDeps): Promise<Response> {
  const result = await context.services.destinations.verify(getPathId(context, 'id'))
  const formResult = result.ok ? { handshake: result.value } : { error: result.failure }
  return renderDestinationPage(context, deps, formResult)
}

interface DestinationUpdate {
  readonly update: (context: PageContext, id: string) => Promise<ServiceResult<unknown>>
  readonly flash: FlashName
}

const DESTINATION_UPDATES: Readonly<Record<'rename' | 'move' | 'token', DestinationUpdate>> = {
  rename: { update: renameDestination, flash: 'destination-renamed' },
  move: { update: setDestinationUrl, flash: 'destination-moved' },
  token: { update: setVerificationToken, flash: 'destination-token-set' },
}

async function renameDestination(
  context: PageContext,
  id: string,
): Promise<ServiceResult<unknown>> {
  const { destinations } = context.services
  const name = getField(context, 'name')
  return updateIfUnchanged(context, await destinations.find(id), {
    getValue: (destination) => destination.name,
    newValue: name,
    update: () => destinations.rename(id, name),
  })
}

async function setDestinationUrl(
  context: PageContext,
  id: string,
): Promise<ServiceResult<unknown>> {
  const { destinations } = context.services
  const url = getField(context, 'url')
  return updateIfUnchanged(context, await destinations.find(id), {
    getValue: (destination) => destination.url ?? '',
    newValue: url,
    update: () => destinations.setUrl(id, url),
  })
}

function setVerificationToken(context: PageContext, id: string): Promise<ServiceResult<unknown>> {
  const token = getField(context, 'token')
  return context.services.destinations.setVerificationToken(
    id,
    token,
    parseChallengeMethod(context),
  )
}

async function renderDestinationPage(
  context: PageContext,
  deps: RoutingPageDeps,
  { error, handshake }: DestinationFormResult = {},
): Promise<Response> {
  const id = getPathId(context, 'id')
  const found = await context.services.destinations.find(id)
  if (!found.ok) return renderError(context.c, context.caller, 'not_found')
  const destination = found.value
  const canWrite = context.can('routes.write')
  const body = html`${errorNotice(toErrorMessage(error ?? null))}
    ${handshake === undefined ? unverifiedNotice(context, destination) : handshakeCard(handshake, exactTime(context.now))}
    <div class="columns">
      <section class="card"><h2>Details</h2>${destinationDetails(context, destination)}</section>
      <section class="card"><h2>Verification</h2>
        <p>Latchkey sends this request. The destination answers 2xx with the unchanged challenge in the body. That proves that the URL belongs to it${destination.hasToken ? ' and that both sides have the same token' : ''}.</p>
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
        ? 'set, never shown'
        : html`${badge('None', 'warn')} It cannot identify the sender.`,
    ],
    [
      'Plain http',
      destination.development ? html`${badge('Allowed', 'warn')} for development` : 'refused',
    ],
    [
      'Messages',
      html`<a href="${MESSAGES_PATH}?destination=${destination.id}">View its messages</a>`,
    ],
  ])

const destinationSubscriptions = (
  context: PageContext,
  { id }: DestinationSummary,
): Promise<Html> =>
  subscriptionsCard(context, { destinationId: id }, 'Sources that send to it', () =>
    emptyState(
      'No subscriptions yet',
      'Nothing is sent to this destination until a source is subscribed.',
      context.can('routes.write')
        ? buttonLink(`${SUBSCRIPTIONS_PATH}/new?destination=${id}`, 'Add subscription')
        : nothing,
    ),
  )

function unverifiedNotice(context: PageContext, { url, verifiedAt }: DestinationSummary): Html {
  if (verifiedAt !== null) return nothing
  if (url === null)
    return notice(
      'warn',
      'This destination has no URL',
      'Set a URL below, then verify the destination.',
    )
  const next = context.can('routes.write')
    ? 'Nothing is sent to it until it is verified. Verification takes up to a minute.'
    : 'Nothing is sent to it until it is verified. An engineer of your account can verify it.'
  return notice('warn', 'This destination is not verified', next)
}

function destinationActions(
  context: PageContext,
  { id, url, verifiedAt }: DestinationSummary,
): Html {
  const path = formatDestinationPath(id)
  const markLink = context.can('destinations.vouch')
    ? verifiedAt === null
      ? buttonLink(`${path}/vouch`, 'Mark as verified')
      : buttonLink(`${path}/doubt`, 'Mark as unverified', 'danger')
    : nothing
  const verifyButton =
    url === null
      ? nothing
      : actionButton(
          context.formToken,
          `${path}/verify`,
          verifiedAt === null ? 'Verify destination' : 'Verify again',
          {
            variant: verifiedAt === null ? 'primary' : '',
          },
        )
  return html`${markLink}${verifyButton}`
}

/** A new URL or token makes the destination unverified: it may be another party. */
function destinationForms(
  context: PageContext,
  destination: DestinationSummary,
  error: ServiceError | null,
): Html {
  const path = formatDestinationPath(destination.id)
  const url = destination.url ?? ''
  return html`<div class="columns">
    <div class="stack"><section class="card"><h2>Rename</h2>${renameForm(context, `${path}/rename`, destination.name, error)}</section>
    <section class="card"><h2>Change URL</h2>${postForm(
      context.formToken,
      `${path}/move`,
      html`${hiddenField('seen', url)}
        ${textField({ name: 'url', label: 'URL', value: error === null ? url : getField(context, 'url') || url, hint: 'After a change, the destination must be verified again.', required: true, spellcheck: false })}
        <div class="row">${submitButton('Set URL', '')}</div>`,
    )}</section></div>
    <section class="card"><h2>Token</h2>${postForm(
      context.formToken,
      `${path}/token`,
      html`${verificationTokenField('After a change, the destination must be verified again.', true)}
        ${challengeMethodField(destination.method)}
        <div class="row">${submitButton('Set token', '')}</div>`,
    )}</section>
  </div>`
}

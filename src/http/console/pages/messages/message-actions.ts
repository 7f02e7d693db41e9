import { html } from 'hono/html'
import type { MessageSummary } from '../../../../service/ports/messages.ts'
import type { ServiceError, ServiceResult } from '../../../../service/service-result.ts'
import { buttonLink, FORM_TOKEN_FIELD, hiddenField, submitButton } from '../../components/form.ts'
import { notice } from '../../components/html.ts'
import { renderConfirmation } from '../../confirmation.ts'
import { getOptionalId, getPathId, type PageContext } from '../../context.ts'
import { renderError } from '../../errors.ts'
import { MESSAGES_CRUMBS, MESSAGES_PATH } from '../../navigation.ts'
import { redirectToPage, renderPage, sendFile } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { indentJson } from './indent-json.ts'
import { renderMessagePage } from './message.ts'

const DELIVERY_ACTIONS = {
  replay: {
    title: (names: string) => `Replay it to ${names}?`,
    text: (names: string) =>
      `The message is sent to ${names} once more, after what is queued now. A destination that has taken it already gets it twice.`,
    button: 'Replay it',
    variant: 'primary',
    run: (
      { services }: PageContext,
      id: string,
      destinationId?: string,
    ): Promise<ServiceResult<MessageSummary>> => services.messages.replay(id, destinationId),
    flash: 'message-replayed',
  },
  skip: {
    title: (names: string) => `Skip it for ${names}?`,
    text: (names: string) =>
      `The message is not sent to ${names} any more, and what waits behind it goes on. It can be replayed as long as its payload is kept: not for long, unless LATCHKEY_RETENTION_DAYS says so.`,
    button: 'Skip it',
    variant: 'danger primary',
    run: (
      { services }: PageContext,
      id: string,
      destinationId?: string,
    ): Promise<ServiceResult<MessageSummary>> => services.messages.skip(id, destinationId),
    flash: 'message-skipped',
  },
} as const

/** Once more, or never: to one destination, or to all that it concerns. */
export function mountReplayAndSkipPages(router: ConsoleRouter): void {
  for (const action of ['replay', 'skip'] as const) {
    const path = `${MESSAGES_PATH}/:id/${action}`
    router.page(path, 'messages.send', (context) =>
      renderDeliveryConfirmation(context, action, null),
    )
    router.form(path, 'messages.send', async (context) => {
      const id = getPathId(context, 'id')
      const result = await DELIVERY_ACTIONS[action].run(
        context,
        id,
        getOptionalId(context, 'destination'),
      )
      return result.ok
        ? redirectToPage(context.c, `${MESSAGES_PATH}/${id}`, DELIVERY_ACTIONS[action].flash)
        : renderDeliveryConfirmation(context, action, result.failure)
    })
  }
}

async function renderDeliveryConfirmation(
  context: PageContext,
  action: keyof typeof DELIVERY_ACTIONS,
  error: ServiceError | null,
): Promise<Response> {
  const id = getPathId(context, 'id')
  const found = await context.services.messages.find(id)
  if (!found.ok) return renderError(context.c, context.caller, 'not_found')
  const { dataModel, eventType, deliveries } = found.value
  const destination = getOptionalId(context, 'destination')
  const names = deliveries
    .filter(({ destinationId }) => destination === undefined || destinationId === destination)
    .map(({ destinationName }) => destinationName)
  const { title, text, button, variant } = DELIVERY_ACTIONS[action]
  const namesText = names.join(', ') || 'nobody'
  return renderConfirmation(context, {
    button,
    variant,
    error,
    heading: title(namesText),
    text: text(namesText),
    fields: destination === undefined ? {} : { destination },
    crumbs: [
      ...MESSAGES_CRUMBS,
      { href: `${MESSAGES_PATH}/${id}`, text: `${dataModel}: ${eventType}` },
    ],
    cancelPath: `${MESSAGES_PATH}/${id}`,
  })
}

/** So many characters are shown, so that the page stays small however they are escaped. */
const MAX_PAYLOAD_CHARACTERS = 12_000

/**
 * What a message holds: the answer to a form, for it is remembered who has looked. A reload looks once
 * more, and is remembered too.
 */
export function mountPayloadForms(router: ConsoleRouter): void {
  router.form(`${MESSAGES_PATH}/:id/open`, 'messages.open', openPayload)
  router.form(`${MESSAGES_PATH}/:id/download`, 'messages.open', async (context) => {
    const result = await context.services.messages.readPayload(getPathId(context, 'id'))
    if (!result.ok) return renderMessagePage(context, result.failure)
    return sendFile(context, `message-${result.value.message.serial}.json`, result.value.payload)
  })
}

async function openPayload(context: PageContext): Promise<Response> {
  const id = getPathId(context, 'id')
  const result = await context.services.messages.readPayload(id)
  if (!result.ok) return renderMessagePage(context, result.failure)
  const { message, payload } = result.value
  const text = new TextDecoder().decode(payload)
  const isTruncated = text.length > MAX_PAYLOAD_CHARACTERS
  const excerpt = isTruncated ? text.slice(0, MAX_PAYLOAD_CHARACTERS) : indentJson(text)
  const body = html`
    ${notice('warn', 'The audit says that you have opened it', 'Close this page when you are done: your browser does not keep it.')}
    <section class="card" aria-label="The payload" data-secret><pre class="wrap" tabindex="0">${excerpt}</pre>
      <p class="small soft">${isTruncated ? html`These are the first ${MAX_PAYLOAD_CHARACTERS.toLocaleString('en')} of ${text.length.toLocaleString('en')} characters. The file has all of them, as they came.` : excerpt === text ? 'The file is the same.' : 'It is indented here. The file is as it came.'}</p>
      <div class="row"><form class="inline" method="post" action="${MESSAGES_PATH}/${id}/download" data-download>${hiddenField(FORM_TOKEN_FIELD, context.formToken)}${submitButton('Download it', '')}</form>
        ${buttonLink(`${MESSAGES_PATH}/${id}`, 'Close', 'primary')}</div>
    </section>`
  const title = `${message.dataModel}: ${message.eventType}`
  const crumbs = [...MESSAGES_CRUMBS, { href: `${MESSAGES_PATH}/${id}`, text: title }]
  return renderPage(context, { heading: 'What is in it', crumbs }, body)
}

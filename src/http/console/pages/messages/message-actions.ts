import { html } from 'hono/html'
import { buttonLink, FORM_TOKEN_FIELD, hiddenField, submitButton } from '../../components/form.ts'
import { nothing, notice } from '../../components/html.ts'
import { mountConfirmedAction } from '../../confirmation.ts'
import { getOptionalId, getPathId, type PageContext } from '../../context.ts'
import { formatMessagePath, MESSAGES_PATH, toMessageCrumbs } from '../../navigation.ts'
import { renderPage, sendFile } from '../../render.ts'
import type { ConsoleRouter } from '../../router.ts'
import { indentJson } from './indent-json.ts'
import { renderMessagePage } from './message.ts'

const DELIVERY_ACTIONS = {
  replay: {
    title: (names: string) => `Replay the message to ${names}?`,
    text: (names: string) =>
      `The message is sent to ${names} again, after the messages that are queued now. A destination that has already received it gets it twice.`,
    button: 'Replay message',
    variant: 'primary',
    flash: 'messages.replay',
  },
  skip: {
    title: (names: string) => `Skip the message for ${names}?`,
    text: (names: string) =>
      `The message is no longer sent to ${names}, and the messages behind it go on. It can be replayed while its payload is kept (LATCHKEY_RETENTION_DAYS).`,
    button: 'Skip message',
    variant: 'danger primary',
    flash: 'messages.skip',
  },
} as const

/** Mounts the pages that replay or skip a message: for one destination, or for all of them. */
export function mountReplayAndSkipPages(router: ConsoleRouter): void {
  for (const action of ['replay', 'skip'] as const) {
    const { title, text, button, variant, flash } = DELIVERY_ACTIONS[action]
    mountConfirmedAction(router, {
      path: `${MESSAGES_PATH}/:id/${action}`,
      operations: `messages.${action}`,
      find: ({ services }, id) => services.messages.find(id),
      question: (message, context) => {
        const destination = getOptionalId(context, 'destination')
        const names = message.deliveries
          .filter(({ destinationId }) => destination === undefined || destinationId === destination)
          .map(({ destinationName }) => destinationName)
        const namesText = names.join(', ') || 'nobody'
        return {
          button,
          variant,
          heading: title(namesText),
          text: text(namesText),
          fields: destination === undefined ? nothing : hiddenField('destination', destination),
          crumbs: toMessageCrumbs(message),
          cancelPath: formatMessagePath(message.id),
        }
      },
      run: (context, id) =>
        context.services.messages[action](id, getOptionalId(context, 'destination')),
      flash,
      next: (_, id) => formatMessagePath(id),
    })
  }
}

/** Bounds the page, however the characters are escaped. */
const MAX_PAYLOAD_CHARACTERS = 12_000

/** Mounts forms, not pages: each view of a payload, a reload included, is an audit event. */
export function mountPayloadForms(router: ConsoleRouter): void {
  router.form(`${MESSAGES_PATH}/:id/payload`, 'messages.payload', openPayload)
  router.form(`${MESSAGES_PATH}/:id/download`, 'messages.payload', downloadPayload)
}

async function downloadPayload(context: PageContext): Promise<Response> {
  const result = await context.services.messages.readPayload(getPathId(context, 'id'))
  if (!result.ok) return renderMessagePage(context, result.failure)
  return sendFile(context, `message-${result.value.message.serial}.json`, result.value.payload)
}

async function openPayload(context: PageContext): Promise<Response> {
  const id = getPathId(context, 'id')
  const result = await context.services.messages.readPayload(id)
  if (!result.ok) return renderMessagePage(context, result.failure)
  const { message, payload } = result.value
  const text = new TextDecoder().decode(payload)
  const path = formatMessagePath(id)
  const isTruncated = text.length > MAX_PAYLOAD_CHARACTERS
  const excerpt = isTruncated ? text.slice(0, MAX_PAYLOAD_CHARACTERS) : indentJson(text)
  const body = html`
    ${notice('warn', 'The audit records that you opened this payload', 'Close this page when you are done. Your browser does not store it.')}
    <section class="card" aria-label="Payload" data-secret><pre class="wrap" tabindex="0">${excerpt}</pre>
      <p class="small soft">${isTruncated ? html`These are the first ${MAX_PAYLOAD_CHARACTERS.toLocaleString('en')} of ${text.length.toLocaleString('en')} characters. The file has all of them, unchanged.` : excerpt === text ? 'The file is the same.' : 'It is indented here. The file is unchanged.'}</p>
      <div class="row"><form class="inline" method="post" action="${path}/download" data-download>${hiddenField(FORM_TOKEN_FIELD, context.formToken)}${submitButton('Download payload', '')}</form>
        ${buttonLink(path, 'Close', 'primary')}</div>
    </section>`
  return renderPage(context, { heading: 'Payload', crumbs: toMessageCrumbs(message) }, body)
}

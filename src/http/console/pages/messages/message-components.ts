import { html } from 'hono/html'
import type {
  AttemptSummary,
  DeliverySummary,
  MessageSummary,
} from '../../../../service/ports/messages.ts'
import type { Source } from '../../../../service/ports/routing.ts'
import {
  badge,
  exactTime,
  formatCount,
  type Html,
  nothing,
  relativeTime,
} from '../../components/html.ts'
import { table } from '../../components/table.ts'
import type { PageContext } from '../../context.ts'
import { formatMessagePath } from '../../navigation.ts'
import { formatOutcome } from '../routing/routing-components.ts'

const MAX_LISTED_DELIVERIES = 4

export const messageTable = (
  context: PageContext,
  messages: readonly MessageSummary[],
  caption: string,
  sources: readonly Pick<Source, 'id' | 'name'>[] = [],
): Html =>
  table({
    caption,
    columns: [{ name: 'Message' }, { name: 'Received' }, { name: 'To' }],
    rows: messages.map((message) => [
      html`<a href="${formatMessagePath(message.id)}">${message.dataModel}: ${message.eventType}</a> ${message.test ? badge('Test') : nothing}<span class="sub">${sourceText(message, sources)}<span class="number">${message.serial}</span></span>`,
      relativeTime(message.receivedAt, context.now),
      html`${message.deliveries.slice(0, MAX_LISTED_DELIVERIES).map((delivery) => html`<div class="row">${delivery.destinationName} ${deliveryBadge(delivery)}</div>`)}${moreDeliveriesText(message)}`,
    ]),
  })

const sourceText = (
  { sourceId }: MessageSummary,
  sources: readonly Pick<Source, 'id' | 'name'>[],
): Html => {
  const source = sources.find(({ id }) => id === sourceId)
  return source === undefined ? nothing : html`from ${source.name}, `
}

const moreDeliveriesText = ({ deliveries }: MessageSummary): Html =>
  deliveries.length > MAX_LISTED_DELIVERIES
    ? html`<span class="sub">and ${deliveries.length - MAX_LISTED_DELIVERIES} more</span>`
    : nothing

/** `getDestinationName` adds a column for the destination, where the attempts have several. */
export const attemptTable = (
  attempts: readonly AttemptSummary[],
  caption: string,
  getDestinationName?: (destinationId: string) => string,
): Html =>
  table({
    caption,
    columns: [
      { name: 'Attempt' },
      ...(getDestinationName === undefined ? [] : [{ name: 'To' }]),
      { name: 'At' },
      { name: 'Result' },
      { name: 'Duration', end: true },
    ],
    rows: attempts.map((attempt) => [
      html`<span class="number">No. ${attempt.number}</span>`,
      ...(getDestinationName === undefined ? [] : [getDestinationName(attempt.destinationId)]),
      exactTime(attempt.at),
      html`${badge(formatOutcome(attempt), attempt.outcome === 'delivered' ? 'good' : 'bad')}${
        attempt.detail === '' ? nothing : html` <span class="sub">${attempt.detail}</span>`
      }`,
      html`<span class="number">${attempt.ms.toLocaleString('en')} ms</span>`,
    ]),
  })

export function deliveryBadge({ status, attempts }: DeliverySummary): Html {
  if (status === 'delivered') return badge('Delivered', 'good')
  if (status === 'skipped') return badge('Skipped', 'warn')
  return attempts === 0
    ? badge('Queued')
    : badge(`Queued, tried ${formatCount(attempts, 'time')}`, 'bad')
}

const JSON_TOKEN_PATTERN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Bounds the input and the output; longer text stays as it is. */
const MAX_INDENTED_CHARACTERS = 24_000

/**
 * Indents JSON; returns any other text unchanged. Works token by token, because parsing and printing
 * would round long numbers and lose duplicate members.
 */
export function indentJson(text: string): string {
  if (text.length > MAX_INDENTED_CHARACTERS || !isJson(text)) return text
  let depth = 0
  let output = ''
  let previous = ''
  const startLine = () => `\n${'  '.repeat(depth)}`
  for (const [token] of text.matchAll(JSON_TOKEN_PATTERN)) {
    const isClosing = token === '}' || token === ']'
    if (isClosing) depth--
    if (isClosing ? !isOpeningBracket(previous) : isOpeningBracket(previous) || previous === ',')
      output += startLine()
    output += token === ':' ? ': ' : token
    if (isOpeningBracket(token)) depth++
    previous = token
    if (output.length > MAX_INDENTED_CHARACTERS) return text
  }
  return output
}

const isOpeningBracket = (token: string): boolean => token === '{' || token === '['

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

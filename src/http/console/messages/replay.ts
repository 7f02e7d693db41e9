import type { Done, Refusal } from '../../../service/operator.ts'
import type { MessageSummary } from '../../../service/ports.ts'
import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { confirm } from '../confirm.ts'
import { problem } from '../problem.ts'
import { optionalId, part, type Visit } from '../visit.ts'
import { ABOVE_MESSAGE, MESSAGES } from './paths.ts'

const VERBS = {
  replay: {
    title: (names: string) => `Replay it to ${names}?`,
    text: (names: string) =>
      `The message is sent to ${names} once more, after what is queued now. A destination that has taken it already gets it twice.`,
    button: 'Replay it',
    look: 'primary',
    work: ({ desk }: Visit, id: string, to?: string): Promise<Done<MessageSummary>> =>
      desk.messages.replay(id, to),
    said: 'message-replayed',
  },
  skip: {
    title: (names: string) => `Skip it for ${names}?`,
    text: (names: string) =>
      `The message is not sent to ${names} any more, and what waits behind it goes on. It can be replayed as long as its payload is kept: not for long, unless LATCHKEY_RETENTION_DAYS says so.`,
    button: 'Skip it',
    look: 'danger primary',
    work: ({ desk }: Visit, id: string, to?: string): Promise<Done<MessageSummary>> =>
      desk.messages.skip(id, to),
    said: 'message-skipped',
  },
} as const

/** Once more, or never: to one destination, or to all that it concerns. */
export function mountReplay(area: Area): void {
  for (const verb of ['replay', 'skip'] as const) {
    const path = `${MESSAGES}/:id/${verb}`
    area.show(path, 'messages.send', (visit) => ask(visit, verb, null))
    area.act(path, 'messages.send', async (visit) => {
      const id = part(visit, 'id')
      const done = await VERBS[verb].work(visit, id, optionalId(visit, 'destination'))
      return done.ok
        ? seeOther(visit.c, `${MESSAGES}/${id}`, VERBS[verb].said)
        : ask(visit, verb, done.failure)
    })
  }
}

async function ask(
  visit: Visit,
  verb: keyof typeof VERBS,
  refusal: Refusal | null,
): Promise<Response> {
  const id = part(visit, 'id')
  const found = await visit.desk.messages.find(id)
  if (!found.ok) return problem(visit.c, visit.caller, 'not_found')
  const { dataModel, eventType, deliveries } = found.value
  const destination = optionalId(visit, 'destination')
  const names = deliveries
    .filter(({ destinationId }) => destination === undefined || destinationId === destination)
    .map(({ destinationName }) => destinationName)
  const { title, text, button, look } = VERBS[verb]
  const all = names.join(', ') || 'nobody'
  return confirm(visit, {
    button,
    look,
    refusal,
    title: title(all),
    text: text(all),
    fields: destination === undefined ? {} : { destination },
    crumbs: [...ABOVE_MESSAGE, { href: `${MESSAGES}/${id}`, text: `${dataModel}: ${eventType}` }],
    back: `${MESSAGES}/${id}`,
  })
}

import { fail } from '../../../domain/failure.ts'
import type { Area } from '../area.ts'
import { problem } from '../problem.ts'
import { text, type Visit } from '../visit.ts'
import type { MessageScreenDeps } from './deps.ts'
import { MESSAGES } from './paths.ts'
import { showTest } from './test-form.ts'

const HERE = `${MESSAGES}/test`

/** A message that a person sends, as a source would: chosen, edited, sent, and the answer looked at. */
export function mountTest(area: Area, deps: MessageScreenDeps): void {
  area.show(HERE, 'messages.send', (visit) => showTest(visit, deps))
  area.act(HERE, 'messages.send', (visit) => send(visit, deps))
}

async function send(visit: Visit, deps: MessageScreenDeps): Promise<Response> {
  const { routes, messages } = visit.desk
  const sourceId = text(visit, 'source')
  const key = await routes.findKeyOf(sourceId)
  if (!key.ok) return problem(visit.c, visit.caller, 'not_found')
  let messageId: string | null = null
  const { reply, failure } = await deps.testBench.send(
    visit.given.get('body') ?? '',
    async (message) => {
      const sent = await messages.sendTest(sourceId, message, visit.caller)
      // Its key is gone: a vendor would be told that his opens nothing.
      if (!sent.ok) return fail({ reason: 'key_unknown' })
      messageId = sent.value.messageId
      return sent.value.result
    },
    visit.c.req.raw.signal,
  )
  return showTest(visit, deps, { reply, failure, messageId })
}

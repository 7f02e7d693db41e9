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
  const { desk, caller, given, c } = visit
  const message = { sourceId: text(visit, 'source'), text: given.get('body') ?? '' }
  const tested = await deps.testBench.send(desk, message, caller, c.req.raw.signal)
  return !tested.ok && tested.failure.problem === 'not_found'
    ? problem(c, caller, 'not_found')
    : showTest(visit, deps, tested)
}

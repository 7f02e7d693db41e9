import type { Area } from '../area.ts'
import type { MessageScreenDeps } from './deps.ts'
import { mountMessage } from './message.ts'
import { mountMessages } from './messages.ts'
import { mountPayload } from './payload.ts'
import { mountReplay } from './replay.ts'
import { mountTest } from './test.ts'

/** What came in, and what a person sends himself. A word in a path comes before an id. */
export function mountMessageScreens(area: Area, deps: MessageScreenDeps): void {
  mountMessages(area)
  mountTest(area, deps)
  mountMessage(area)
  mountReplay(area)
  mountPayload(area)
}

import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import type { KeyScreenDeps } from './deps.ts'
import { KEYS, pathOf } from './paths.ts'
import { showKey } from './show.ts'
import { withKey } from './with-key.ts'

/** What stops a key and can be undone: one press each. */
export function mountLife(area: Area, deps: KeyScreenDeps): void {
  area.act(
    `${KEYS}/:id/disable`,
    'keys.write',
    withKey(async (visit, key) => {
      const disabled = await visit.desk.keys.disable(key.id)
      return disabled.ok
        ? seeOther(visit.c, pathOf(key), 'key-disabled')
        : showKey(deps, visit, key, disabled.failure)
    }),
  )

  area.act(
    `${KEYS}/:id/enable`,
    'keys.write',
    withKey(async (visit, key) => {
      const enabled = await visit.desk.keys.enable(key.id)
      return enabled.ok
        ? seeOther(visit.c, pathOf(key), 'key-enabled')
        : showKey(deps, visit, key, enabled.failure)
    }),
  )
}

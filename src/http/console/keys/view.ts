import type { Area } from '../area.ts'
import type { KeyScreenDeps } from './deps.ts'
import { KEYS } from './paths.ts'
import { revealed } from './revealed.ts'
import { showKey } from './show.ts'
import { withKey } from './with-key.ts'

/** The secret again, where its dialect lets it be viewed. Each view is an event, so it is a form that asks. */
export function mountView(area: Area, deps: KeyScreenDeps): void {
  area.act(
    `${KEYS}/:id/view`,
    'keys.view',
    withKey(async (visit, key) => {
      const viewed = await visit.desk.keys.view(key.id)
      return viewed.ok
        ? revealed(visit, viewed.value, 'viewed')
        : showKey(deps, visit, key, viewed.failure)
    }),
  )
}

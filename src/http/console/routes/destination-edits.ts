import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { unlessChanged } from '../refusal.ts'
import { part, text, type Visit } from '../visit.ts'
import { methodOf } from './agreement.ts'
import type { Came } from './destination.ts'
import { DESTINATIONS } from './paths.ts'

const HERE = `${DESTINATIONS}/:id`

/** Another name, URL or token. */
export function mountDestinationEdits(
  area: Area,
  show: (visit: Visit, came: Came) => Promise<Response>,
): void {
  area.act(`${HERE}/rename`, 'routes.write', async (visit) => {
    const { routes } = visit.desk
    const [id, name] = [part(visit, 'id'), text(visit, 'name')]
    const now = await routes.findDestination(id)
    const seen = unlessChanged(visit, now, now.ok ? now.value.name : '', name)
    const done = seen.ok ? await routes.renameDestination(id, name) : seen
    return done.ok
      ? seeOther(visit.c, `${DESTINATIONS}/${id}`, 'destination-renamed')
      : show(visit, { refusal: done.failure })
  })

  area.act(`${HERE}/move`, 'routes.write', async (visit) => {
    const { routes } = visit.desk
    const [id, url] = [part(visit, 'id'), text(visit, 'url')]
    const now = await routes.findDestination(id)
    const seen = unlessChanged(visit, now, now.ok ? (now.value.url ?? '') : '', url)
    const done = seen.ok ? await routes.moveDestination(id, url) : seen
    return done.ok
      ? seeOther(visit.c, `${DESTINATIONS}/${id}`, 'destination-moved')
      : show(visit, { refusal: done.failure })
  })

  area.act(`${HERE}/token`, 'routes.write', async (visit) => {
    const id = part(visit, 'id')
    const done = await visit.desk.routes.setToken(id, text(visit, 'token'), methodOf(visit))
    return done.ok
      ? seeOther(visit.c, `${DESTINATIONS}/${id}`, 'destination-token-set')
      : show(visit, { refusal: done.failure })
  })
}

import { seeOther } from '../answer.ts'
import type { Area } from '../area.ts'
import { changeSeen } from '../refusal.ts'
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
    const done = await changeSeen(visit, await routes.findDestination(id), {
      textOf: (row) => row.name,
      wished: name,
      change: () => routes.renameDestination(id, name),
    })
    return done.ok
      ? seeOther(visit.c, `${DESTINATIONS}/${id}`, 'destination-renamed')
      : show(visit, { refusal: done.failure })
  })

  area.act(`${HERE}/move`, 'routes.write', async (visit) => {
    const { routes } = visit.desk
    const [id, url] = [part(visit, 'id'), text(visit, 'url')]
    const done = await changeSeen(visit, await routes.findDestination(id), {
      textOf: (row) => row.url ?? '',
      wished: url,
      change: () => routes.moveDestination(id, url),
    })
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

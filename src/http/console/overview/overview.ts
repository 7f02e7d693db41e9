import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { link } from '../parts/form.ts'
import { nothing } from '../parts/html.ts'
import type { Visit } from '../visit.ts'
import { attention } from './attention.ts'
import { dialects } from './dialects.ts'
import { firstSteps } from './first-steps.ts'
import { traffic } from './traffic.ts'

/** How everything is that somebody has in sight, and what he should do about it. */
export function mountOverview(area: Area): void {
  area.show('/console', 'account.read', async (visit) => {
    const census = await visit.desk.overview.keys()
    // Where a key is in use nobody begins, and no more is asked.
    const steps = census.some(({ used }) => used > 0) ? null : await firstSteps(visit)
    const shown =
      steps === null
        ? await Promise.all([attention(visit), traffic(visit), dialects(census)])
        : [steps, await traffic(visit)]
    const actions = visit.may('keys.write')
      ? link('/console/keys/new', 'Create a key', 'primary')
      : nothing
    const head = { title: 'Overview', about: about(visit), actions }
    return page(visit, head, html`${shown}`)
  })
}

const about = ({ narrowedTo, may, person }: Visit): string => {
  if (narrowedTo !== null) return narrowedTo.name
  return may('accounts.read') ? 'All accounts' : person.account.name
}

import { html } from 'hono/html'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'

export function mountOverview(area: Area): void {
  area.show('/console', 'account.read', (visit) => page(visit, { title: 'Overview' }, html``))
}

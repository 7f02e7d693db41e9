import { html } from 'hono/html'
import { DIALECT_NAMES } from '../../../domain/dialect.ts'
import { field, link, select, submit } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { text, type Visit } from '../visit.ts'
import { type Asked, CARES, ORDERS, STATUSES } from './asked.ts'
import { ownersHref } from './owners.ts'
import { KEYS } from './paths.ts'
import { choiceOrId, type Offered } from './places.ts'
import { DIALECT_WORDS } from './words.ts'

const ANY = { value: '', text: 'Any' }

/** What the list is narrowed by, and its order. */
export const filters = (visit: Visit, asked: Asked, sites: Offered): Html => html`
  <form class="filters" method="get" action="${KEYS}" role="search" aria-label="Keys" data-filter>
    ${field({ name: 'q', label: 'Search', type: 'search', value: text(visit, 'q'), wide: true })}
    ${select({
      name: 'dialect',
      label: 'Dialect',
      value: text(visit, 'dialect'),
      choices: [ANY, ...DIALECT_NAMES.map((value) => ({ value, text: DIALECT_WORDS[value].name }))],
    })}
    ${select({
      name: 'status',
      label: 'Status',
      value: text(visit, 'status'),
      choices: [ANY, ...STATUSES.map((value) => ({ value, text: value }))],
    })}
    ${choiceOrId({ name: 'site', label: 'Site', value: text(visit, 'site'), none: ANY, found: sites })}
    ${field({
      name: 'owner',
      label: 'Owner',
      value: asked.owner,
      list: 'owner-choices',
      suggest: ownersHref({ accountId: undefined, named: false }),
    })}<datalist id="owner-choices"></datalist>
    ${select({
      name: 'care',
      label: 'Needs attention',
      value: asked.care ?? '',
      choices: [ANY, ...Object.entries(CARES).map(([value, text]) => ({ value, text }))],
    })}
    ${select({
      name: 'sort',
      label: 'Order',
      value: asked.order,
      choices: Object.entries(ORDERS).map(([value, text]) => ({ value, text })),
    })}
    ${submit('Search', '')}${asked.narrowed ? link(KEYS, 'Clear', 'quiet') : nothing}
  </form>`

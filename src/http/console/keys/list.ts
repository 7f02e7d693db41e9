import { html } from 'hono/html'
import type { KeyOrder, ListedKey } from '../../../service/ports/lists.ts'
import { page } from '../answer.ts'
import type { Area } from '../area.ts'
import { link } from '../parts/form.ts'
import { type Html, nothing } from '../parts/html.ts'
import { type Column, pager, table } from '../parts/list.ts'
import { spark } from '../parts/spark.ts'
import { moment } from '../parts/time.ts'
import { badge, empty, plural } from '../parts/words.ts'
import type { Visit } from '../visit.ts'
import { askedBy, listHref, ORDERS } from './asked.ts'
import { filters } from './list-filters.ts'
import { KEYS, pathOf } from './paths.ts'
import { listSites } from './places.ts'
import { countsOf, type DayOfUse, firstDay, useInWords } from './use.ts'
import { DIALECT_WORDS, standingsOf } from './words.ts'

const ROWS = 50
/** More are not counted: nobody reads so many pages. */
const COUNTED = 1_000

/** Every key in sight, of any dialect. */
export function mountKeyList(area: Area): void {
  area.show(KEYS, 'keys.read', async (visit) => {
    const asked = await askedBy(visit)
    const { questions, order, after } = asked
    const [{ keys, next, count }, sites] = await Promise.all([
      visit.desk.keys.search({ ...questions, order, after, limit: ROWS, counted: COUNTED + 1 }),
      listSites(visit),
    ])
    const from = firstDay(visit.now)
    const uses = await visit.desk.keys.usesOf(
      keys.map(({ id }) => id),
      from,
    )
    const usesOf = Map.groupBy(uses, ({ keyId }) => keyId)
    const row = (key: ListedKey) => rowOf(visit, key, usesOf.get(key.id) ?? [], from)
    const isEmpty = count === 0 && !asked.narrowed && after === undefined
    const body = isEmpty
      ? html`<section class="card flush">${noKeys(visit)}</section>`
      : html`${filters(visit, asked, sites)}
          <section class="card flush" aria-label="Keys">${
            keys.length === 0
              ? empty(
                  'No key is like that',
                  'Take a filter away, or look for another word: in names, public ids, references and owners’ addresses.',
                  link(KEYS, 'Show every key'),
                )
              : html`${table({
                  caption: captionOf(count, order, after !== undefined),
                  columns: columns(visit, order),
                  rows: keys.map(row),
                })}${pager({
                  shown: `${plural(keys.length, 'key')} on this page`,
                  first: after === undefined ? undefined : listHref(visit, {}),
                  next: next === null ? undefined : listHref(visit, { after: next }),
                })}`
          }</section>`
    return page(visit, { title: 'Keys', actions: isEmpty ? undefined : create(visit) }, body)
  })
}

const create = (visit: Visit): Html =>
  visit.may('keys.write') ? link(`${KEYS}/new`, 'Create a key', 'primary') : nothing

const noKeys = (visit: Visit): Html =>
  empty(
    'No keys yet',
    visit.may('keys.write')
      ? 'A key lets one program in: an integration, a site, an office. Create the first one, or take over one that another system issued.'
      : 'An engineer or an administrator of your account creates them.',
    create(visit),
  )

const captionOf = (count: number, order: KeyOrder, isLater: boolean): string => {
  const counted =
    count > COUNTED ? `More than ${COUNTED.toLocaleString('en')} keys` : plural(count, 'key')
  return `${counted}${isLater ? ' from here on' : ''}, ${ORDERS[order].toLowerCase()}`
}

function columns(visit: Visit, order: KeyOrder): Column[] {
  const sorts = (sort: KeyOrder) => listHref(visit, { sort })
  return [
    {
      name: 'Name',
      href: sorts(order === 'name' ? 'newest' : 'name'),
      sorted: order === 'name' ? 'ascending' : undefined,
    },
    { name: 'Owner' },
    { name: 'Status' },
    {
      name: 'Last used',
      href: sorts(order === 'lastUsed' ? 'leastUsed' : 'lastUsed'),
      sorted: order === 'lastUsed' ? 'descending' : order === 'leastUsed' ? 'ascending' : undefined,
    },
    { name: '30 days' },
  ]
}

function rowOf(
  visit: Visit,
  key: ListedKey,
  days: readonly DayOfUse[],
  from: number,
): (Html | string)[] {
  const counts = countsOf(days, from)
  const place = key.siteName ?? key.sourceName ?? key.developerName
  const everywhere = visit.may('accounts.read') && visit.narrowedTo === null
  const where = [
    DIALECT_WORDS[key.dialect].name,
    ...(place === null ? [] : [place]),
    ...(everywhere ? [key.accountName] : []),
  ]
  const badges = standingsOf(key, key.owner.leftAt, visit.now)
  return [
    html`<a href="${pathOf(key)}">${key.name}</a><span class="sub">${where.join(' · ')}</span>`,
    html`<span class="small">${key.owner.email}</span>`,
    html`<span class="row tight">${badges.map((told) => badge(told.text, told.tone))}</span>`,
    key.lastUsedAt === null
      ? 'never'
      : html`<span class="nowrap">${moment(key.lastUsedAt, visit.now)}</span>`,
    spark(counts, useInWords(counts)),
  ]
}

import { html } from 'hono/html'
import type { Site } from '../../../service/ports/accounts.ts'
import { formatCount } from '../components/html.ts'
import type { PageContext } from '../context.ts'
import { KEYS_PATH, SITES_PATH } from '../navigation.ts'
import { findKeysObstacle } from '../resource/changes.ts'
import { mountCreation } from '../resource/creation.ts'
import { mountList } from '../resource/list.ts'
import { mountPage } from '../resource/page.ts'
import type { Resource } from '../resource/resource.ts'
import type { ConsoleRouter } from '../router.ts'

const SITES: Resource<Site> = {
  group: 'sites',
  noun: 'site',
  path: SITES_PATH,
  find: ({ services }, id) => services.sites.find(id),
  getName: ({ name }) => name,
}

/** The pages of sites: clinics, offices and hospitals. */
export function mountSitePages(router: ConsoleRouter): void {
  mountList(router, SITES, {
    load: ({ services }, page) => services.sites.list(page),
    loadColumns: async (context, rows) => {
      const keyCounts = await loadKeyCounts(context, rows)
      return [
        { name: 'Keys', end: true, cell: (site) => keysLink(site, keyCounts.get(site.id) ?? 0) },
      ]
    },
  })
  mountCreation(router, SITES)
  mountPage(router, SITES, {
    edits: ['rename'],
    actions: [
      {
        verb: 'delete',
        isDangerous: true,
        findObstacle: ({ id }, context) =>
          findKeysObstacle(
            context,
            { siteId: id },
            `${KEYS_PATH}?site=${id}`,
            'Unassign those that an office took into use. Xenrad-style keys stay with their site.',
          ),
      },
    ],
    loadParts: async (context, site) => {
      const keyCounts = await loadKeyCounts(context, [site])
      const count = keyCounts.get(site.id) ?? 0
      const link = html`<a href="${KEYS_PATH}?site=${site.id}">${formatCount(count, 'key')}</a>`
      return { facts: [['Keys', link]] }
    },
  })
}

const loadKeyCounts = async ({ services }: PageContext, sites: readonly Site[]) =>
  new Map(
    (await services.sites.countKeys(sites.map(({ id }) => id))).map(({ id, keys }) => [id, keys]),
  )

const keysLink = ({ id, name }: Site, count: number) =>
  html`<a href="${KEYS_PATH}?site=${id}" aria-label="${formatCount(count, 'key')} of ${name}">${count}</a>`

import { html } from 'hono/html'
import type { Site } from '../../../service/ports/accounts.ts'
import { formatCount } from '../components/html.ts'
import { KEYS_PATH, SITES_PATH } from '../navigation.ts'
import { findKeysObstacle } from '../resource/changes.ts'
import { mountCreation } from '../resource/creation.ts'
import { loadKeyCounts, mountList } from '../resource/list.ts'
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
    loadColumns: async ({ services }, rows) => {
      const getKeyCount = await loadKeyCounts(services.sites, rows)
      return [{ name: 'Keys', end: true, cell: (site) => keysLink(site, getKeyCount(site)) }]
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
    loadParts: async ({ services }, site) => {
      const getKeyCount = await loadKeyCounts(services.sites, [site])
      const link = html`<a href="${KEYS_PATH}?site=${site.id}">${formatCount(getKeyCount(site), 'key')}</a>`
      return { facts: [['Keys', link]] }
    },
  })
}

const keysLink = ({ id, name }: Site, count: number) =>
  html`<a href="${KEYS_PATH}?site=${id}" aria-label="${formatCount(count, 'key')} of ${name}">${count}</a>`

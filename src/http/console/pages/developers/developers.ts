import type { Developer } from '../../../../service/ports/accounts.ts'
import { buttonLink } from '../../components/form.ts'
import { copyableText, nothing } from '../../components/html.ts'
import { getOptionalField } from '../../context.ts'
import { DEVELOPERS_PATH, KEYS_PATH } from '../../navigation.ts'
import { findKeysObstacle } from '../../resource/changes.ts'
import { mountCreation } from '../../resource/creation.ts'
import { loadKeyCounts, mountList } from '../../resource/list.ts'
import { mountPage, type ResourcePage } from '../../resource/page.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import {
  customerKeysCard,
  formatNewDeveloperKeyPath,
  portalKeyCard,
} from './developer-key-tables.ts'

const DEVELOPERS: Resource<Developer> = {
  group: 'developers',
  noun: 'developer',
  path: DEVELOPERS_PATH,
  find: ({ services }, id) => services.developers.find(id),
  getName: ({ name }) => name,
  cells: {
    developerKey: ({ name, developerKey }) =>
      copyableText(developerKey, `the developer key of ${name}`),
  },
}

/** The pages of developers, whose programs offices use. */
export function mountDeveloperPages(router: ConsoleRouter): void {
  mountList(router, DEVELOPERS, {
    load: ({ services }, page) => services.developers.list(page),
    loadColumns: async ({ services }, rows) => {
      const getKeyCount = await loadKeyCounts(services.developers, rows)
      return [{ name: 'Keys', end: true, cell: (developer) => String(getKeyCount(developer)) }]
    },
  })
  mountCreation(router, DEVELOPERS)
  mountPage(router, DEVELOPERS, DEVELOPER_PAGE)
}

const CUSTOMER_KEY_PAGE_SIZE = 50
/** A developer has one, and a second one during a change. */
const MAX_PORTAL_KEYS = 10

const DEVELOPER_PAGE: ResourcePage<Developer> = {
  reads: ['keys.list'],
  edits: ['rename'],
  actions: [
    {
      verb: 'delete',
      isDangerous: true,
      findObstacle: ({ id }, context) =>
        findKeysObstacle(
          context,
          { developerId: id },
          `${KEYS_PATH}?developer=${id}`,
          'They stay with their developer: revoke those that are to end.',
        ),
    },
  ],
  loadParts: async (context, developer) => {
    const { keys } = context.services
    const criteria = { developerId: developer.id, order: 'newest' } as const
    const [portal, customers] = await Promise.all([
      keys.search({ ...criteria, keyType: 'opendental-portal', limit: MAX_PORTAL_KEYS }),
      keys.search({
        ...criteria,
        keyType: 'opendental',
        after: getOptionalField(context, 'after'),
        limit: CUSTOMER_KEY_PAGE_SIZE,
      }),
    ])
    return {
      cards: portalKeyCard(context, developer, portal.keys),
      wideCards: customerKeysCard(context, developer, customers),
      actions: context.canPerform('keys.create')
        ? buttonLink(
            formatNewDeveloperKeyPath(developer, 'opendental'),
            'Create customer key',
            'primary',
          )
        : nothing,
    }
  },
}

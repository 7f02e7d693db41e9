import type { Developer } from '../../../../service/ports/accounts.ts'
import { buttonLink } from '../../components/form.ts'
import { copyableText, nothing } from '../../components/html.ts'
import { getOptionalField } from '../../context.ts'
import { DEVELOPERS_PATH, KEYS_PATH } from '../../navigation.ts'
import { mountCreation } from '../../resource/creation.ts'
import { mountList } from '../../resource/list.ts'
import { mountPage, type ResourcePage, renderRow } from '../../resource/page.ts'
import type { Resource } from '../../resource/resource.ts'
import type { ConsoleRouter } from '../../router.ts'
import { customerKeysCard, portalKeyCard } from './developer-key-tables.ts'
import {
  mountCustomerKeyPages,
  mountPortalKeyPages,
  type PortalKeyPageDeps,
} from './developer-keys.ts'

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
export function mountDeveloperPages(router: ConsoleRouter, deps: PortalKeyPageDeps): void {
  mountList(router, DEVELOPERS, {
    load: ({ services }, page) => services.developers.list(page),
    loadColumns: async ({ services }, rows) => {
      const keyCounts = await services.developers.countKeys(rows.map(({ id }) => id))
      const keyCountById = new Map(keyCounts.map(({ id, keys }) => [id, keys]))
      return [{ name: 'Keys', end: true, cell: ({ id }) => String(keyCountById.get(id) ?? 0) }]
    },
  })
  mountCreation(router, DEVELOPERS)
  mountPage(router, DEVELOPERS, DEVELOPER_PAGE)
  mountPortalKeyPages(router, deps)
  mountCustomerKeyPages(router, (context, id, error) =>
    renderRow(context, DEVELOPERS, DEVELOPER_PAGE, id, error),
  )
}

const CUSTOMER_KEY_PAGE_SIZE = 50
/** A developer has one, and a second one during a change. */
const MAX_PORTAL_KEYS = 10

const DEVELOPER_PAGE: ResourcePage<Developer> = {
  reads: ['keys.list'],
  edits: ['rename'],
  actions: [{ verb: 'delete', isDangerous: true }],
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
        ? buttonLink(formatNewCustomerKeyPath(developer), 'Create customer key', 'primary')
        : nothing,
    }
  },
}

const formatNewCustomerKeyPath = ({ id, accountId }: Developer) =>
  `${KEYS_PATH}/new?${new URLSearchParams({ 'key-type': 'opendental', account: accountId, developer: id })}`

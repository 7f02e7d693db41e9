import type { NamedRow } from '../../../service/ports/survey.ts'

export const AUDIT = '/console/audit'

/** Where each kind of row has its page. */
const PAGES: Readonly<Record<NamedRow['kind'], string>> = {
  account: '/console/accounts',
  user: '/console/people',
  key: '/console/keys',
  site: '/console/sites',
  developer: '/console/developers',
  source: '/console/sources',
  destination: '/console/destinations',
  subscription: '/console/feeds',
}

export const pageOf = ({ kind, id }: Pick<NamedRow, 'kind' | 'id'>): string =>
  `${PAGES[kind]}/${id}`

import type { AddressRule, Developer, OperatorStorage, Site } from '../service/ports.ts'
import type { Audit } from './audit.ts'
import type { Compiler, Engine } from './engine.ts'
import type { Rows } from './rows.ts'
import type { Tables } from './tables.ts'

type Verbs = Pick<
  OperatorStorage,
  | 'addAddressRule'
  | 'removeAddressRule'
  | 'listAddressRules'
  | 'addSite'
  | 'listSites'
  | 'findSite'
  | 'addDeveloper'
  | 'listDevelopers'
  | 'findDeveloper'
>

/** What an account has beside people: addresses, sites, developers. */
export function createPlaces(engine: Engine, compiler: Compiler, rows: Rows, audit: Audit): Verbs {
  const addRule = rows.insertUnlessTaken('address_rules')
  const removeRule = compiler.taking<{ id: string }>()((db, arg) =>
    db.deleteFrom('address_rules').where('id', '=', arg('id')),
  )
  const rulesOf = compiler.taking<{ accountId: string }>()((db, arg) =>
    db
      .selectFrom('address_rules')
      .selectAll()
      .where('account_id', '=', arg('accountId'))
      .orderBy('id'),
  )

  const siteOf = rows.byId('sites')
  const sitePage = rows.page('sites', 'account_id')
  const addSite = rows.insertUnlessTaken('sites')

  const developerOf = rows.byId('developers')
  const developerPage = rows.page('developers', 'account_id')
  const addDeveloper = rows.insertUnlessTaken('developers')

  return {
    addAddressRule: ({ accountId, createdAt, ...rule }, event) =>
      audit.change(
        'address_rules',
        addRule({ ...rule, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    removeAddressRule: (id, event) => audit.removal('address_rules', [removeRule({ id })], event),

    async listAddressRules(accountId) {
      return (await engine.read(rulesOf({ accountId }))).map(toRule)
    },

    addSite: ({ accountId, createdAt, ...site }, event) =>
      audit.change(
        'sites',
        addSite({ ...site, account_id: accountId, created_at: createdAt, event_id: event.id }),
        event,
      ),

    async listSites({ accountId, ...page }) {
      return (await sitePage(accountId, page)).map(toSite)
    },

    async findSite(id) {
      const row = await siteOf(id)
      return row === undefined ? null : toSite(row)
    },

    addDeveloper: ({ accountId, createdAt, developerKey, ...developer }, event) =>
      audit.change(
        'developers',
        addDeveloper({
          ...developer,
          account_id: accountId,
          developer_key: developerKey,
          created_at: createdAt,
          event_id: event.id,
        }),
        event,
      ),

    async listDevelopers({ accountId, ...page }) {
      return (await developerPage(accountId, page)).map(toDeveloper)
    },

    async findDeveloper(id) {
      const row = await developerOf(id)
      return row === undefined ? null : toDeveloper(row)
    },
  }
}

const toRule = (row: Tables['address_rules']): AddressRule => ({
  id: row.id,
  accountId: row.account_id,
  network: row.network,
  note: row.note,
  createdAt: row.created_at,
})

const toSite = (row: Tables['sites']): Site => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  createdAt: row.created_at,
})

const toDeveloper = (row: Tables['developers']): Developer => ({
  id: row.id,
  accountId: row.account_id,
  name: row.name,
  developerKey: row.developer_key,
  createdAt: row.created_at,
})

import { sql } from 'kysely'
import type { Account } from '../service/ports/accounts.ts'
import type { ResourceStorage } from '../service/ports/storage.ts'
import type { AuditedChanges } from './audited-changes.ts'
import { hasAnotherAccountOperator } from './operators.ts'
import type { Arg, TableStatements } from './statements.ts'
import type { Tables } from './tables.ts'

type AccountMethods = Pick<
  ResourceStorage,
  | 'addAccount'
  | 'setAccountStatus'
  | 'setOffboardingPolicy'
  | 'setAllowlistEnforced'
  | 'listAccounts'
  | 'findAccount'
>

export function createAccountStorage(rows: TableStatements, audit: AuditedChanges): AccountMethods {
  const readAccountPage = rows.page('accounts', 'id', toAccount)
  const addAccount = rows.insertUnlessTaken('accounts')
  const setStatus = audit.createUpdate(
    'accounts',
    ['status'],
    (arg: Arg<{ status: string }>) =>
      sql`(cast(${arg('status')} as text) = 'open' or ${hasAnotherAccountOperator})`,
  )
  const setOffboardingPolicy = audit.createUpdate('accounts', ['offboarding_policy'])
  const setAllowlistEnforced = audit.createUpdate('accounts', ['ip_allowlist_enforced'])

  return {
    addAccount: (account, event) =>
      audit.applyChange(
        'accounts',
        addAccount({
          id: account.id,
          name: account.name,
          region: account.region,
          status: account.status,
          created_at: account.createdAt,
          event_id: event.id,
          offboarding_policy: account.offboardingPolicy,
          ip_allowlist_enforced: account.ipAllowlistEnforced ? 1 : 0,
        }),
        event,
      ),

    setAccountStatus: (id, status, event) => setStatus({ id, status }, event),
    setOffboardingPolicy: (id, policy, event) =>
      setOffboardingPolicy({ id, offboarding_policy: policy }, event),
    setAllowlistEnforced: (id, isEnforced, event) =>
      setAllowlistEnforced({ id, ip_allowlist_enforced: isEnforced ? 1 : 0 }, event),

    listAccounts: ({ accountId, ...page }) => readAccountPage(accountId, page),
    findAccount: rows.findById('accounts', toAccount),
  }
}

const toAccount = (row: Tables['accounts']): Account => ({
  id: row.id,
  name: row.name,
  region: row.region,
  status: row.status,
  createdAt: row.created_at,
  offboardingPolicy: row.offboarding_policy,
  ipAllowlistEnforced: row.ip_allowlist_enforced === 1,
})

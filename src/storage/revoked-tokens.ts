import { sql } from 'kysely'
import type { RevokedTokenStorage } from '../service/ports/authority.ts'
import {
  type AuditedChanges,
  createEventInsert,
  selectAccountIdFrom,
  toEventRow,
} from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

type RevokedToken = Tables['revoked_tokens']
type TokenName = Pick<RevokedToken, 'account_id' | 'token_id'>

/** Stores which access tokens were revoked one by one. */
export function createRevokedTokenStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): RevokedTokenStorage {
  const sqlStatement = createSqlWriter(compiler)
  const exists = (arg: (name: keyof TokenName) => unknown) => sql`exists (
    select 1 from revoked_tokens
    where account_id = ${arg('account_id')} and token_id = ${arg('token_id')})`

  const find = sqlStatement<TokenName, { is_revoked: number; any_revoked: number }>(
    (arg) => sql`
      select case when ${exists(arg)} then 1 else 0 end as is_revoked,
        case when exists (
          select 1 from revoked_tokens where account_id = ${arg('account_id')}
        ) then 1 else 0 end as any_revoked`,
  )
  const insert = sqlStatement<RevokedToken>(
    (arg) => sql`
      insert into revoked_tokens (account_id, token_id, ends_at)
      values (${arg('account_id')}, ${arg('token_id')}, ${arg('ends_at')})
      on conflict do nothing`,
  )
  const insertEvent = createEventInsert<TokenName>(compiler, (arg) => ({
    account: selectAccountIdFrom('keys', arg('subject')),
    where: sql`where not ${exists(arg)}`,
  }))
  const purge = sqlStatement<{ now: number; limit: number }>(
    (arg) => sql`
      delete from revoked_tokens where (account_id, token_id) in (
        select account_id, token_id from revoked_tokens
        where ends_at <= ${arg('now')} order by ends_at limit ${arg('limit')})`,
  )

  return {
    async findRevokedToken(accountId, tokenId) {
      const [row] = await engine.read(find({ account_id: accountId, token_id: tokenId }))
      return { isRevoked: row?.is_revoked === 1, anyRevoked: row?.any_revoked === 1 }
    },

    async revokeToken({ accountId, tokenId, endsAt }, event) {
      const name = { account_id: accountId, token_id: tokenId }
      // The first step locks the authority's row, so that of concurrent revocations one inserts the event.
      const [, added] = await engine.atomic([
        audit.bumpTokenRevocations,
        insertEvent({ ...toEventRow(event), ...name }),
        insert({ ...name, ends_at: endsAt }),
      ])
      return added === 1
    },

    async purgeRevokedTokens(now, limit) {
      const [purged = 0] = await engine.atomic([purge({ now, limit })])
      return purged
    },
  }
}

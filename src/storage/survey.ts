import { sql } from 'kysely'
import type { KeyCensus, NamedRow, SurveyStorage } from '../service/ports/survey.ts'
import { anyOf } from './any-of.ts'
import type { Compiler, Engine } from './engine.ts'
import { writer } from './written.ts'

type Named = { readonly id: string } & {
  readonly [Column in `${NamedRow['kind']}_${'name' | 'account'}`]: string | null
}
const KINDS = [
  'key',
  'user',
  'account',
  'source',
  'destination',
  'subscription',
  'site',
  'developer',
] as const satisfies readonly NamedRow['kind'][]

/** What tells people how things are. */
export function createSurvey(engine: Engine, compiler: Compiler): SurveyStorage {
  const written = writer(compiler)
  const census = written<{ since: number; now: number; accountId: string | null }, KeyCensus>(
    (arg) => sql`
      select dialect,
        sum(case when status = 'enabled' and (expires_at is null or expires_at > ${arg('now')})
          then 1 else 0 end) as usable,
        sum(case when last_used_at >= ${arg('since')} then 1 else 0 end) as used
      from keys
      where cast(${arg('accountId')} as text) is null or account_id = ${arg('accountId')}
      group by dialect order by dialect`,
  )
  // (D1 takes no union of so many tables.)
  const names = written<{ ids: string }, Named>(
    (arg) => sql`
      with asked (id) as ${anyOf(engine, arg('ids'))}
      select asked.id, keys.name as key_name, keys.account_id as key_account,
        coalesce(users.username, users.email) as user_name, users.account_id as user_account,
        accounts.name as account_name, accounts.id as account_account,
        sources.name as source_name, sources.account_id as source_account,
        destinations.name as destination_name, destinations.account_id as destination_account,
        senders.name || ' → ' || receivers.name as subscription_name,
        senders.account_id as subscription_account,
        sites.name as site_name, sites.account_id as site_account,
        developers.name as developer_name, developers.account_id as developer_account
      from asked
        left join keys on keys.id = asked.id
        left join users on users.id = asked.id
        left join accounts on accounts.id = asked.id
        left join sources on sources.id = asked.id
        left join destinations on destinations.id = asked.id
        left join subscriptions on subscriptions.id = asked.id
        left join sources senders on senders.id = subscriptions.source_id
        left join destinations receivers on receivers.id = subscriptions.destination_id
        left join sites on sites.id = asked.id
        left join developers on developers.id = asked.id`,
  )

  return {
    async takeKeyCensus({ accountId, ...asked }) {
      const rows = await engine.read(census({ ...asked, accountId: accountId ?? null }))
      return rows.map(({ dialect, usable, used }) => ({
        dialect,
        usable: Number(usable),
        used: Number(used),
      }))
    },

    async findNames(ids) {
      if (ids.length === 0) return []
      const rows = await engine.read(names({ ids: JSON.stringify([...new Set(ids)]) }))
      return rows.flatMap((row) =>
        KINDS.flatMap((kind) => {
          const [name, accountId] = [row[`${kind}_name`], row[`${kind}_account`]]
          return name !== null && accountId !== null ? [{ id: row.id, kind, name, accountId }] : []
        }),
      )
    },
  }
}

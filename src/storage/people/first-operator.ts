import { sql } from 'kysely'
import { latestPending } from '../../domain/instant.ts'
import type { PeopleStorage } from '../../service/ports/people.ts'
import type { Audit } from '../audit.ts'
import type { Compiler, Engine } from '../engine.ts'
import type { Tables } from '../tables.ts'
import { writer } from '../written.ts'
import { isOperator } from './passwords.ts'

type Verbs = Pick<PeopleStorage, 'addFirstOperator'>

/**
 * How a server comes by its first operator, once. The authority's row is locked first; the account is
 * the guard, and what follows asks whether it was made.
 */
export function createFirstOperator(engine: Engine, compiler: Compiler, audit: Audit): Verbs {
  const written = writer(compiler)

  interface First {
    readonly accountId: string
    readonly name: string
    readonly region: string
    readonly status: Tables['accounts']['status']
    readonly departedKeys: Tables['accounts']['departed_keys']
    readonly enforced: number
    readonly userId: string
    readonly email: string
    readonly username: string | null
    readonly hash: string
    readonly invitationId: string
    readonly createdAt: number
    readonly at: number
    readonly latest: number
    readonly eventId: string
  }
  const addAccount = written<First>(
    (arg) => sql`
      insert into accounts
        (id, name, region, status, created_at, event_id, departed_keys, addresses_enforced)
      select cast(${arg('accountId')} as text), cast(${arg('name')} as text),
        cast(${arg('region')} as text), cast(${arg('status')} as text),
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('departedKeys')} as text), cast(${arg('enforced')} as bigint)
      where exists (
          select 1 from invitations where invitations.id = ${arg('invitationId')}
            and user_id is null and expires_at > ${arg('at')} and created_at <= ${arg('latest')}
        )
        and not exists (select 1 from users where ${isOperator})
        and not exists (select 1 from users where username = ${arg('username')})`,
  )
  const isMade = (arg: (name: 'accountId' | 'eventId') => unknown) => sql`
    from accounts where accounts.id = ${arg('accountId')} and accounts.event_id = ${arg('eventId')}`
  const addUser = written<First>(
    (arg) => sql`
      insert into users
        (id, account_id, email, role, created_at, event_id, username, password_hash)
      select cast(${arg('userId')} as text), accounts.id, cast(${arg('email')} as text), 'operator',
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('username')} as text), cast(${arg('hash')} as text)
      ${isMade(arg)}`,
  )
  /** Every link to a first operator: there is none to come. */
  const endInvitations = written<First>(
    (arg) =>
      sql`delete from invitations where user_id is null and exists (select 1 ${isMade(arg)})`,
  )

  return {
    async addFirstOperator({ account, user, passwordHash, invitationId }, event) {
      const first = {
        accountId: account.id,
        name: account.name,
        region: account.region,
        status: account.status,
        departedKeys: account.departedKeys,
        enforced: account.addressesEnforced ? 1 : 0,
        userId: user.id,
        email: user.email,
        username: user.username,
        hash: passwordHash,
        invitationId,
        createdAt: account.createdAt,
        at: event.at,
        latest: latestPending(0, event.at),
        eventId: event.id,
      }
      const [, , made] = await engine.atomic([
        audit.bump,
        addAccount(first),
        addUser(first),
        audit.addIfChanged('users', event),
        endInvitations(first),
      ])
      return made === 1
    },
  }
}

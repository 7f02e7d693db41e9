import { type RawBuilder, sql } from 'kysely'
import { getLatestDeadline } from '../domain/instant.ts'
import type { SignInStorage } from '../service/ports/sign-in.ts'
import type { AuditedChanges } from './audited-changes.ts'
import type { Engine, StatementCompiler } from './engine.ts'
import { createSqlWriter } from './statements.ts'
import type { Tables } from './tables.ts'

/**
 * Creates the first operator, once. Locks the authority's row first; the account's insert has the guard,
 * and the other statements depend on it.
 */
export function createFirstOperatorStorage(
  engine: Engine,
  compiler: StatementCompiler,
  audit: AuditedChanges,
): Pick<SignInStorage, 'addFirstOperator'> {
  const sqlStatement = createSqlWriter(compiler)

  interface FirstOperatorArgs {
    readonly accountId: string
    readonly name: string
    readonly region: string
    readonly status: Tables['accounts']['status']
    readonly offboardingPolicy: Tables['accounts']['offboarding_policy']
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
  const addAccount = sqlStatement<FirstOperatorArgs>(
    (arg) => sql`
      insert into accounts
        (id, name, region, status, created_at, event_id, offboarding_policy, ip_allowlist_enforced)
      select cast(${arg('accountId')} as text), cast(${arg('name')} as text),
        cast(${arg('region')} as text), cast(${arg('status')} as text),
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('offboardingPolicy')} as text), cast(${arg('enforced')} as bigint)
      where exists (
          select 1 from invitations where invitations.id = ${arg('invitationId')}
            and user_id is null and expires_at > ${arg('at')} and created_at <= ${arg('latest')}
        )
        and not exists (select 1 from users where ${isActiveOperator})
        and not exists (select 1 from users where username = ${arg('username')})`,
  )
  const isAccountCreated = (arg: (name: 'accountId' | 'eventId') => unknown) => sql`
    from accounts where accounts.id = ${arg('accountId')} and accounts.event_id = ${arg('eventId')}`
  const addUser = sqlStatement<FirstOperatorArgs>(
    (arg) => sql`
      insert into users
        (id, account_id, email, role, created_at, event_id, username, password_hash)
      select cast(${arg('userId')} as text), accounts.id, cast(${arg('email')} as text), 'operator',
        cast(${arg('createdAt')} as bigint), cast(${arg('eventId')} as text),
        cast(${arg('username')} as text), cast(${arg('hash')} as text)
      ${isAccountCreated(arg)}`,
  )
  /** Deletes every first-operator link. */
  const deleteInvitations = sqlStatement<FirstOperatorArgs>(
    (arg) =>
      sql`delete from invitations where user_id is null and exists (select 1 ${isAccountCreated(arg)})`,
  )

  return {
    async addFirstOperator({ account, user, passwordHash, invitationId }, event) {
      const args = {
        accountId: account.id,
        name: account.name,
        region: account.region,
        status: account.status,
        offboardingPolicy: account.offboardingPolicy,
        enforced: account.ipAllowlistEnforced ? 1 : 0,
        userId: user.id,
        email: user.email,
        username: user.username,
        hash: passwordHash,
        invitationId,
        createdAt: account.createdAt,
        at: event.at,
        latest: getLatestDeadline(0, event.at),
        eventId: event.id,
      }
      const [, , addedUsers] = await engine.atomic([
        audit.bumpAuthority,
        addAccount(args),
        addUser(args),
        audit.insertEventIfChanged('users', event),
        deleteInvitations(args),
      ])
      return addedUsers === 1
    },
  }
}

/** Tests if a row of `users` can sign in as operator. */
export const isActiveOperator = sql`
  users.role = 'operator' and users.password_hash is not null and users.deactivated_at is null`

/** Tests if a user (`person`) for which the condition holds can sign in as operator. */
const hasOperatorWhere = (condition: RawBuilder<unknown>) => sql`exists (
  select 1 from users person inner join accounts home on home.id = person.account_id
  where person.role = 'operator' and person.password_hash is not null and person.deactivated_at is null
    and home.status = 'open' and ${condition})`

/*
 * The last operator who can sign in cannot be demoted or locked out: nobody could create another in a
 * browser. Changes of permissions run one after another, so of two operators who demote each other at
 * once, one succeeds.
 */

/** Guards a change of `users` that may end its user's operator role. */
export const isAnotherUserOperator = sql<boolean>`(
  not ${hasOperatorWhere(sql`person.id = users.id`)} or ${hasOperatorWhere(sql`person.id <> users.id`)})`

/** Guards a change of `accounts` that may lock its users out. */
export const hasAnotherAccountOperator = sql<boolean>`(
  not ${hasOperatorWhere(sql`home.id = accounts.id`)} or ${hasOperatorWhere(sql`home.id <> accounts.id`)})`

import { type RawBuilder, sql } from 'kysely'

/** Whether anybody of these (`person`) can sign in as operator. */
const canOperate = (which: RawBuilder<unknown>) => sql`exists (
  select 1 from users person inner join accounts home on home.id = person.account_id
  where person.role = 'operator' and person.password_hash is not null and person.left_at is null
    and home.status = 'open' and ${which})`

/*
 * The last operator who can sign in stays so: nobody could make another in a browser. Changes of who
 * may do what come one after another, so that of two operators who demote each other at once one does.
 */

/** For a change of `users` that may end that its row's user is operator. */
export const anotherUserOperates = sql<boolean>`(
  not ${canOperate(sql`person.id = users.id`)} or ${canOperate(sql`person.id <> users.id`)})`

/** For a change of `accounts` that may shut its row's people out. */
export const anotherAccountOperates = sql<boolean>`(
  not ${canOperate(sql`home.id = accounts.id`)} or ${canOperate(sql`home.id <> accounts.id`)})`

import { sql } from 'kysely'

/**
 * For a change of `users` by somebody who was let do so for the role that the row's user had: whether
 * that is still the role. Null where it does not matter.
 */
export const isStill = (role: unknown) =>
  sql<boolean>`users.role = coalesce(cast(${role} as text), users.role)`

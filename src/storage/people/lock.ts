import { sql } from 'kysely'
import type { Compiler } from '../engine.ts'
import { writer } from '../written.ts'

/**
 * The first statement of a list that depends on more than the user's own row. PostgreSQL keeps the row
 * locked until the commit: what a later statement reads is what the changes before have left.
 */
export const lockUser = (compiler: Compiler) =>
  writer(compiler)<{ userId: string }>(
    (arg) => sql`update users set role = role where id = ${arg('userId')}`,
  )

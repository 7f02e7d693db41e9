import { type RawBuilder, sql } from 'kysely'
import type { Engine } from './engine.ts'

/** The values of a list that is handed over as one JSON text: so a statement serves lists of any length. */
export const anyOf = (engine: Engine, list: unknown): RawBuilder<unknown> =>
  engine.sql === 'sqlite'
    ? sql`(select value from json_each(${list}))`
    : sql`(select json_array_elements_text(cast(${list} as json)))`

import { readFileSync } from 'node:fs'

/** schema.sql, as it is loaded into an empty database of whichever engine. */
export const readSchema = (): string =>
  readFileSync(new URL('../../schema.sql', import.meta.url), 'utf8')

import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openPostgres } from '../../src/node/postgres/engine.ts'
import type { Engine } from '../../src/storage/engine.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../support/database/postgres.ts'
import { createTestLog } from '../support/server.ts'

let postgres: PostgresServer
let engine: Engine
beforeAll(async () => {
  postgres = await startPostgres()
  engine = await openPostgres(await postgres.createDatabase(), createTestLog())
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  await engine.close()
  await postgres.stop()
})

/** Texts of any alphabet; some make a group longer than the buffer that it is written to. */
const text = fc
  .tuple(
    fc.string({ unit: 'binary', maxLength: 40 }).map((any) => any.replaceAll('\0', '')),
    fc.constantFrom(1, 1, 1, 1000, 20_000),
  )
  .map(([part, times]) => part.repeat(times))
const row = fc.array(fc.option(text), { minLength: 1, maxLength: 5 })

test('the values of a group of statements come back as they were sent, in any alphabet and length', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 8 }), async (rows) => {
      const read = rows.map((values) => {
        const columns = values.map((_, n) => `$${n + 1}::text AS c${n}`)
        return engine.read({ sql: `SELECT ${columns}`, values })
      })
      const expected = rows.map((values) => [
        Object.fromEntries(values.map((value, n) => [`c${n}`, value])),
      ])
      expect(await Promise.all(read)).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})

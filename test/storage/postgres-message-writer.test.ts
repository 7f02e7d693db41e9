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

test('rows of several callers are inserted as they were sent, and one that is taken fails its caller alone', async () => {
  await engine.atomic([
    { sql: 'CREATE TABLE written (id BIGINT PRIMARY KEY, text TEXT, number BIGINT)', values: [] },
  ])
  const insert = {
    sql: `INSERT INTO written SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])`,
    arrayTypes: ['bigint', 'text', 'bigint'],
  } as const
  const count = { sql: 'UPDATE written SET text = text', values: [] }
  const integer = fc.maxSafeInteger()
  const rowOfTable = fc.record({ id: integer, text: fc.option(text), number: fc.option(integer) })
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(rowOfTable, { selector: ({ id }) => id, minLength: 2, maxLength: 20 }),
      async (rows) => {
        await engine.atomic([{ sql: 'DELETE FROM written', values: [] }])
        const values = [...rows, ...rows.slice(0, 1)].map((one) => [one.id, one.text, one.number])
        const writes = values.map((each) => engine.atomic([{ ...insert, values: each }]))
        const settled = await Promise.allSettled(writes)
        const counts = settled.map((one) => (one.status === 'fulfilled' ? one.value : one.status))
        expect(counts.filter((each) => each === 'rejected')).toHaveLength(1)
        expect(counts.filter((each) => each !== 'rejected')).toEqual(rows.map(() => [1]))
        const stored = await engine.read({ sql: 'SELECT * FROM written', values: [] })
        expect(new Set(stored)).toEqual(new Set(rows))

        await engine.atomic([{ sql: 'DELETE FROM written', values: [] }])
        const together = await Promise.all(
          values.slice(1).map((each) => engine.atomic([{ ...insert, values: each }, count])),
        )
        expect(together.map(([added]) => added)).toEqual(rows.map(() => 1))
        const again = await engine.read({ sql: 'SELECT * FROM written', values: [] })
        expect(new Set(again)).toEqual(new Set(rows))
      },
    ),
    { numRuns: 30 },
  )
})

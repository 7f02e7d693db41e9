import { describe, expect, test } from 'vitest'
import { StorageUnavailableError } from '../../src/service/ports/storage.ts'
import { createStorage } from '../../src/storage/storage.ts'
import { SCHEMA_VERSION } from '../../src/storage/tables.ts'
import { type D1Database, openD1 } from '../../src/worker/d1.ts'
import { readSchemaStatements } from '../support/worker/bundle.ts'
import { startWorkerd } from '../support/worker/workerd.ts'
import { testStorageConformance } from './conformance/suite.ts'

testStorageConformance('D1 in workerd', startWorkerd)

describe('D1', () => {
  test.each([
    [[], 'the database is empty: wrangler d1 execute latchkey --file schema.sql'],
    [
      [...readSchemaStatements(), 'UPDATE schema_version SET version = 999'],
      `the database has schema version 999, this Latchkey reads version ${SCHEMA_VERSION}: ` +
        'use the version of Latchkey that wrote it, or a newer one',
    ],
  ])('a database of another schema is refused with a sentence (%#)', async (schema, sentence) => {
    const { engine, dispose } = await startWorkerd(undefined, { schema })
    const storage = createStorage(engine)
    await expect(storage.readAuthorityVersion()).rejects.toThrow(sentence)
    await expect(storage.probe()).rejects.toThrow(sentence)
    await dispose()
  })

  /** D1 as it behaves on its bad days, which workerd here never has. */
  function createFailingD1(message: string): D1Database {
    const statement = {
      bind: () => statement,
      all: () => Promise.reject(new Error(`D1_ERROR: ${message}`)),
    }
    return { withSession: () => ({ prepare: () => statement, batch: () => statement.all() }) }
  }

  // https://developers.cloudflare.com/d1/observability/debug-d1/
  test.each([
    'D1 DB reset because its code was updated.',
    'Internal error while starting up D1 DB storage caused object to be reset.',
    'Network connection lost.',
    'Internal error in D1 DB storage caused object to be reset.',
    'Cannot resolve D1 DB due to transient issue on remote node.',
    'D1 DB is overloaded. Too many requests queued.',
    'D1 DB is overloaded. Requests queued for too long.',
    "D1 DB's isolate exceeded its memory limit and was reset.",
    'D1 DB exceeded its CPU time limit and was reset.',
    'D1 DB storage operation exceeded timeout which caused object to be reset.',
    'Exceeded maximum DB size.',
    "Your account has exceeded D1's maximum account storage limit, please contact Cloudflare to raise your limit.",
  ])('is unavailable, and so answered 503, when it says: %s', async (message) => {
    const storage = createStorage(openD1(createFailingD1(message)))
    await expect(storage.readAuthorityVersion()).rejects.toBeInstanceOf(StorageUnavailableError)
    await expect(storage.probe()).rejects.toBeInstanceOf(StorageUnavailableError)
  })

  test('an error of a statement is not D1’s', async () => {
    const storage = createStorage(openD1(createFailingD1('UNIQUE constraint failed: keys.id')))
    await expect(storage.readAuthorityVersion()).rejects.not.toBeInstanceOf(StorageUnavailableError)
  })

  test('each batch begins at the primary, in a session of its own', async () => {
    const constraints: string[] = []
    const statement = {
      bind: () => statement,
      all: async () => ({ results: [{ version: SCHEMA_VERSION }], meta: { changes: 0 } }),
    }
    const db: D1Database = {
      withSession(constraint) {
        constraints.push(constraint)
        let isUsed = false
        return {
          prepare: () => statement,
          batch(statements) {
            expect(isUsed).toBe(false)
            isUsed = true
            return Promise.all(statements.map(() => statement.all()))
          },
        }
      },
    }
    const storage = createStorage(openD1(db))
    await storage.readAuthorityVersion()
    await storage.readAuthorityVersion()
    expect(constraints).toEqual(['first-primary', 'first-primary', 'first-primary'])
  })
})

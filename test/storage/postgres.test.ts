import { afterAll, beforeAll } from 'vitest'
import { openPostgres } from '../../src/node/postgres.ts'
import { type PostgresServer, startPostgres } from '../support/postgres/server.ts'
import { testLog } from '../support/server.ts'
import { conformance } from './conformance.ts'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await startPostgres()
})
afterAll(() => postgres.stop())

conformance('PostgreSQL', async () => {
  const engine = await openPostgres(await postgres.createDatabase(), testLog())
  return { engine, dispose: () => engine.close() }
})

import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createConnectionPool } from '../../../src/node/postgres/connections.ts'
import { StorageUnavailableError } from '../../../src/service/ports/storage.ts'
import {
  createCertificateAuthority,
  createServerCertificate,
} from '../../support/database/certificates.ts'
import {
  type LocalPostgres,
  POSTGRES_START_TIMEOUT_MS,
  startLocalPostgres,
} from '../../support/database/postgres.ts'
import { runCli, startServerProcess } from '../../support/process.ts'
import { createTempFolder, createTestLog } from '../../support/server.ts'

const dir = createTempFolder()
const known = join(dir, 'authority.pem')
const another = join(dir, 'another authority.pem')
const namesake = join(dir, 'another authority of the same name.pem')

let postgres: LocalPostgres
let database: string
beforeAll(async () => {
  const authority = await createCertificateAuthority('Test authority')
  writeFileSync(known, authority.cert)
  writeFileSync(another, (await createCertificateAuthority('Another authority')).cert)
  writeFileSync(namesake, (await createCertificateAuthority('Test authority')).cert)
  postgres = await startLocalPostgres({
    tls: await createServerCertificate(['localhost'], authority),
  })
  database = await postgres.createDatabase()
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  await postgres.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** The same database, by verify-full. */
function buildTlsUrl(hostname: string, sslrootcert?: string): string {
  const url = new URL(database)
  url.hostname = hostname
  url.searchParams.set('sslmode', 'verify-full')
  if (sslrootcert !== undefined) url.searchParams.set('sslrootcert', sslrootcert)
  return url.href
}

const start = async (LATCHKEY_DATABASE: string) => {
  const env = { LATCHKEY_DATABASE, LATCHKEY_PORT: '0' }
  const { code, stderr } = await runCli(['serve'], { dir, env })
  return { code, stderr }
}

test('a server with a certificate for its host name from the given authority is reached by TLS', async () => {
  const server = await startServerProcess(dir, {
    LATCHKEY_DATABASE: buildTlsUrl('localhost', known),
  })
  expect((await fetch(`${server.url}/ready`)).status).toBe(200)
  const connections = await postgres.query(
    database,
    `SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
     WHERE application_name = 'latchkey'`,
  )
  expect(connections).toEqual([{ ssl: true }])
  expect(await server.stop()).toBe(0)
})

test.each([
  ['none is named', undefined],
  ['another is named', another],
  ['another of the same name is named', namesake],
])('one by an authority that is not known is refused with a sentence: %s', async (_, named) => {
  expect(await start(buildTlsUrl('localhost', named))).toEqual({
    code: 1,
    stderr:
      `PostgreSQL at localhost:${postgres.port} has a certificate from an unknown authority: ` +
      'add the certificate of the authority to LATCHKEY_DATABASE as sslrootcert=FILE\n',
  })
})

test('one of another name is refused with a sentence', async () => {
  expect(await start(buildTlsUrl('127.0.0.1', known))).toEqual({
    code: 1,
    stderr:
      `PostgreSQL at 127.0.0.1:${postgres.port} has a certificate for another name: ` +
      'use the host name of the certificate in LATCHKEY_DATABASE\n',
  })
})

test('an untrusted certificate counts as an unreachable database, which is answered 503', async () => {
  for (const url of [
    buildTlsUrl('127.0.0.1', known),
    buildTlsUrl('localhost', another),
    buildTlsUrl('localhost'),
  ]) {
    const connections = createConnectionPool(url, createTestLog(), 1)
    await expect(connections.withClient(async () => null)).rejects.toBeInstanceOf(
      StorageUnavailableError,
    )
    await connections.close()
  }
})

test('an authority’s file that is not there is refused with a sentence', async () => {
  const nowhere = join(dir, 'nowhere.pem')
  expect(await start(buildTlsUrl('localhost', nowhere))).toEqual({
    code: 1,
    stderr: `there is no ${nowhere}\n`,
  })
})

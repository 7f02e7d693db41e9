import { once } from 'node:events'
import { existsSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../../../src/config.ts'
import {
  POSTGRES_START_TIMEOUT_MS,
  type PostgresServer,
  startPostgres,
} from '../../support/database/postgres.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

let postgres: PostgresServer
let url: URL
const dir = createTempFolder()
beforeAll(async () => {
  postgres = await startPostgres()
  url = new URL(await postgres.createDatabase())
}, POSTGRES_START_TIMEOUT_MS)
afterAll(async () => {
  await postgres.stop()
  rmSync(dir, { recursive: true, force: true })
})

/** Returns the error of `latchkey serve` for this URL; asserts that no password is in it. */
async function readStartError(change: (url: URL) => void) {
  const wrong = new URL(url)
  wrong.password = SECRET
  change(wrong)
  const env = { LATCHKEY_DATABASE: wrong.href, LATCHKEY_PORT: '0' }
  const said = await runCli(['serve'], { dir, env })
  const debugged = await runCli(['keys', 'list', '--json'], {
    dir,
    env: { ...env, LATCHKEY_LOG_LEVEL: 'debug' },
  })
  expect([said.code, debugged.code]).toEqual([1, 1])
  for (const { stdout, stderr } of [said, debugged]) {
    expect(stdout + stderr).not.toMatch(/hunter|:\/\/[^ ]*@/)
  }
  expect(said.stderr).toMatch(/^[^\n]+\n$/)
  return { words: said.stderr, env }
}

/** The same, and doctor finds it too. */
async function readDoctorFinding(change: (url: URL) => void) {
  const { words, env } = await readStartError(change)
  const examined = await runCli(['doctor', '--json'], { dir, env })
  expect(examined.code).toBe(1)
  expect(examined.stdout).not.toContain('hunter')
  expect(examined.stdout).toContain(JSON.stringify(words.trim()).slice(1, -1))
  return words
}
const SECRET = 'hunter2%2F@'

/** With the right password. */
const keepPassword = (change: (url: URL) => void) => (wrong: URL) => {
  wrong.password = url.password
  change(wrong)
}

/** A port without a listener. */
async function findClosedPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return String(typeof address === 'object' ? address?.port : 0)
}

test('a PostgreSQL that is not there is one sentence and exit code 1', async () => {
  const port = await findClosedPort()
  const words = await readDoctorFinding((wrong) => {
    wrong.hostname = '127.0.0.1'
    wrong.port = port
  })
  expect(words).toBe(
    `PostgreSQL at 127.0.0.1:${port} cannot be reached (ECONNREFUSED): check that it runs, and that LATCHKEY_DATABASE is correct\n`,
  )
})

test('an unknown host name is reported in one sentence', async () => {
  const words = await readDoctorFinding((wrong) => {
    wrong.hostname = 'postgres.invalid'
  })
  expect(words).toMatch(/^(the host|no name server can resolve) postgres\.invalid:\d+/)
})

test('a wrong password is one sentence, which does not hold it', async () => {
  const user = decodeURIComponent(url.username)
  expect(await readDoctorFinding(() => undefined)).toBe(
    `PostgreSQL at ${url.host} refuses the password of ${user}: correct LATCHKEY_DATABASE\n`,
  )
})

test('a database that does not exist is one sentence', async () => {
  const words = await readDoctorFinding(
    keepPassword((wrong) => {
      wrong.pathname = '/nosuch'
    }),
  )
  expect(words).toBe(
    `PostgreSQL at ${url.host} has no database nosuch: create it (CREATE DATABASE), or correct LATCHKEY_DATABASE\n`,
  )
})

test('a server without TLS is one sentence where TLS is asked for', async () => {
  const words = await readDoctorFinding(
    keepPassword((wrong) => {
      wrong.search = '?sslmode=verify-full'
    }),
  )
  expect(words).toBe(`PostgreSQL at ${url.host}: The server does not support SSL connections\n`)
})

test('a database of something else is left as it is', async () => {
  const other = await postgres.createDatabase()
  await postgres.query(other, 'CREATE TABLE users (name text)')
  const { words } = await readStartError(
    keepPassword((wrong) => {
      wrong.pathname = new URL(other).pathname
    }),
  )
  expect(words).toBe(
    `${new URL(other).pathname.slice(1)} has tables of another program: give Latchkey its own database\n`,
  )
  const tables = await postgres.query(
    other,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  )
  expect(tables).toEqual([{ relname: 'users' }])
})

test('a listing command reports that a database was never used, and creates nothing in it', async () => {
  const LATCHKEY_DATABASE = await postgres.createDatabase()
  const folder = join(createTempFolder(), 'not-there-yet')
  expect(await runCli(['keys', 'list'], { dir: folder, env: { LATCHKEY_DATABASE } })).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'the PostgreSQL database was never used: set LATCHKEY_DATABASE, or start with `latchkey serve`\n',
  })
  expect(existsSync(folder)).toBe(false)
  const tables = await postgres.query(
    LATCHKEY_DATABASE,
    `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace`,
  )
  expect(tables).toEqual([])
})

test('a database that may lose what it acknowledged is a finding of doctor', async () => {
  const loose = new URL(await postgres.createDatabase())
  const env = { LATCHKEY_DATABASE: loose.href }
  const name = loose.pathname.slice(1)
  const folder = createTempFolder()
  expect(
    await runCli(['accounts', 'create', '--name', 'Acme Health'], { dir: folder, env }),
  ).toMatchObject({ code: 0 })
  await postgres.query(loose.href, `ALTER DATABASE ${name} SET synchronous_commit = off`)
  const { code, stdout } = await runCli(['doctor'], { dir: folder, env })
  expect(code).toBe(1)
  expect(stdout).toContain(`${name} at ${loose.host} can lose acknowledged data`)
  expect(stdout).toContain('synchronous_commit is off')
  expect(stdout).toMatch(/^ok +writing .*\nok +clock .*\n\w+ +audit /m)
})

test.each([
  'postgres://latchkey:hunter2/x@127.0.0.1:5432/latchkey',
  'postgres://latchkey:hunter2%zz@127.0.0.1/latchkey',
  'postgres:latchkey:hunter2@127.0.0.1',
  'postgres://latchkey:hunter2@127.0.0.1:port/latchkey',
  'mysql://latchkey:hunter2@127.0.0.1/latchkey',
])('a URL that cannot be read is a configuration problem, which does not repeat it: %s', (text) => {
  expect(() => readConfig({ LATCHKEY_DATABASE: text })).toThrow(
    /^The configuration has problems:\n {2}LATCHKEY_DATABASE must be empty, sqlite:PATH or postgres:\/\/USER:PASSWORD@HOST:PORT\/NAME \(in a password, write characters that mean something in a URL as %XX\)$/,
  )
})

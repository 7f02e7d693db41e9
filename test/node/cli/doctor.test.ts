import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { beforeAll, expect, test } from 'vitest'
import { SCHEMA_VERSION } from '../../../src/storage/tables.ts'
import { isDoctorProblem, runJson } from '../../support/cli/commands.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

interface Finding {
  readonly check: string
  readonly status: string
  readonly message: string
  readonly advice: string | null
}

const dir = join(createTempFolder(), 'data')
beforeAll(() => runJson(dir, ['accounts', 'create', '--name', 'Acme Health']))

async function runDoctor(where: string, env = {}) {
  const { code, stdout } = await runCli(['doctor', '--json'], { dir: where, env })
  const { items: findings } = JSON.parse(stdout) as { items: Finding[] }
  return { code, findings, amiss: findings.filter(isDoctorProblem) }
}

test('a sound installation has no finding', async () => {
  const { code, findings, amiss } = await runDoctor(dir)
  expect(amiss).toEqual([])
  expect(code).toBe(0)
  expect(findings.map(({ check }) => check)).toEqual([
    ...['node', 'argon2', 'configuration', 'disk', 'data folder', 'database file', 'key ring'],
    ...['database', 'writing', 'clock', 'audit'],
  ])
})

test('a key ring that others can read is found, with what to do', async () => {
  const path = join(dir, 'keyring.json')
  chmodSync(path, 0o644)
  const { code, stdout } = await runCli(['doctor'], { dir })
  chmodSync(path, 0o600)
  expect(code).toBe(1)
  expect(stdout).toMatch(/^FAIL {2}key ring {7}.* \(mode 0644\).*chmod 600 /m)
})

test('nothing is made where there is nothing', async () => {
  const nowhere = join(createTempFolder(), 'nowhere')
  const { code, amiss } = await runDoctor(nowhere)
  expect(code).toBe(0)
  expect(amiss.map(({ status, advice }) => ({ status, advice }))).toEqual(
    Array(3).fill({ status: 'warn', advice: 'run `latchkey serve` once' }),
  )
  expect(existsSync(nowhere)).toBe(false)
})

test('the contents of a data folder that cannot be used are not reported', async () => {
  const file = join(createTempFolder(), 'file')
  writeFileSync(file, '')
  const { code, amiss } = await runDoctor(file)
  expect(code).toBe(1)
  expect(amiss).toEqual([
    {
      check: 'data folder',
      status: 'fail',
      message: `${file} is not a folder`,
      advice: 'set LATCHKEY_DATA',
    },
  ])
})

test('a missing key ring, a folder that others can read and a clock that was set back each fail', async () => {
  const other = join(createTempFolder(), 'data')
  await runJson(other, ['accounts', 'create', '--name', 'Acme Health'])
  rmSync(join(other, 'keyring.json'))
  chmodSync(other, 0o755)
  const db = new Database(join(other, 'latchkey.db'))
  db.prepare('UPDATE audit_events SET at = at + 120000').run()
  db.close()
  const { code, amiss } = await runDoctor(other)
  expect(code).toBe(1)
  expect(amiss.map(({ check, status }) => `${check} ${status}`)).toEqual([
    ...['data folder fail', 'key ring fail', 'clock fail'],
  ])
  expect(existsSync(join(other, 'keyring.json'))).toBe(false)
})

test('an audit that was changed behind the server’s back is found, with where and what to do', async () => {
  const other = join(createTempFolder(), 'data')
  const { id } = await runJson(other, ['accounts', 'create', '--name', 'Acme Health'])
  await runJson(other, ['audit', 'export', join(createTempFolder(), 'audit.jsonl')])
  const before = await runDoctor(other)
  expect(before.findings.at(-1)).toMatchObject({ check: 'audit', message: 'whole: events 1 to 1' })
  const db = new Database(join(other, 'latchkey.db'))
  db.prepare("UPDATE audit_events SET actor = 'nobody' WHERE subject = ?").run(id)
  db.close()
  const { code, amiss } = await runDoctor(other)
  expect(code).toBe(1)
  expect(amiss).toEqual([
    {
      check: 'audit',
      status: 'fail',
      message:
        'it is broken in one place: event 1 is not the one that was sealed: it was changed, or put in',
      advice: expect.stringContaining('`latchkey audit verify`'),
    },
  ])
})

test('a database of another version, or no database at all, is not written to', async () => {
  const other = createTempFolder()
  const path = join(other, 'latchkey.db')
  const db = new Database(path)
  chmodSync(path, 0o600)
  const before = await runDoctor(other)
  expect(before.amiss.map(({ check }) => check)).toContain('database')
  expect(db.prepare('SELECT count(*) FROM sqlite_master').pluck().get()).toBe(0)
  db.exec('CREATE TABLE schema_version (version BIGINT); INSERT INTO schema_version VALUES (99)')
  db.close()
  const { amiss } = await runDoctor(other)
  expect(amiss.find(({ check }) => check === 'database')).toMatchObject({
    status: 'fail',
    message: `its schema has version 99, this Latchkey reads ${SCHEMA_VERSION}`,
  })
})

test('each setting that is wrong is a finding of its own, each danger a warning', async () => {
  const wrong = await runDoctor(dir, { LATCHKEY_PORT: 'x', LATCHKEY_NOSUCH: '1' })
  expect(wrong.code).toBe(1)
  expect(wrong.amiss.map(({ message }) => message)).toEqual([
    'LATCHKEY_NOSUCH is not a setting; `latchkey serve --help` lists them all',
    'LATCHKEY_PORT must be a whole number from 0 to 65535',
  ])
  const risky = await runDoctor(dir, { LATCHKEY_HOST: '0.0.0.0' })
  expect(risky.code).toBe(0)
  expect(risky.amiss).toMatchObject([{ check: 'configuration', status: 'warn' }])
})

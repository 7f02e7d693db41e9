import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createRing } from '../../../src/crypto/ring.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { SCHEMA_HISTORY } from '../../../src/storage/migrations.ts'
import { SCHEMA_VERSION } from '../../../src/storage/tables.ts'
import { runJson, runJsonList } from '../../support/cli/commands.ts'
import { runWarmCli } from '../../support/cli/warm-cli.ts'
import { runCli } from '../../support/process.ts'
import { createTempFolder } from '../../support/server.ts'

test('a database that is up to date has nothing to migrate', async () => {
  const dir = createTempFolder()
  await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const { code, stdout } = await runCli(['migrate'], { dir })
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `schema version ${SCHEMA_VERSION}: nothing to do\n`,
  })
  expect(await runJson(dir, ['migrate', '--plan'])).toEqual({
    found: SCHEMA_VERSION,
    version: SCHEMA_VERSION,
    reads: SCHEMA_VERSION,
    steps: [],
  })
})

test('a database of version 4 is brought up to date, and its unsealed events become a chain', async () => {
  const dir = createTempFolder()
  const db = new Database(join(dir, 'latchkey.db'))
  db.exec(readFileSync(new URL('../../fixtures/schema-4.sql', import.meta.url), 'utf8'))
  // The fixture's seals are made up: leave every event unsealed.
  db.exec(`UPDATE audit_events SET sequence = NULL, seal = NULL;
    UPDATE audit_chain SET sequence = 0, seal = '';
    DELETE FROM audit_checkpoints`)
  const events = db.prepare('SELECT id FROM audit_events ORDER BY id DESC').pluck().all()
  db.close()
  // As the ring of a server that had neither a digest nor an audit key yet.
  const { keys, ...rest } = await createRing(nodePrimitives, 0)
  const ring = { ...rest, keys: keys.filter(({ use }) => use !== 'audit' && use !== 'digest') }
  writeFileSync(join(dir, 'keyring.json'), JSON.stringify(ring), { mode: 0o600 })

  const plan = {
    found: 4,
    reads: SCHEMA_VERSION,
    steps: SCHEMA_HISTORY.migrations.map(({ to, summary }) => ({ to, summary })),
  }
  expect(await runJson(dir, ['migrate', '--plan'])).toEqual({ ...plan, version: 4 })
  expect(await runJson(dir, ['migrate'])).toEqual({ ...plan, version: SCHEMA_VERSION })
  expect(await runJson(dir, ['audit', 'export', join(dir, 'audit.jsonl')])).toMatchObject({
    events: events.length,
  })
  const [exported, ...before] = await runJsonList(dir, ['audit', 'list'])
  expect(exported).toMatchObject({ action: 'audit.exported' })
  expect(before.map(({ id }) => id)).toEqual(events)
  expect(await runJson(dir, ['audit', 'verify'])).toMatchObject({
    whole: true,
    last: events.length,
  })

  // The ring is written when its keys rotate, and what was sealed before stays proven.
  await runJson(dir, ['keyring', 'rotate', 'audit'])
  await runJson(dir, ['accounts', 'create', '--name', 'Sealed with the next key'])
  await runJson(dir, ['audit', 'export', join(dir, 'audit.jsonl'), '--force'])
  expect(await runJson(dir, ['audit', 'verify'])).toMatchObject({
    whole: true,
    // The first export and the account.
    last: events.length + 2,
  })
  expect(await runJson(dir, ['audit', 'verify', '--file', join(dir, 'audit.jsonl')])).toMatchObject(
    {
      whole: true,
      events: events.length + 2,
    },
  )
})

test('nothing is made where there is no database, and a newer one is refused', async () => {
  const dir = createTempFolder()
  const path = join(dir, 'latchkey.db')
  const nothing = await runWarmCli(['migrate'], { dir })
  expect(nothing).toEqual({
    code: 1,
    stdout: '',
    stderr: `there is no database at ${path}: set LATCHKEY_DATA, or start with \`latchkey serve\`\n`,
  })
  expect(existsSync(path)).toBe(false)
  await runJson(dir, ['accounts', 'create', '--name', 'Acme Health'])
  const db = new Database(path)
  db.exec('UPDATE schema_version SET version = 99')
  db.close()
  for (const args of [['migrate'], ['migrate', '--plan']]) {
    const { code, stderr } = await runWarmCli(args, { dir })
    expect(code).toBe(1)
    expect(stderr).toBe(
      `the database has schema version 99, this Latchkey reads version ${SCHEMA_VERSION}: ` +
        'use the version of Latchkey that wrote it, or a newer one\n',
    )
  }
})

describe('the SQL for D1', () => {
  test('is not written where nothing is to be done', async () => {
    const dir = createTempFolder()
    const path = join(dir, 'migration.sql')
    const version = String(SCHEMA_VERSION)
    const { code, stdout } = await runWarmCli(['migrate', '--d1', path, '--from', version], { dir })
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `schema version ${version}: nothing to do\n`,
    })
    expect(existsSync(path)).toBe(false)
  })

  test('is refused for a version that this Latchkey does not know', async () => {
    const dir = createTempFolder()
    const path = join(dir, 'migration.sql')
    const { code, stderr } = await runWarmCli(['migrate', '--d1', path, '--from', '99'], { dir })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^the database has schema version 99, this Latchkey reads version \d+: /)
    expect(existsSync(path)).toBe(false)
  })

  test.each([
    [['--d1', 'migration.sql'], '--d1 FILE and --from VERSION must be used together'],
    [['--from', '4'], '--d1 FILE and --from VERSION must be used together'],
    [['--d1', 'migration.sql', '--from', 'one'], 'It must be the number of a schema version.'],
    [['--d1', 'migration.sql', '--from', '4', '--plan'], 'cannot be used with'],
  ])('asks for what it needs: %s', async (args, sentence) => {
    const { code, stderr } = await runWarmCli(['migrate', ...args], { dir: createTempFolder() })
    expect(code).toBe(2)
    expect(stderr).toContain(sentence)
  })
})

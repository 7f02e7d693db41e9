import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SCHEMA_VERSION } from '../../../src/storage/tables.ts'
import {
  type CliKeyWithSecret,
  type CliRow,
  createSeededKey,
  runJson,
  runJsonList,
  seedCliAccount,
} from '../../support/cli/commands.ts'
import { type SeededStaticKeys, seedStaticKeys } from '../../support/database/data-folder.ts'
import { runCli, type ServerProcess, startServerProcess } from '../../support/process.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  type TokenResponse,
} from '../../support/server.ts'
import {
  createVendorClient,
  parseTokenResponse,
  type VendorResponse,
} from '../../support/vendor-clients.ts'

interface Holding {
  readonly path: string
  readonly bytes: number
  readonly schemaVersion: number
  readonly rows: Readonly<Record<string, number>>
}

const dir = createTempFolder()
const file = join(createTempFolder(), 'monday.db')
let server: ServerProcess
let seeded: Awaited<ReturnType<typeof seedCliAccount>>
let created: CliKeyWithSecret
let destination: CliRow
let staticKeys: SeededStaticKeys

beforeAll(async () => {
  server = await startServerProcess(dir, { LATCHKEY_URL: 'https://latchkey.example' })
  seeded = await seedCliAccount(dir)
  const { account, source } = seeded
  const place = ['--account', account.id, '--name', 'Redox EMR', '--url', 'https://emr.example']
  ;[created, destination] = await Promise.all([
    createSeededKey(dir, seeded),
    runJson(dir, ['destinations', 'create', ...place]),
  ])
  await runJson(dir, ['destinations', 'mark-verified', destination.id])
  const route = ['--source', source.id, '--destination', destination.id]
  await runJson(dir, ['subscriptions', 'create', ...route])
  staticKeys = await seedStaticKeys(dir)
})
afterAll(() => server.stop())

const apiKey = () => created.key.publicId
const issueTokens = async () =>
  parseTokenResponse(await createVendorClient(server.url).authenticate(apiKey(), created.secret))
const refresh = async ({ refreshToken }: TokenResponse) =>
  parseTokenResponse(await createVendorClient(server.url).refresh(apiKey(), refreshToken))
const send = ({ accessToken }: TokenResponse): Promise<VendorResponse> =>
  createVendorClient(server.url).endpoint(accessToken, createDeviceNewMessage(destination.id))
const listMessageIds = async () =>
  (await runJsonList(dir, ['messages', 'list'])).map(({ id }) => id)

test('every refresh token that was issued after a backup is honoured when it is restored', async () => {
  // Grants of every kind: with and without a row in the backup, acknowledged or not.
  const [unborn, born, used] = [await issueTokens(), await issueTokens(), await issueTokens()]
  const [bornAt1, usedAt1] = [await refresh(born), await refresh(used)]
  expect((await send(usedAt1)).status).toBe(200)
  const before = await listMessageIds()

  // Under load: what is written while it runs is in it or not, and never half.
  let stop = false
  const load = (async () => {
    let tokens = await issueTokens()
    while (!stop) tokens = await refresh(tokens)
    return tokens
  })()
  const holding = await runJson<Holding>(dir, ['backup', file])
  stop = true
  const underLoad = await load
  expect(holding).toMatchObject({
    path: file,
    bytes: statSync(file).size,
    schemaVersion: SCHEMA_VERSION,
    rows: {
      accounts: 1,
      ...staticKeys.rows,
      users: 2,
      keys: 6,
      messages: before.length,
      deliveries: before.length,
    },
  })
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readdirSync(join(file, '..'))).toEqual(['monday.db'])

  const afterwards: TokenResponse[] = [await refresh(unborn), underLoad]
  afterwards.push(await refresh(await refresh(await refresh(bornAt1))))
  let acknowledged = usedAt1
  for (let n = 0; n < 3; n++) {
    acknowledged = await refresh(acknowledged)
    expect((await send(acknowledged)).status).toBe(200)
  }
  afterwards.push(
    acknowledged,
    await issueTokens(),
    await refresh(await refresh(await issueTokens())),
  )
  const extra = ['--account', seeded.account.id, '--name', 'Made after the backup']
  await runJson(dir, ['sources', 'create', ...extra])

  const path = join(dir, 'latchkey.db')
  const inUse = await runCli(['restore', file, '--force'], { dir })
  expect(inUse).toEqual({
    code: 1,
    stdout: '',
    stderr: `${path} is in use: stop every server and command that has it open\n`,
  })
  await server.stop()
  const unforced = await runCli(['restore', file], { dir })
  expect({ code: unforced.code, stderr: unforced.stderr }).toEqual({
    code: 1,
    stderr: `there is already a database ${path}: add --force to replace it. The old one is renamed\n`,
  })
  const restored = await runJson<Holding & { kept: string }>(dir, ['restore', file, '--force'])
  expect(restored).toEqual({ ...holding, path, kept: restored.kept })
  expect(statSync(path).mode & 0o777).toBe(0o600)
  const kept = new Database(restored.kept, { readonly: true })
  expect(kept.prepare('SELECT count(*) FROM messages').pluck().get()).toBe(before.length + 3)
  kept.close()

  server = await startServerProcess(dir, { LATCHKEY_URL: 'https://latchkey.example' })
  expect(await listMessageIds()).toEqual(before)
  expect(await runJsonList(dir, ['sources', 'list'])).toHaveLength(1)
  for (const tokens of afterwards) {
    expect((await send(tokens)).status).toBe(200)
    const next = await refresh(tokens)
    // A lost answer is asked for again here as anywhere.
    expect(await refresh(tokens)).toEqual(next)
    expect((await send(next)).status).toBe(200)
  }
  const { keyId, secret } = staticKeys.xdent
  const identity = await fetch(`${server.url}/api/v1/Identity`, {
    headers: { 'X-Api-Key': `${keyId}.${secret}` },
  })
  expect(identity.status).toBe(200)
})

test('a backup overwrites nothing without --force', async () => {
  const other = join(createTempFolder(), 'precious')
  writeFileSync(other, 'mine')
  const refused = await runCli(['backup', other], { dir })
  expect({ code: refused.code, stderr: refused.stderr }).toEqual({
    code: 1,
    stderr: `${other} already exists: add --force to replace it\n`,
  })
  expect(readFileSync(other, 'utf8')).toBe('mine')
  const nowhere = await runCli(['backup', join(other, '..', 'none', 'file')], { dir })
  expect(nowhere.stderr).toBe(`there is no folder ${join(other, '..', 'none')}\n`)
  const { code, stdout, stderr } = await runCli(['backup', other, '--force'], { dir })
  expect(code).toBe(0)
  expect(stdout).toMatch(/ bytes, schema version \d+, no damage found\n {2}accounts +1\n/)
  expect(stderr).toContain('keyring.json, is not included')
  expect(readdirSync(join(other, '..'))).toEqual(['precious'])
})

test('a backup of an older version is restored, and brought to this one at the next start', async () => {
  const files = createTempFolder()
  const old = join(files, 'old.db')
  const db = new Database(old)
  db.exec(readFileSync(new URL('../../fixtures/schema-4.sql', import.meta.url), 'utf8'))
  db.close()
  const elsewhere = join(files, 'new')
  expect(await runJson<Holding>(elsewhere, ['restore', old])).toMatchObject({
    schemaVersion: 4,
    rows: { accounts: 2, users: 1, keys: 2, audit_events: 2 },
  })
  copyFileSync(join(dir, 'keyring.json'), join(elsewhere, 'keyring.json'))
  expect(await runJsonList(elsewhere, ['keys', 'list', '--order', 'oldest'])).toMatchObject([
    { keyType: 'redox', name: 'nightly job', status: 'enabled' },
    { keyType: 'redox', name: 'old job', status: 'revoked' },
  ])
  expect(await runJson<Holding>(elsewhere, ['backup', join(files, 'again')])).toMatchObject({
    schemaVersion: SCHEMA_VERSION,
    rows: { accounts: 2, users: 1, keys: 2, sites: 1, key_uses: 1, secret_proofs: 0 },
  })
})

test('a backup is restored to an empty folder, and a missing key ring is reported', async () => {
  const elsewhere = join(createTempFolder(), 'new')
  const { code, stderr } = await runCli(['restore', file], { dir: elsewhere })
  expect(code).toBe(0)
  expect(stderr).toContain(`There is no key ring ${join(elsewhere, 'keyring.json')}`)
  expect(readdirSync(elsewhere)).toEqual(['latchkey.db'])
})

test('what is no backup is refused, and the database that is there stays', async () => {
  const place = createTempFolder()
  await runJson(place, ['accounts', 'create', '--name', 'Stays'])
  const files = createTempFolder()
  const make = (name: string, sql: string) => {
    const db = new Database(join(files, name))
    db.exec(sql)
    db.close()
    return join(files, name)
  }
  const text = join(files, 'text')
  writeFileSync(text, 'not a database at all, but long enough to be looked at by whoever tries')
  const damaged = join(files, 'damaged')
  const bytes = readFileSync(file)
  bytes.fill(0xff, 3 * 4096, bytes.length)
  writeFileSync(damaged, bytes)
  const live = make('live', 'CREATE TABLE t (x)')
  writeFileSync(`${live}-wal`, 'log')

  for (const [path, sentence] of [
    [join(files, 'none'), `there is no ${join(files, 'none')}`],
    [text, 'it is not a database'],
    [damaged, 'cannot be restored: '],
    [make('other', 'CREATE TABLE t (x)'), 'it is a database, but not one of Latchkey'],
    [live, 'is a database in use, not a backup'],
    [
      make('newer', 'CREATE TABLE schema_version (version); INSERT INTO schema_version VALUES (9)'),
      `the database has schema version 9, this Latchkey reads version ${SCHEMA_VERSION}`,
    ],
  ] as const) {
    const { code, stdout, stderr } = await runCli(['restore', path, '--force'], { dir: place })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(sentence)
    expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  }
  expect(await runJsonList(place, ['accounts', 'list'])).toMatchObject([{ name: 'Stays' }])
  expect(readdirSync(place).filter((name) => name.includes('draft'))).toEqual([])
})

test('a damaged database is replaced, and kept with its log', async () => {
  const place = createTempFolder()
  await runJson(place, ['accounts', 'create', '--name', 'Lost'])
  const path = join(place, 'latchkey.db')
  writeFileSync(path, 'damaged '.repeat(1024))
  writeFileSync(`${path}-wal`, 'log')
  const { kept } = await runJson<{ kept: string }>(place, ['restore', file, '--force'])
  expect(readFileSync(kept, 'utf8')).toBe('damaged '.repeat(1024))
  expect(readFileSync(`${kept}-wal`, 'utf8')).toBe('log')
  expect(existsSync(`${path}-wal`)).toBe(false)
  expect(await runJsonList(place, ['accounts', 'list'])).toMatchObject([{ name: 'Acme Health' }])
})

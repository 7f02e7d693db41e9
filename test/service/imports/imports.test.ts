import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImportCells } from '../../../src/service/imports/import-row.ts'
import type { ImportInput } from '../../../src/service/imports/imports.ts'
import { ROWS_PER_WRITE } from '../../../src/service/imports/run-import.ts'
import {
  createHashedRow,
  createImportInput,
  hashWithSha256,
  toChunks,
  toJsonLines,
} from '../../support/imports.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { seedTenant, type Tenant } from '../../support/tenancy/tenant.ts'

let server: TestServer
let tenant: Tenant
let owner: string
beforeAll(async () => {
  server = await createTestServer()
  tenant = await seedTenant(server)
  owner = unwrap(await server.users.find(tenant.engineerId)).email
})
afterAll(() => server.close())

const SECRET = 'old-secret-of-the-vendor-1'

const createRow = (more?: ImportCells) => createHashedRow(owner, more)

const importRows = async (rows: readonly ImportCells[], more: Partial<ImportInput> = {}) =>
  unwrap(
    await server.imports.create(createImportInput(rows, { accountId: tenant.accountId, ...more })),
  )
const findProblem = async (row: ImportCells, more: Partial<ImportInput> = {}) => {
  const { findings, imported } = await importRows([row], { isDryRun: true, ...more })
  return findings[0]?.problem ?? imported
}

describe('an import', () => {
  test('creates keys with all columns, each with its audit event', async () => {
    const row = createRow({
      name: 'Nightly job',
      description: 'Sends\nreminders',
      reference: 'PO-17',
      status: 'disabled',
      disabled_by: 'operator',
      access: 'read',
      created: '2024-01-31T12:00:00Z',
      expires: '2020-01-31',
      last_used: '2025-01-31 12:00:00+01:00',
      start: 'old-sec',
    })
    const { importId, imported } = await importRows([row])
    expect(imported).toBe(1)
    const key = unwrap(await server.keys.find(row.public_id ?? ''))
    expect(key).toMatchObject({
      keyType: 'xdent',
      ownerId: tenant.engineerId,
      name: 'Nightly job',
      description: 'Sends\nreminders',
      reference: 'PO-17',
      status: 'disabled',
      disabledBy: 'operator',
      access: 'read',
      createdAt: Date.parse('2024-01-31T12:00:00Z'),
      expiresAt: Date.parse('2020-01-31'),
      lastUsedAt: Date.parse('2025-01-31T11:00:00Z'),
    })
    const [event] = await server.audit.list({ subject: key.id, limit: 1 }).then(unwrapList)
    expect(event).toMatchObject({ action: 'key.imported', facts: { importId, form: 'sha256' } })
  })

  test('of the same file again imports nothing, and names the columns that differ', async () => {
    const rows = [createRow(), createRow()]
    await importRows(rows)
    const again = await importRows(
      rows.map((row, n) => (n === 0 ? row : { ...row, name: 'Other' })),
    )
    expect(again).toMatchObject({ imported: 0, present: 2, different: 1, invalid: 0 })
    expect(again.findings).toEqual([
      {
        line: 2,
        publicId: rows[1]?.public_id,
        problem: 'the key is there already, with another name',
      },
    ])
  })

  test('that was stopped continues where it stopped, as one import', async () => {
    const rows = Array.from({ length: 3 * ROWS_PER_WRITE }, () => createRow())
    const fileDigest = hashWithSha256(toJsonLines(rows))
    const abortion = new AbortController()
    const reportProgress = () => abortion.abort()
    const stopped = await importRows(rows, { fileDigest, signal: abortion.signal, reportProgress })
    expect(stopped).toMatchObject({ finished: false, imported: ROWS_PER_WRITE })
    expect(unwrap(await server.imports.find(stopped.importId ?? ''))).toMatchObject({
      status: 'unfinished',
      imported: ROWS_PER_WRITE,
      lastKeyAt: expect.any(Number),
    })
    const finished = await importRows(rows, { fileDigest })
    expect(finished).toMatchObject({
      finished: true,
      importId: stopped.importId,
      imported: 3 * ROWS_PER_WRITE,
      present: 0,
    })
    expect(unwrap(await server.imports.find(stopped.importId ?? ''))).toMatchObject({
      status: 'finished',
      imported: 3 * ROWS_PER_WRITE,
      present: 0,
    })
  })

  test('that continues with another file reports its own keys that differ', async () => {
    const id = crypto.randomUUID()
    const rows = Array.from({ length: 2 * ROWS_PER_WRITE }, () => createRow())
    const abortion = new AbortController()
    const reportProgress = () => abortion.abort()
    await importRows(rows, { id, signal: abortion.signal, reportProgress })
    const corrected = rows.map((row, n) => (n === 0 ? { ...row, name: 'Other' } : row))
    const finished = await importRows(corrected, { id })
    expect(finished).toMatchObject({
      imported: 2 * ROWS_PER_WRITE - 1,
      present: 1,
      different: 1,
      findings: [{ problem: 'the key is there already, with another name' }],
    })
  })

  test('by a chosen id continues that import, and refuses a finished one', async () => {
    const id = crypto.randomUUID()
    expect((await importRows([createRow()], { id })).importId).toBe(id)
    const again = await server.imports.create(createImportInput([createRow()], { id }))
    expect(again).toMatchObject({ failure: { problem: 'conflict' } })
  })

  test('of another account is not continued by its id', async () => {
    const id = crypto.randomUUID()
    const rows = [createRow()]
    const signal = AbortSignal.abort()
    expect(await importRows(rows, { id, signal })).toMatchObject({ finished: false, imported: 0 })
    const other = await seedTenant(server)
    expect(
      await server.imports.create(createImportInput(rows, { id, accountId: other.accountId })),
    ).toMatchObject({
      failure: { message: `import ${id} is for another account: use another id` },
    })
    expect(await importRows(rows, { id })).toMatchObject({ finished: true, imported: 1 })
  })

  test('keeps the id of a revoked key, so that no one can take it', async () => {
    const row = createRow({ status: 'revoked' })
    await importRows([row])
    const taken = await server.keys.create({
      keyType: 'xdent',
      ownerId: tenant.engineerId,
      name: 'taker',
      publicId: row.public_id ?? '',
    })
    expect(taken).toMatchObject({ failure: { problem: 'conflict' } })
  })

  test('of secrets in plain text stores hashes of Latchkey, by which owners are recognized at once', async () => {
    const row = { type: 'xdent', owner, public_id: 'plain-1', secret: `${SECRET}-plain` }
    await importRows([row])
    const publicIds = ['plain-1']
    const [key] = await server.storage.findExistingKeys({ publicIds, secretHashes: [] })
    expect(key?.secretHash).toMatch(/^hmac\./)
  })

  test('of keys without an id recognizes them by their secret', async () => {
    const row = { type: 'xenrad', owner, site: tenant.siteId, name: 'PACS', secret: `${SECRET}-x` }
    expect(await importRows([row])).toMatchObject({ imported: 1 })
    expect(await importRows([row])).toMatchObject({ imported: 0, present: 1 })
  })

  test('of a file that another process imports meanwhile finds its rows present', async () => {
    const { accountId, siteId: site } = tenant
    const email = `${crypto.randomUUID()}@clinic.example`
    const leaver = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const both = [
      createRow(),
      { type: 'xenrad', owner, site, name: 'PACS 2', secret: `${SECRET}-y` },
    ]
    const other = await createTestServer({}, { dir: server.dir })
    const add = server.storage.addImportedKeys
    server.storage.addImportedKeys = async (importId, keys) => {
      unwrap(await other.imports.create(createImportInput(both, { accountId })))
      unwrap(await other.users.deactivate(leaver.id))
      return add(importId, keys)
    }
    const report = await importRows([...both, createRow({ owner: email })])
    server.storage.addImportedKeys = add
    await other.storage.close()
    expect(report).toMatchObject({ imported: 0, present: 2, different: 0, invalid: 1 })
    const problem = expect.stringMatching(/^another key has .* or an owner/)
    expect(report.findings).toMatchObject([{ line: 3, problem }])
  })

  test('runs one at a time', async () => {
    const [one, two] = await Promise.all([
      server.imports.create(createImportInput([createRow()], { accountId: tenant.accountId })),
      server.imports.create(createImportInput([createRow()], { accountId: tenant.accountId })),
    ])
    expect([one.ok, two.ok]).toEqual([true, false])
  })
})

const unwrapList = <T>(list: readonly T[] | { items: readonly T[] }): readonly T[] =>
  'items' in list ? list.items : list

test.each(['', 'type,ownr\n', 'type,"owner'])(
  'a file whose header cannot be read starts no import, however it arrives: %j',
  async (text) => {
    const { accountId } = tenant
    const before = await server.imports.list({ accountId, limit: 100 })
    for (const chunkBytes of [1, 100]) {
      const bytes = toChunks(text, chunkBytes)
      const input = createImportInput('', { accountId, format: 'csv', bytes })
      expect(await server.imports.create(input)).toMatchObject({ failure: { problem: 'invalid' } })
    }
    expect(await server.imports.list({ accountId, limit: 100 })).toEqual(before)
  },
)

describe('a dry run', () => {
  test('writes nothing', async () => {
    const row = createRow()
    expect(await importRows([row], { isDryRun: true })).toMatchObject({
      importId: null,
      imported: 1,
    })
    expect(await server.storage.findKeySummary(row.public_id ?? '')).toBeNull()
  })

  test('proves the form of a hash by the secret of its row', async () => {
    const row = createRow({ secret: SECRET, hash: hashWithSha256(SECRET) })
    expect(await importRows([row], { isDryRun: true })).toMatchObject({ proven: 1, invalid: 0 })
  })

  test('reports that a file names SHA-256 and has HMAC', async () => {
    const hash = createHmac('sha256', 'pepper-0123').update(SECRET).digest('hex')
    expect(await findProblem(createRow({ secret: SECRET, hash }))).toBe(
      'the secret does not match its hash in the form "sha256": correct the form, the salt or the pepper',
    )
    const peppers = new Map([['portal', new TextEncoder().encode('pepper-0123')]])
    const right = createRow({ secret: SECRET, hash, form: 'hmac-sha256', pepper: 'portal' })
    expect(await findProblem(right, { peppers })).toBe(1)
  })

  test.each<[string, ImportCells, string | RegExp]>([
    ['no type', { type: '' }, 'type is missing'],
    ['an unknown type', { type: 'rdox' }, /^type must be one of redox, .* not "rdox"$/],
    ['an unknown owner', { owner: 'x@y' }, 'there is no user "x@y"'],
    ['an unknown form', { form: 'sha3' }, /^the form "sha3" is unknown/],
    ['a form without a hash', { hash: '' }, /^hash is missing: add it, or leave/],
    ['a hash without its form', { form: '' }, /^form is missing/],
    ['neither secret nor hash', { hash: '', form: '' }, 'secret or hash is missing'],
    ['a hash that is cut', { hash: 'abc' }, /^the hash is not of the form sha256/],
    ['a cost of 2^31', { form: 'bcrypt', hash: `$2b$31$${'a'.repeat(53)}` }, /cost/i],
    [
      'a truncated salt',
      { form: 'argon2', hash: '$argon2id$v=19$m=19456,t=2,p=1$MDE$aGFzaA' },
      /hash|salt/i,
    ],
    ['a weak form', { form: 'md5', hash: 'a'.repeat(32) }, /^the form md5 is too fast/],
    ['an unknown pepper', { form: 'hmac-sha256', pepper: 'x' }, 'there is no pepper "x"'],
    ['no public id', { public_id: '' }, /^public_id is missing/],
    ['a dot in the id of an XDENT key', { public_id: 'a.b' }, /must not contain a dot/],
    [
      'a form that the key type has not',
      { type: 'practice' },
      /^a key of the type practice|username/,
    ],
    ['a time in the future', { last_used: '2999-01-01' }, 'last_used is in the future'],
    ['no time', { created: 'yesterday' }, /^created must be a time/],
    ['30 February', { expires: '2026-02-30' }, /^expires must be a time/],
    ['an access that the type has not', { access: 'enterprise' }, /cannot have the access/],
    ['the account of another', { account: 'nowhere' }, 'there is no account "nowhere"'],
    [
      'settings that are no JSON',
      { type: 'oauth', oauth_client: '{' },
      'oauth_client must be JSON',
    ],
    [
      'settings of a client that are unknown',
      { type: 'oauth', oauth_client: '{"x":1}' },
      /^oauth_client: /,
    ],
    ['a client without scopes', { type: 'oauth' }, 'a client needs at least one scope'],
  ])('reports %s', async (_, more, problem) => {
    const found = await findProblem(createRow(more))
    expect(found).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem))
  })

  test('reports an id that the file has twice, and one that another account has', async () => {
    const row = createRow()
    const twice = await importRows([row, row], { isDryRun: true })
    expect(twice.findings).toEqual([
      { line: 2, publicId: row.public_id, problem: 'line 1 has the same public_id' },
    ])
    const other = await seedTenant(server)
    const { publicId } = unwrap(await server.keys.find(other.keyId))
    expect(await findProblem(createRow({ public_id: publicId }))).toBe(
      'a key of another account has this public_id or secret',
    )
  })

  test.each(['[', '{"keys":['])(
    'refuses JSON that is nested too deeply for the stack, and reads on: %s',
    async (start) => {
      const depth = 50_000
      const client = start.repeat(depth) + (start === '[' ? ']' : ']}').repeat(depth)
      const { type: _, ...more } = createRow()
      const members = JSON.stringify({ ...more, type: 'oauth' }).slice(1)
      const text = `{"oauth_client":${client},${members}\n${toJsonLines([
        createRow({ type: 'oauth', oauth_client: client.slice(0, 100_000) }),
        createRow({ type: 'oauth', oauth_client: `${'['.repeat(5000)}${']'.repeat(5000)}` }),
        createRow(),
      ])}`
      const report = unwrap(
        await server.imports.create(
          createImportInput(text, { accountId: tenant.accountId, isDryRun: true }),
        ),
      )
      expect(report).toMatchObject({ rows: 4, imported: 1, invalid: 3 })
    },
  )

  test('reports problems by line, however they were found', async () => {
    const row = createRow()
    const other = await seedTenant(server)
    const { publicId } = unwrap(await server.keys.find(other.keyId))
    const rows = [createRow({ public_id: publicId }), row, row]
    const { findings } = await importRows(rows, { isDryRun: true })
    expect(findings.map(({ line }) => line)).toEqual([1, 3])
  })

  test('reports a deactivated owner', async () => {
    const email = `${crypto.randomUUID()}@clinic.example`
    const { id } = unwrap(
      await server.users.add({ accountId: tenant.accountId, email, role: 'engineer' }),
    )
    unwrap(await server.users.deactivate(id))
    expect(await findProblem(createRow({ owner: email }))).toBe(`${email} is deactivated`)
  })

  test('reports the first thousand problems, and counts all', async () => {
    const rows = Array.from({ length: 1100 }, () => createRow({ owner: 'x@y' }))
    const { findings, invalid } = await importRows(rows, { isDryRun: true })
    expect([findings.length, invalid]).toEqual([1000, 1100])
  })
})

describe('an undone import', () => {
  test('leaves nothing of unused keys but their events, and the file can be imported again', async () => {
    const rows = [createRow(), createRow()]
    const { importId } = await importRows(rows)
    const [used] = rows
    const { id } = unwrap(await server.keys.find(used?.public_id ?? ''))
    await server.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: server.clock() }])
    expect(unwrap(await server.imports.undo(importId ?? '', {}))).toMatchObject({
      deleted: 1,
      kept: 1,
      import: { status: 'undone' },
    })
    expect(await importRows(rows)).toMatchObject({ imported: 1, present: 1 })
    expect(unwrap(await server.imports.undo(importId ?? '', { includesUsed: true }))).toMatchObject(
      {
        deleted: 1,
        kept: 0,
      },
    )
    expect(await importRows(rows)).toMatchObject({ imported: 1, present: 1 })
  })

  test('adds no key any more, and its file can be imported again', async () => {
    const id = crypto.randomUUID()
    const rows = Array.from({ length: 3 * ROWS_PER_WRITE }, () => createRow())
    let undo: ReturnType<typeof server.imports.undo> | undefined
    const input = createImportInput(rows, {
      id,
      accountId: tenant.accountId,
      reportProgress() {
        undo ??= server.imports.undo(id, {})
      },
    })
    expect(await server.imports.create(input)).toMatchObject({
      failure: { message: `import ${id} was undone while it ran: import the file again` },
    })
    expect(unwrap(await (undo as NonNullable<typeof undo>)).kept).toBe(0)
    expect(await server.storage.findKeySummary(rows[0]?.public_id ?? '')).toBeNull()
    expect(await importRows(rows)).toMatchObject({ imported: rows.length, present: 0 })
  })

  test('reads no more of its file', async () => {
    const id = crypto.randomUUID()
    async function* readEndlessFile() {
      for (;;) yield* toChunks(toJsonLines([createRow()]))
    }
    const input = createImportInput([], {
      id,
      accountId: tenant.accountId,
      bytes: readEndlessFile(),
      reportProgress: () => void server.imports.undo(id, {}),
    })
    expect(await server.imports.create(input)).toMatchObject({
      failure: { message: `import ${id} was undone while it ran: import the file again` },
    })
  })

  test('lists as unseen the keys that were not used since', async () => {
    const rows = [createRow({ last_used: '2025-01-31', start: 'old-' }), createRow()]
    const { importId } = await importRows(rows)
    const [, used] = rows
    const { id } = unwrap(await server.keys.find(used?.public_id ?? ''))
    await server.storage.addKeyUses([{ keyId: id, day: 1, uses: 1, lastAt: server.clock() }])
    const unseen = await server.imports.listUnseen({ importId: importId ?? '', limit: 10 })
    expect(unseen).toMatchObject([{ publicId: rows[0]?.public_id, secretStart: 'old-' }])
  })
})

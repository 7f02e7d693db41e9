import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Role } from '../../../src/domain/role.ts'
import { IMPORT_COLUMN_NAMES, type ImportCells } from '../../../src/service/imports/import-row.ts'
import { ROWS_PER_WRITE } from '../../../src/service/imports/run-import.ts'
import { type ApiResponse, createAdminClient, issueApiToken } from '../../support/admin-client.ts'
import { createHashedRow, toChunks, toJsonLines } from '../../support/imports.ts'
import { type TestServer, unwrap } from '../../support/server.ts'
import { seedUser, type TestUserServices } from '../../support/users.ts'

/** A server that takes requests over HTTP, and the services on its database. */
export interface ImportServer extends TestUserServices, Pick<TestServer, 'imports' | 'keys'> {
  readonly call: (path: string, init?: RequestInit) => Promise<Response>
  readonly close: () => Promise<void>
}

type Send = (query: string, body: string | ReadableStream, type?: string) => Promise<ApiResponse>

const JSON_LINES = 'application/jsonl'
const CSV = 'text/csv'

const DJANGO_HASH = {
  form: 'pbkdf2-django',
  hash: 'pbkdf2_sha256$260000$0123456789abcdef$NBsAmpDQC9MUC2WoJgxzTigJDgVQy+ZthI0xvGCJDxU=',
}

const toCsv = (rows: readonly ImportCells[]) => {
  const columns = IMPORT_COLUMN_NAMES.filter((name) => rows.some((row) => name in row))
  const lines = rows.map((row) => columns.map((name) => row[name] ?? '').join(','))
  return [columns.join(','), ...lines, ''].join('\r\n')
}

/** Tests how a server takes files of keys over HTTP. `costProblem`: what it says of 260,000 rounds of PBKDF2. */
export function testImportsOverHttp(
  open: () => Promise<ImportServer>,
  costProblem: string | null,
): void {
  let server: ImportServer
  let accountId: string
  let owner: string
  let sendFile: Send
  beforeAll(async () => {
    server = await open()
    ;({ accountId, sendFile } = await seedSender('administrator'))
    const user = await seedUser(server, { accountId, role: 'engineer' })
    owner = user.user.email
  })
  afterAll(() => server?.close())

  async function seedSender(role: Role) {
    const testUser = await seedUser(server, { role })
    const { secret } = await issueApiToken(server, testUser)
    const callApi = createAdminClient(server, secret)
    const send: Send = (query, body, type = JSON_LINES) =>
      callApi('POST', `/imports${query}`, body, { 'Content-Type': type })
    return { ...testUser, callApi, sendFile: send }
  }

  const createRow = (more?: ImportCells) => createHashedRow(owner, more)

  describe.each([
    ['JSON lines', JSON_LINES, toJsonLines],
    ['CSV', `${CSV}; charset="UTF-8"; header=present`, toCsv],
  ])('a file of %s', (_, type, format) => {
    test('is checked by a dry run, imported, and then all present', async () => {
      const rows = [createRow(), createRow({ name: 'Nightly job' })]
      const [first, second] = rows.map(({ public_id }) => public_id ?? '')
      const file = format(rows)
      const checked = await sendFile('?dryRun=true', file, type)
      expect([checked.status, checked.body]).toEqual([
        200,
        expect.objectContaining({ importId: null, finished: true, rows: 2, imported: 2 }),
      ])
      expect(await server.storage.findKeySummary(first ?? '')).toBeNull()

      const imported = await sendFile('?fileName=keys', file, type)
      expect(imported.body).toMatchObject({ finished: true, rows: 2, imported: 2, invalid: 0 })
      expect(unwrap(await server.keys.find(second ?? ''))).toMatchObject({ name: 'Nightly job' })
      expect(unwrap(await server.imports.find(imported.body.importId))).toMatchObject({
        accountId,
        fileName: 'keys',
        status: 'finished',
        imported: 2,
      })

      const again = await sendFile('', file, type)
      expect(again.body).toMatchObject({ imported: 0, present: 2, different: 0, invalid: 0 })
    })
  })

  test('the rows that cannot be imported are in the report, by line, and the others are imported', async () => {
    const [wrong, right] = [createRow({ owner: 'nobody@clinic.example' }), createRow()]
    const { status, body } = await sendFile('', `${toJsonLines([wrong, right])}{"type":\n`)
    expect(status).toBe(200)
    expect(body).toMatchObject({ rows: 3, imported: 1, invalid: 2 })
    expect(body.findings).toEqual([
      { line: 1, publicId: wrong.public_id, problem: 'there is no user "nobody@clinic.example"' },
      { line: 3, publicId: null, problem: 'the line is not a JSON object: each line must be one' },
    ])
  })

  test('a hash is refused if the runtime could not compute it at each use', async () => {
    const { form, hash } = DJANGO_HASH
    const { body } = await sendFile('?dryRun=true', toJsonLines([createRow({ form, hash })]))
    expect(body.findings.map(({ problem }: { problem: string }) => problem)).toEqual(
      costProblem === null ? [] : [costProblem],
    )
    expect(body.imported).toBe(costProblem === null ? 1 : 0)
  })

  test('an import whose request was aborted continues by its id', async () => {
    const rows = Array.from({ length: 3 * ROWS_PER_WRITE }, () => createRow())
    const id = crypto.randomUUID()
    const countImported = async () => {
      const found = await server.imports.find(id)
      return found.ok ? found.value.imported : 0
    }
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for await (const chunk of toChunks(toJsonLines(rows.slice(0, 2 * ROWS_PER_WRITE)))) {
          controller.enqueue(chunk)
        }
        await expect.poll(countImported, { timeout: 10_000 }).toBe(2 * ROWS_PER_WRITE)
        controller.error(new Error('the disk was removed'))
      },
    })
    await expect(sendFile(`?id=${id}`, body)).rejects.toThrow()
    const events = await server.storage.listEvents({ accountId, limit: 1000 })
    const keyIds = events.filter(({ facts }) => facts.importId === id).map(({ subject }) => subject)
    const keys = await server.storage.listImportedKeys(id, { after: undefined, limit: 1000 })
    expect(keys.map((key) => key.id).sort()).toEqual(keyIds.sort())
    expect(keyIds).toHaveLength(2 * ROWS_PER_WRITE)

    const file = toJsonLines(rows)
    let continued = await sendFile(`?id=${id}`, file)
    // The server notices the end of the first request a moment later.
    await expect
      .poll(async () => {
        if (continued.status === 409) continued = await sendFile(`?id=${id}`, file)
        return continued.status
      })
      .toBe(200)
    expect(continued.body).toMatchObject({
      importId: id,
      finished: true,
      imported: 3 * ROWS_PER_WRITE,
      present: 0,
      invalid: 0,
    })
    expect(unwrap(await server.imports.find(id))).toMatchObject({
      status: 'finished',
      imported: 3 * ROWS_PER_WRITE,
    })
  })

  const WRONG_TYPE = 'send the file as it is, with Content-Type: application/jsonl or text/csv'
  test.each<[string, Record<string, string>, string, Record<string, string>]>([
    [
      'JSON',
      { 'Content-Type': 'application/json' },
      WRONG_TYPE,
      { Accept: `${JSON_LINES}, ${CSV}` },
    ],
    ['a form', { 'Content-Type': 'multipart/form-data; boundary=a' }, WRONG_TYPE, {}],
    ['without a type', { 'Content-Type': '' }, WRONG_TYPE, {}],
    [
      'compressed',
      { 'Content-Type': CSV, 'Content-Encoding': 'gzip' },
      'send the file without Content-Encoding: it must not be compressed',
      { 'Accept-Encoding': 'identity' },
    ],
    [
      'in Latin-1',
      { 'Content-Type': `${CSV};Charset=ISO-8859-1` },
      'convert the file to UTF-8, and send it with charset=utf-8',
      {},
    ],
  ])(
    'a file that is %s is refused by 415, which says what is accepted',
    async (_, headers, detail, answered) => {
      const { callApi } = await seedSender('administrator')
      const { body, headers: found } = await callApi(
        'POST',
        '/imports',
        toCsv([createRow()]),
        headers,
      )
      expect(body).toMatchObject({
        type: '/admin/v1/reference#problem-unsupported_file',
        status: 415,
        title: 'The body must be JSON lines or CSV, in UTF-8 and not compressed',
        detail,
      })
      for (const [name, value] of Object.entries(answered)) expect(found.get(name)).toBe(value)
    },
  )

  test('an engineer may not import', async () => {
    const engineer = await seedSender('engineer')
    const row = createRow()
    const { status, body } = await engineer.sendFile('', toJsonLines([row]))
    expect([status, body.permission]).toEqual([403, 'keys.import'])
    expect(await server.storage.findKeySummary(row.public_id ?? '')).toBeNull()
  })

  test('a header that cannot be read is 422', async () => {
    const { status, body } = await sendFile('', 'type,ownr\n', CSV)
    expect([status, body.detail]).toEqual([
      422,
      expect.stringMatching(/^there is no column "ownr"/),
    ])
  })

  test('an export is what an import reads, and of an unknown account it is 404', async () => {
    await sendFile('', toJsonLines([createRow()]))
    const operator = await seedSender('operator')
    const path = `/keys/export?accountId=`
    const exported = await operator.callApi('POST', path + accountId)
    expect(exported.status).toBe(200)
    const lines = exported.text.trimEnd().split('\n')
    const keys = await server.keys.list({ accountId, limit: 1000 })
    expect(lines.map((line) => JSON.parse(line).public_id).sort()).toEqual(
      keys.map(({ publicId }) => publicId).sort(),
    )
    const id = crypto.randomUUID()
    const unknown = await operator.callApi('POST', path + id)
    expect([unknown.status, unknown.body.detail]).toEqual([404, `there is no account ${id}`])
  })
}

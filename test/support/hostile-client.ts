import Database from 'better-sqlite3'
import { expect, type MockInstance, vi } from 'vitest'
import { RawConnection, type RawResponse, sendRaw } from './raw-connection.ts'
import {
  createDeviceNewMessage,
  type LiveServer,
  seedKey,
  startLiveServer,
  type TokenResponse,
} from './server.ts'

const UNLIMITED = '1000000000'

/** A server with its socket, and requests that try to break it. */
export type HostileFixture = Awaited<ReturnType<typeof openHostileFixture>>

/** How many rows a test means to add. */
export interface ExpectedRows {
  messages?: number
  payloadParts?: number
  grants?: number
}

export async function openHostileFixture() {
  const server = await startLiveServer({
    LATCHKEY_URL: 'https://latchkey.example',
    LATCHKEY_QUOTA_REQUESTS: UNLIMITED,
    LATCHKEY_FAILURES_PER_ADDRESS: UNLIMITED,
    LATCHKEY_MESSAGE_LIMIT_BYTES: '2000000',
  })
  const key = await seedKey(server)
  const consoleError = vi.spyOn(console, 'error')
  const send = async (request: string | Uint8Array, options: { toHead?: boolean } = {}) =>
    requireResponse(await sendRaw(server.url, request, options))

  const authenticated = await send(
    buildPost('/auth/authenticate', JSON.stringify({ apiKey: key.apiKey, secret: key.secret })),
  )
  const { accessToken, refreshToken } = JSON.parse(authenticated.body) as TokenResponse
  const readRows = createRowReader(server)
  return {
    ...server,
    key,
    accessToken,
    refreshToken,
    credentials: JSON.stringify({ apiKey: key.apiKey, secret: key.secret }),
    message: createDeviceNewMessage(key.destinationId),
    bearer: { Authorization: `Bearer ${accessToken}` },
    send,
    connect: () => RawConnection.open(server.url),
    /** Takes stock; the function that it answers says whether all is as it was but what was added. */
    snapshotDatabase() {
      const before = readRows()
      return async (added: ExpectedRows = {}) => {
        await expectNoErrors(server, consoleError)
        const { messages, payload_parts, deliveries, grants, message_periods, ...rows } = readRows()
        expect(rows.others).toBe(before.others)
        expect(rows.changes).toEqual(before.changes)
        expect({ messages, payload_parts, deliveries, grants }).toEqual({
          messages: before.messages + (added.messages ?? 0),
          payload_parts: before.payload_parts + (added.payloadParts ?? 0),
          deliveries: before.deliveries + (added.messages ?? 0),
          grants: before.grants + (added.grants ?? 0),
        })
        // The first message of a period adds rows, and later ones none.
        if (added.messages === undefined) expect(message_periods).toBe(before.message_periods)
      }
    },
    async close() {
      readRows.close()
      consoleError.mockRestore()
      await server.close()
    },
  }
}

export function requireResponse(answer: RawResponse | null): RawResponse {
  if (answer === null) throw new Error('the server hung up without an answer')
  return answer
}

/** A POST as its client would write it. */
export function buildPost(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Uint8Array {
  const lines = Object.entries({
    Host: 'latchkey.example',
    'Content-Length': String(Buffer.byteLength(body)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}`)
  return Buffer.concat([
    Buffer.from([`POST ${path} HTTP/1.1`, ...lines, '', ''].join('\r\n')),
    Buffer.from(body),
  ])
}

/** `{"message":…}` */
export const readErrorMessage = ({ body }: RawResponse): unknown => JSON.parse(body).message

/** `{"Meta":{…,"Errors":[{"Text":…}]}}` */
export function readMetaError({ body }: RawResponse): string {
  const { Meta } = JSON.parse(body) as { Meta: { Errors: object[] } }
  expect(Meta.Errors).toEqual([
    {
      ID: expect.any(Number),
      Text: expect.any(String),
      Type: expect.stringMatching(/^(message|transmission|query)$/),
      Module: expect.stringMatching(/^(DataModels|Subscriptions|Send)$/),
    },
  ])
  return (Meta.Errors[0] as { Text: string }).Text
}

export const getContentType = ({ headers }: RawResponse) =>
  headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]

/** It answers the next caller, and nothing broke that it would have told its operator of. */
async function expectNoErrors(server: LiveServer, consoleError: MockInstance): Promise<void> {
  const health = requireResponse(
    await sendRaw(server.url, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'),
  )
  expect([health.status, health.body]).toEqual([200, '{"status":"live"}'])
  expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(consoleError).not.toHaveBeenCalled()
}

const COUNTED_TABLES = [
  'messages',
  'deliveries',
  'grants',
  'payload_parts',
  'message_periods',
] as const
/** Written a moment after the answer: what was refused, and what was issued. */
const AUDIT_TABLES: readonly string[] = ['audit_events', 'audit_chain', 'audit_checkpoints']
/** The state of an accepted message a moment after the response. */
const DELIVERY_STATE = {
  table: 'attempts',
  columns: { due_at: 0, attempts: 0, leased_by: null, leased_until: null },
}
const REQUEST_ACTIONS = `'key.refused', 'token.issued', 'token.refreshed'`

/** `/ready` writes the first, and a process claims message ids in the second. */
const IGNORED_TABLES: readonly string[] = ['probes', 'message_id_blocks']

/** Every row of the database, on a connection of its own: some counted, all others word for word, seals apart. */
function createRowReader(server: LiveServer) {
  const db = new Database(server.databasePath, { readonly: true })
  const names = db
    .prepare<[], { name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .all()
    .map(({ name }) => name)
  const count = (name: string) => db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number

  const read = () => ({
    ...(Object.fromEntries(COUNTED_TABLES.map((name) => [name, count(name)])) as Record<
      (typeof COUNTED_TABLES)[number],
      number
    >),
    others: JSON.stringify(
      names
        .filter(
          (name) => !COUNTED_TABLES.some((table) => table === name) && !AUDIT_TABLES.includes(name),
        )
        .filter((name) => name !== DELIVERY_STATE.table && !IGNORED_TABLES.includes(name))
        .map((name) => [name, db.prepare<[], object>(`SELECT * FROM ${name}`).all()] as const)
        .map(([name, rows]) => [
          name,
          name === 'subscriptions'
            ? rows.map((row) => ({ ...row, ...DELIVERY_STATE.columns }))
            : rows,
        ]),
    ),
    changes: db
      .prepare(`SELECT * FROM audit_events WHERE action NOT IN (${REQUEST_ACTIONS})`)
      .all()
      .map((row) => ({ ...(row as object), sequence: null, seal: null })),
  })
  return Object.assign(read, { close: () => db.close() })
}

/** A second key in another account, with tokens of its own. */
export async function seedOtherKey(fixture: HostileFixture) {
  const stranger = await seedKey(fixture)
  const { apiKey, secret } = stranger
  const credentials = JSON.stringify({ apiKey, secret })
  const answer = await fixture.send(buildPost('/auth/authenticate', credentials))
  return { ...stranger, credentials, ...(JSON.parse(answer.body) as TokenResponse) }
}

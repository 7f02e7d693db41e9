import Database from 'better-sqlite3'
import { expect, type MockInstance, vi } from 'vitest'
import { type LiveServer, startLive } from './live.ts'
import { type RawAnswer, RawConnection, sendRaw } from './raw.ts'
import { deviceNew, seedKey, type TokenAnswer } from './server.ts'

const PLENTY = '1000000000'

/** A server with its socket, for whoever wants to break it. */
export type Hostile = Awaited<ReturnType<typeof startHostile>>

/** How many rows a test means to add. */
export interface Added {
  messages?: number
  grants?: number
}

export async function startHostile() {
  const server = await startLive({
    LATCHKEY_URL: 'https://latchkey.example',
    LATCHKEY_QUOTA_REQUESTS: PLENTY,
    LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
    LATCHKEY_MESSAGE_LIMIT_BYTES: '2000000',
  })
  const key = await seedKey(server)
  const consoleError = vi.spyOn(console, 'error')
  const send = async (request: string | Uint8Array, options: { toHead?: boolean } = {}) =>
    answered(await sendRaw(server.url, request, options))

  const authenticated = await send(
    post('/auth/authenticate', JSON.stringify({ apiKey: key.apiKey, secret: key.secret })),
  )
  const { accessToken, refreshToken } = JSON.parse(authenticated.body) as TokenAnswer
  const rows = rowsOf(server)
  return {
    ...server,
    key,
    accessToken,
    refreshToken,
    credentials: JSON.stringify({ apiKey: key.apiKey, secret: key.secret }),
    message: deviceNew(key.destinationId),
    bearer: { Authorization: `Bearer ${accessToken}` },
    send,
    connect: () => RawConnection.open(server.url),
    /** Takes stock; the function that it answers says whether all is as it was but what was added. */
    watch() {
      const before = rows()
      return async (added: Added = {}) => {
        await expectUnharmed(server, consoleError)
        const { messages, deliveries, grants, others, changes } = rows()
        expect(others).toBe(before.others)
        expect(changes).toEqual(before.changes)
        expect({ messages, deliveries, grants }).toEqual({
          messages: before.messages + (added.messages ?? 0),
          deliveries: before.deliveries + (added.messages ?? 0),
          grants: before.grants + (added.grants ?? 0),
        })
      }
    },
    async close() {
      rows.close()
      consoleError.mockRestore()
      await server.close()
    },
  }
}

export function answered(answer: RawAnswer | null): RawAnswer {
  if (answer === null) throw new Error('the server hung up without an answer')
  return answer
}

/** A POST as its client would write it. */
export function post(
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
export const messageOf = ({ body }: RawAnswer): unknown => JSON.parse(body).message

/** `{"Meta":{…,"Errors":[{"Text":…}]}}` */
export function errorOf({ body }: RawAnswer): string {
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

export const typeOf = ({ headers }: RawAnswer) =>
  headers.find(([name]) => name.toLowerCase() === 'content-type')?.[1]

/** It answers the next caller, and nothing broke that it would have told its operator of. */
async function expectUnharmed(server: LiveServer, consoleError: MockInstance): Promise<void> {
  const health = answered(await sendRaw(server.url, 'GET /health HTTP/1.1\r\nHost: x\r\n\r\n'))
  expect([health.status, health.body]).toEqual([200, '{"status":"live"}'])
  expect(server.log.lines.filter(({ level }) => level === 'error')).toEqual([])
  expect(consoleError).not.toHaveBeenCalled()
}

const COUNTED = ['messages', 'deliveries', 'grants'] as const
/** Written a moment after the answer: what was refused, and what was issued. */
const AUDIT: readonly string[] = ['audit_events', 'audit_chain', 'audit_checkpoints']
/** What becomes of an accepted message, a moment after the answer. */
const DELIVERY = {
  table: 'attempts',
  columns: { due_at: 0, attempts: 0, leased_by: null, leased_until: null },
}
const OF_REQUESTS = `'key.refused', 'token.issued', 'token.refreshed'`

/** Every row of the database, on a connection of its own: some counted, all others word for word, seals apart. */
/** `/ready` writes the first, and a process claims message ids in the second. */
const UNCOUNTED: readonly string[] = ['probes', 'message_id_blocks']

function rowsOf(server: LiveServer) {
  const db = new Database(server.databasePath, { readonly: true })
  const names = db
    .prepare<[], { name: string }>(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .all()
    .map(({ name }) => name)
  const count = (name: string) => db.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number

  const read = () => ({
    ...(Object.fromEntries(COUNTED.map((name) => [name, count(name)])) as Record<
      (typeof COUNTED)[number],
      number
    >),
    others: JSON.stringify(
      names
        .filter((name) => !COUNTED.some((counted) => counted === name) && !AUDIT.includes(name))
        .filter((name) => name !== DELIVERY.table && !UNCOUNTED.includes(name))
        .map((name) => [name, db.prepare<[], object>(`SELECT * FROM ${name}`).all()] as const)
        .map(([name, rows]) => [
          name,
          name === 'subscriptions' ? rows.map((row) => ({ ...row, ...DELIVERY.columns })) : rows,
        ]),
    ),
    changes: db
      .prepare(`SELECT * FROM audit_events WHERE action NOT IN (${OF_REQUESTS})`)
      .all()
      .map((row) => ({ ...(row as object), sequence: null, seal: null })),
  })
  return Object.assign(read, { close: () => db.close() })
}

/** A second key in another account, with tokens of its own. */
export async function seedStranger(hostile: Hostile) {
  const stranger = await seedKey(hostile)
  const { apiKey, secret } = stranger
  const answer = await hostile.send(post('/auth/authenticate', JSON.stringify({ apiKey, secret })))
  return { ...stranger, ...(JSON.parse(answer.body) as TokenAnswer) }
}

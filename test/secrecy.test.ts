import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { runCli, type ServerProcess, startServerProcess } from './support/process.ts'
import { RawConnection } from './support/raw-connection.ts'
import { createSecretTracker } from './support/secret-tracker.ts'
import {
  createDeviceNewMessage,
  createTempFolder,
  createTestLog,
  seedKey,
  unwrap,
} from './support/server.ts'
import {
  createVendorClient,
  parseTokenResponse,
  type VendorClientConnection,
} from './support/vendor-clients.ts'

const PUBLIC_URL = 'https://latchkey.example'
const settings = {
  LATCHKEY_URL: PUBLIC_URL,
  LATCHKEY_LOG_LEVEL: 'debug',
  LATCHKEY_DESTINATIONS_ALLOWED: '127.0.0.0/8',
}

const parent = createTempFolder()
const dir = join(parent, 'data')

const { trackedSecrets, track, createTracked, findLeaks } = createSecretTracker()

let server: ServerProcess
let client: VendorClientConnection
let latchkey: Awaited<ReturnType<typeof openLatchkey>>
let key: Awaited<ReturnType<typeof seedKey>>
const destination = createServer((_, response) => {
  response.end(JSON.stringify({ Patient: { Name: createTracked('what a destination found') } }))
})
const failing = createServer((_, response) => {
  response.writeHead(500).end(createTracked('what a failing destination said'))
})

beforeAll(async () => {
  server = await startServerProcess(dir, settings)
  client = createVendorClient(server.url)
  const config = readConfig({ LATCHKEY_DATA: dir, ...settings })
  latchkey = await openLatchkey(config, { publicUrl: PUBLIC_URL, log: createTestLog() })
  key = await seedKey(latchkey)
  track('the secret', key.secret)
  await exerciseEverything()
})

afterAll(async () => {
  await server.kill()
  await latchkey.storage.close()
  destination.close()
  failing.close()
  rmSync(parent, { recursive: true, force: true })
})

/** Requests of every kind, those that go well and those that do not. */
async function exerciseEverything(): Promise<void> {
  const { apiKey, secret, destinationId } = key
  const first = trackTokens('first', parseTokenResponse(await client.authenticate(apiKey, secret)))
  const second = trackTokens(
    'second',
    parseTokenResponse(await client.refresh(apiKey, first.refreshToken)),
  )
  await client.refresh(apiKey, first.refreshToken)
  await client.endpoint(second.accessToken, trackSecrets('an accepted payload'))
  await client.refresh(apiKey, first.refreshToken)

  // Credentials that are wrong, or in a wrong place.
  await client.authenticate(apiKey, createTracked('a wrong secret'))
  await client.authenticate(secret, secret)
  await client.authenticate(createTracked('an unknown key'), secret)
  await client.refresh(apiKey, createTracked('a forged refresh token'))
  await client.refresh(apiKey, `${second.refreshToken.slice(0, -4)}AAAA`)
  await client.refresh(second.refreshToken, second.refreshToken)
  await client.send('/auth/authenticate', `${secret}&${secret}&apiKey=${apiKey}`)
  await client.send('/auth/authenticate', JSON.stringify({ apiKey, [secret]: 1 }))
  await client.send('/auth/authenticate', `{"apiKey":"a","${secret}":1,"${secret}":2}`)
  await client.send('/auth/authenticate', JSON.stringify({ apiKey, secret: [secret] }))
  await client.send('/auth/authenticate', `{"apiKey":"${apiKey}","secret":"${secret}`)
  await client.send('/auth/authenticate', `{"secret":"${secret}","x":"${'x'.repeat(9000)}"}`)
  await client.send(`/auth/authenticate?secret=${secret}`, '{}')
  await client.send(`/auth/${secret}`, '{}')
  await client.send('/endpoint', '{}', { Authorization: `Basic ${secret}` })
  await client.send('/endpoint', '{}', {
    Authorization: `Bearer ${createTracked('a forged token')}`,
  })
  await client.send('/endpoint', '{}', { Authorization: `Bearer ${second.accessToken}x` })
  await client.send('/endpoint', '{}', { 'X-API-Key': secret })
  await sendMalformedRequest(`Authorization Bearer ${second.accessToken}`)

  // Messages that are refused.
  const send = (body: string) =>
    client.send('/endpoint', body, { Authorization: `Bearer ${second.accessToken}` })
  await send(`{"Patient":"${createTracked('a payload without Meta')}"}`)
  await send(`{"Patient":"${createTracked('a payload that ends early')}`)
  const name = createTracked('a repeated name')
  await send(`{"Patient":{"${name}":1,"${name}":2}}`)
  await send(JSON.stringify({ ...trackSecrets('a payload without a device'), Device: {} }))
  await send(
    JSON.stringify({
      ...trackSecrets('a payload to nobody'),
      Meta: createDeviceNewMessage(apiKey).Meta,
    }),
  )
  await client.endpoint(second.accessToken, {
    ...trackSecrets('a payload of an unknown event'),
    Meta: { ...createDeviceNewMessage(destinationId).Meta, EventType: 'Old' },
  })

  // Queries that are answered, and that are not.
  const asked = await destinationAt(destination)
  const broken = await destinationAt(failing)
  const statuses: number[] = []
  for (const id of [asked, broken]) {
    const Meta = { DataModel: 'PatientSearch', EventType: 'Query', Destinations: [{ ID: id }] }
    const query = { Meta, Patient: { Name: createTracked(`a query to ${id}`) } }
    statuses.push((await client.endpoint(second.accessToken, query)).status)
  }
  expect(statuses).toEqual([200, 502])

  // An operator at work, and a grant that ends by reuse of a token.
  const rotated = await runCommand('keys', 'rotate-secret', key.keyId, '--overlap', '1h')
  track('the second secret', rotated.secret)
  parseTokenResponse(await client.authenticate(apiKey, rotated.secret))
  const supplied = createTracked('a supplied secret')
  const result = await runCli(['keys', 'rotate-secret', key.keyId, '--secret-stdin', '--json'], {
    dir,
    env: settings,
    stdin: supplied,
  })
  expect([result.code, result.stdout.includes(supplied)]).toEqual([0, false])
  const last = trackTokens('last', parseTokenResponse(await client.authenticate(apiKey, supplied)))
  const newer = trackTokens(
    'newer',
    parseTokenResponse(await client.refresh(apiKey, last.refreshToken)),
  )
  await client.endpoint(newer.accessToken, trackSecrets('a last payload'))
}

test('the log has what happened', () => {
  const log = server.output()
  for (const message of [
    'a secret was exchanged for tokens',
    'tokens were refreshed',
    'a message was accepted',
    'exchange refused',
  ]) {
    expect(log).toContain(message)
  }
})

test('what is confidential would be found', () => {
  expect(trackedSecrets.size).toBeGreaterThan(20)
  for (const [what, text] of trackedSecrets) {
    expect(findLeaks(Buffer.from(`{"x":"${text}"}`))).toContain(what)
  }
})

test('the log holds no secret, token or payload, whatever was sent', () => {
  expect(findLeaks(Buffer.from(server.output()))).toEqual([])
})

test('the audit has every refusal, and no secret, token or payload, in an export either', async () => {
  const listRefusalReasons = async () => {
    const events = await latchkey.audit.list({ limit: 1000, action: 'key.refused' })
    return events.map(({ facts }) => facts.reason)
  }
  const reasons = ['key_unknown', 'secret_wrong', 'token_forged', 'field_missing']
  const more = ['member_repeated', 'body_unreadable', 'event_unknown', 'destination_failed']
  await expect.poll(listRefusalReasons).toEqual(expect.arrayContaining([...reasons, ...more]))
  const events = await latchkey.audit.list({ limit: 1000 })
  expect(findLeaks(Buffer.from(JSON.stringify(events)))).toEqual([])
  const file = join(parent, 'audit.jsonl')
  await runCommand('audit', 'export', file)
  expect(findLeaks(readFileSync(file))).toEqual([])
})

test('no file holds a secret, token or payload in plain text, the write-ahead log neither', () => {
  const files = readdirSync(dir).sort()
  expect(files).toEqual([
    'first-operator-link',
    'keyring.json',
    'keyring.json.audit-anchor',
    'latchkey.db',
    'latchkey.db-shm',
    'latchkey.db-wal',
  ])
  expect(statSync(join(dir, 'latchkey.db-wal')).size).toBeGreaterThan(0)
  for (const file of files) {
    expect([file, findLeaks(readFileSync(join(dir, file)))]).toEqual([file, []])
  }
})

test('the same of the files that a checkpoint has written', () => {
  const db = new Database(join(dir, 'latchkey.db'))
  db.pragma('wal_checkpoint(TRUNCATE)')
  expect(db.prepare('SELECT count(*) FROM messages').pluck().get()).toBe(2)
  db.close()
  expect(findLeaks(readFileSync(join(dir, 'latchkey.db')))).toEqual([])
})

test('a server that fails logs it without confidential data', async () => {
  const db = new Database(join(dir, 'latchkey.db'))
  db.exec('ALTER TABLE deliveries RENAME TO gone')
  const supplied = trackedSecrets.get('a supplied secret') ?? ''
  const { accessToken } = parseTokenResponse(await client.authenticate(key.apiKey, supplied))
  track('a token while it fails', accessToken)
  const answer = await client.endpoint(accessToken, trackSecrets('a payload while it fails'))
  db.exec('ALTER TABLE gone RENAME TO deliveries')
  db.close()
  expect([answer.status, answer.body]).toEqual([500, expect.stringMatching(/^{"Meta":{.*}}$/)])
  await server.waitForOutput('"msg":"a request failed"')
  expect(findLeaks(Buffer.from(server.output()))).toEqual([])
  expect(findLeaks(Buffer.from(answer.body))).toEqual([])
})

test('only its owner reads the data folder and the key ring', () => {
  expect(statSync(dir).mode & 0o777).toBe(0o700)
  expect(statSync(join(dir, 'keyring.json')).mode & 0o777).toBe(0o600)
})

const trackSecrets = (what: string) => {
  const message = createDeviceNewMessage(key.destinationId)
  return { ...message, Device: { ...message.Device, Serial: createTracked(what) } }
}

/** A part of a token is as confidential as the whole. */
function trackTokens<T extends { accessToken: string; refreshToken: string }>(
  what: string,
  tokens: T,
): T {
  track(`${what} access token`, tokens.accessToken.slice('at_'.length))
  track(`${what} refresh token`, tokens.refreshToken.slice('rt_'.length))
  return tokens
}

async function sendMalformedRequest(line: string): Promise<void> {
  const connection = await RawConnection.open(server.url)
  connection.write(`POST /endpoint HTTP/1.1\r\nHost: x\r\n${line}\r\n\r\n`)
  expect((await connection.readResponse())?.status).toBe(400)
  connection.destroy()
}

async function destinationAt(listener: typeof destination): Promise<string> {
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const { accountId, sourceId } = key
  const url = `http://127.0.0.1:${port}`
  const input = { accountId, name: 'EMR', url, development: true }
  const { id } = unwrap(await latchkey.destinations.add(input))
  unwrap(await latchkey.destinations.setVerified(id, true))
  unwrap(await latchkey.subscriptions.create({ sourceId, destinationId: id }))
  return id
}

async function runCommand(...args: string[]): Promise<{ secret: string }> {
  const result = await runCli([...args, '--json'], { dir, env: settings })
  if (result.code !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout) as { secret: string }
}

import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { openLatchkey } from '../src/node/open-latchkey.ts'
import { createBasicHeaders, seedEveryKeyType } from './support/key-seeds.ts'
import { runCli, type ServerProcess, startServerProcess } from './support/process.ts'
import { sendRaw } from './support/raw-connection.ts'
import { createSecretTracker } from './support/secret-tracker.ts'
import { createTempFolder, createTestLog, unwrap } from './support/server.ts'
import { startHttpUpstream } from './support/upstream/servers.ts'

/* The secrecy of keys that are sent with every request, and of the data behind them. */

const parent = createTempFolder()
const dir = join(parent, 'data')
const { trackedSecrets, track, createTracked, findLeaks } = createSecretTracker()

/** A surface of each key type, and how its key is presented there. */
interface Surface {
  readonly path: string
  readonly method: string
  readonly present: (secret: string) => Record<string, string>
}

let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
let server: ServerProcess
let latchkey: Awaited<ReturnType<typeof openLatchkey>>
let surfaces: Record<string, Surface>
let secrets: Record<string, { readonly id: string; readonly secret: string }>
/** The statuses and bodies of all refusals. */
const refusals: { status: number; text: string }[] = []

beforeAll(async () => {
  upstream = await startHttpUpstream((_, response) => {
    response.end(createTracked('what an upstream answered'))
  })
  const settings = {
    LATCHKEY_LOG_LEVEL: 'debug',
    LATCHKEY_UPSTREAM_FHIR: upstream.url,
    LATCHKEY_UPSTREAM_HL7: upstream.url,
    LATCHKEY_UPSTREAM_OPENDENTAL: upstream.url,
    LATCHKEY_UPSTREAM_PRACTICE: upstream.url,
    // XDENT's is away.
    LATCHKEY_UPSTREAM_XDENT: 'http://127.0.0.1:1',
  }
  server = await startServerProcess(dir, settings)
  const config = readConfig({ LATCHKEY_DATA: dir })
  latchkey = await openLatchkey(config, { publicUrl: server.url, log: createTestLog() })
  const { accountId, developerKey, username, keys } = await seedEveryKeyType(latchkey)
  secrets = Object.fromEntries(
    keys.map(({ keyType, publicId, secret }) => [
      keyType,
      { id: publicId, secret: track(`the ${keyType} secret`, secret) },
    ]),
  )
  const site = unwrap(await latchkey.sites.add({ accountId, name: 'Office' }))
  unwrap(await latchkey.keys.assign(secrets.opendental?.id ?? '', site.id))

  const createOdfhirHeader = (secret: string) => ({
    Authorization: `ODFHIR ${developerKey}/${secret}`,
  })
  const xdentId = secrets.xdent?.id ?? ''
  surfaces = {
    xenrad: { method: 'POST', path: '/v2/ingest', present: (secret) => ({ 'X-API-Key': secret }) },
    opendental: { method: 'PUT', path: '/api/v1/patients', present: createOdfhirHeader },
    'opendental-portal': { method: 'POST', path: '/apikeys', present: createOdfhirHeader },
    xdent: {
      method: 'POST',
      path: '/api/v1/Patients',
      present: (secret) => ({ 'X-Api-Key': `${xdentId}.${secret}` }),
    },
    practice: {
      method: 'POST',
      path: '/practice/v1/patients',
      present: (secret) => {
        const headers = createBasicHeaders(username, secret)
        track(`the pair of ${secret}`, headers.Authorization.slice('Basic '.length))
        return headers
      },
    },
  }
  await exerciseEverything()
})

afterAll(async () => {
  await server.kill()
  await latchkey.storage.close()
  upstream.close()
  rmSync(parent, { recursive: true, force: true })
})

async function requestSurface(path: string, init: RequestInit): Promise<string> {
  const answer = await fetch(server.url + path, init)
  const text = await answer.text()
  if (!answer.ok) refusals.push({ status: answer.status, text })
  return text
}

let patients = 0

/** Requests of every kind, those that go well and those that do not. */
async function exerciseEverything(): Promise<void> {
  for (const [keyType, { path, method, present }] of Object.entries(surfaces)) {
    const { id = '', secret = '' } = secrets[keyType] ?? {}
    const createPatient = () => createTracked(`patient ${++patients} of ${keyType}`)
    const good = present(secret)
    const send = (headers: Record<string, string>, at = path) =>
      requestSurface(at, { method, headers, ...(path !== '/apikeys' && { body: createPatient() }) })

    const made = await send(good)
    if (keyType === 'opendental-portal') {
      track(
        'a key that a developer made',
        (JSON.parse(made) as { CustomerKey: string }).CustomerKey,
      )
    }
    if (path !== '/apikeys') await send(good, `${path}/${createPatient()}?name=${createPatient()}`)

    // Credentials that are wrong, or in a wrong place.
    await send(present(createTracked(`a wrong ${keyType} secret`)))
    await send(present(`${secret}x`))
    await send({}, `${path}/${secret}?key=${secret}`)
    await send({ Authorization: secret, 'X-Api-Key': secret })
    await send({ Authorization: `Bearer ${secret}`, Cookie: `key=${secret}` })
    await send({ 'X-Api-Key': `${secret}.${secret}`, Authorization: `ODFHIR ${secret}/${secret}` })
    await send(createBasicHeaders(secret, secret))
    await send(createBasicHeaders(secret, id))
    for (const [name, value] of Object.entries(good)) await send({ [name]: `${value}, ${value}` })
    const lines = Object.entries(good).map(([name, value]) => `${name} ${value}`)
    await sendRaw(server.url, `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n\r\n`)

    // The forward-auth endpoint.
    const uri = { 'X-Original-URI': `/${createPatient()}?key=${secret}` }
    for (const gate of ['', '/any', '/practice', `/${secret}`, `/any/${createPatient()}`]) {
      await requestSurface(`/forward-auth${gate}`, { headers: { ...good, ...uri } })
    }
    await requestSurface('/forward-auth/xenrad', { headers: { ...uri, 'X-API-Key': `${secret}x` } })
  }

  for (const keyType of ['xdent', 'practice', 'xenrad']) {
    const { id = '' } = secrets[keyType] ?? {}
    const rotated = await runCommand(['keys', 'rotate-secret', id, '--overlap', '1h'])
    track(`the second ${keyType} secret`, (JSON.parse(rotated) as { secret: string }).secret)
    const supplied = createTracked(`a supplied ${keyType} secret`)
    await runCommand(['keys', 'rotate-secret', id, '--secret-stdin'], supplied)
  }
  await runCommand(['keys', 'view-secret', secrets.practice?.id ?? ''])
}

async function runCommand(args: string[], stdin = ''): Promise<string> {
  const result = await runCli([...args, '--json'], { dir, stdin })
  if (result.code !== 0) throw new Error(result.stderr)
  return result.stdout
}

/** The files of the database and its key ring. */
const listFiles = () => readdirSync(dir).sort()

test('what is confidential was sent, and would be found', () => {
  expect(upstream.requests.length).toBeGreaterThan(4)
  expect(trackedSecrets.size).toBeGreaterThan(40)
  const statuses = new Set(refusals.map(({ status }) => status))
  for (const status of [400, 401, 404, 502]) expect(statuses).toContain(status)
  for (const [what, text] of trackedSecrets) {
    expect(findLeaks(Buffer.from(`{"x":"${text}"}`))).toContain(what)
  }
})

test('no upstream is sent a key that it was opened with', () => {
  const heads = JSON.stringify(upstream.requests.map(({ headers }) => headers))
  expect(findLeaks(Buffer.from(heads))).toEqual([])
})

test('the log holds no secret, path or payload, whatever was sent', () => {
  expect(server.output()).toContain('xdent refused')
  expect(findLeaks(Buffer.from(server.output()))).toEqual([])
})

test('no refusal repeats what was sent', () => {
  expect(findLeaks(Buffer.from(JSON.stringify(refusals)))).toEqual([])
})

test('the audit holds none, exported neither', async () => {
  const listRefusals = () => latchkey.audit.list({ limit: 1000, action: 'key.refused' })
  await expect.poll(async () => (await listRefusals()).length).toBeGreaterThan(20)
  const events = await latchkey.audit.list({ limit: 1000 })
  expect(findLeaks(Buffer.from(JSON.stringify(events)))).toEqual([])
  const file = join(parent, 'audit.jsonl')
  await runCommand(['audit', 'export', file])
  expect(findLeaks(readFileSync(file))).toEqual([])
})

test('no file and no backup of the database holds one in plain text', async () => {
  const backup = join(parent, 'backup.db')
  await runCommand(['backup', backup])
  expect(findLeaks(readFileSync(backup))).toEqual([])
  expect(listFiles()).toContain('latchkey.db-wal')
  for (const file of listFiles())
    expect([file, findLeaks(readFileSync(join(dir, file)))]).toEqual([file, []])
  const db = new Database(join(dir, 'latchkey.db'))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  expect(findLeaks(readFileSync(join(dir, 'latchkey.db')))).toEqual([])
})

test('a server that fails logs it without keys and patient data', async () => {
  const db = new Database(join(dir, 'latchkey.db'))
  db.exec('ALTER TABLE developers RENAME TO gone')
  for (const [keyType, { path, method, present }] of Object.entries(surfaces)) {
    if (path === '/apikeys') continue
    const headers = present(createTracked(`a ${keyType} secret while it fails`))
    const inPath = createTracked(`a patient of ${keyType} while it fails`)
    const at = keyType === 'xenrad' ? '/fhir/Patient' : path
    const init = { method: at === path ? method : 'GET', headers }
    const answers = [
      await fetch(`${server.url}${at}/${inPath}`, init),
      await fetch(`${server.url}/forward-auth`, {
        headers: { ...headers, 'X-Original-URI': `/${inPath}` },
      }),
    ]
    for (const answer of answers) {
      expect([keyType, answer.status]).toEqual([keyType, 500])
      expect(findLeaks(Buffer.from(await answer.text()))).toEqual([])
      await server.waitForOutput(answer.headers.get('x-request-id') ?? 'no id')
    }
  }
  db.exec('ALTER TABLE gone RENAME TO developers')
  db.close()
  expect(server.output()).toContain('"msg":"a request failed"')
  expect(findLeaks(Buffer.from(server.output()))).toEqual([])
})

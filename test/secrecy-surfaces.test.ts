import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readConfig } from '../src/config.ts'
import { open } from '../src/node/server.ts'
import { createConfidential } from './support/confidential.ts'
import { seedEveryDialect } from './support/every-dialect.ts'
import { basic } from './support/holder.ts'
import { runCli, type ServerProcess, startServer } from './support/process.ts'
import { sendRaw } from './support/raw.ts'
import { done, temporaryFolder, testLog } from './support/server.ts'
import { openHttpUpstream } from './support/upstream/http-upstream.ts'

/* Keys that come with every request: what of them, and of what they open, is kept where. */

const parent = temporaryFolder()
const dir = join(parent, 'data')
const { confidential, keep, marked, foundIn } = createConfidential()

/** A surface of each dialect, and how its key is presented there. */
interface Surface {
  readonly path: string
  readonly method: string
  readonly present: (secret: string) => Record<string, string>
}

let upstream: Awaited<ReturnType<typeof openHttpUpstream>>
let server: ServerProcess
let latchkey: Awaited<ReturnType<typeof open>>
let surfaces: Record<string, Surface>
let secrets: Record<string, { readonly id: string; readonly secret: string }>
/** The statuses and bodies of all refusals. */
const refusals: { status: number; text: string }[] = []

beforeAll(async () => {
  upstream = await openHttpUpstream((_, response) => {
    response.end(marked('what an upstream answered'))
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
  server = await startServer(dir, settings)
  const config = readConfig({ LATCHKEY_DATA: dir })
  latchkey = await open(config, { publicUrl: server.url, log: testLog() })
  const { accountId, developerKey, username, keys } = await seedEveryDialect(latchkey)
  secrets = Object.fromEntries(
    keys.map(({ dialect, publicId, secret }) => [
      dialect,
      { id: publicId, secret: keep(`the ${dialect} secret`, secret) },
    ]),
  )
  const site = done(await latchkey.places.addSite({ accountId, name: 'Office' }))
  done(await latchkey.keys.assign(secrets.opendental?.id ?? '', site.id))

  const odfhir = (secret: string) => ({ Authorization: `ODFHIR ${developerKey}/${secret}` })
  const xdentId = secrets.xdent?.id ?? ''
  surfaces = {
    xenrad: { method: 'POST', path: '/v2/ingest', present: (secret) => ({ 'X-API-Key': secret }) },
    opendental: { method: 'PUT', path: '/api/v1/patients', present: odfhir },
    'opendental-portal': { method: 'POST', path: '/apikeys', present: odfhir },
    xdent: {
      method: 'POST',
      path: '/api/v1/Patients',
      present: (secret) => ({ 'X-Api-Key': `${xdentId}.${secret}` }),
    },
    practice: {
      method: 'POST',
      path: '/practice/v1/patients',
      present: (secret) => {
        const headers = basic(username, secret)
        keep(`the pair of ${secret}`, headers.Authorization.slice('Basic '.length))
        return headers
      },
    },
  }
  await everything()
})

afterAll(async () => {
  await server.kill()
  await latchkey.storage.close()
  upstream.close()
  rmSync(parent, { recursive: true, force: true })
})

async function ask(path: string, init: RequestInit): Promise<string> {
  const answer = await fetch(server.url + path, init)
  const text = await answer.text()
  if (!answer.ok) refusals.push({ status: answer.status, text })
  return text
}

let patients = 0

/** Requests of every kind, those that go well and those that do not. */
async function everything(): Promise<void> {
  for (const [dialect, { path, method, present }] of Object.entries(surfaces)) {
    const { id = '', secret = '' } = secrets[dialect] ?? {}
    const patient = () => marked(`patient ${++patients} of ${dialect}`)
    const good = present(secret)
    const send = (headers: Record<string, string>, at = path) =>
      ask(at, { method, headers, ...(path !== '/apikeys' && { body: patient() }) })

    const made = await send(good)
    if (dialect === 'opendental-portal') {
      keep('a key that a developer made', (JSON.parse(made) as { CustomerKey: string }).CustomerKey)
    }
    if (path !== '/apikeys') await send(good, `${path}/${patient()}?name=${patient()}`)

    // Credentials that are wrong, or in a wrong place.
    await send(present(marked(`a wrong ${dialect} secret`)))
    await send(present(`${secret}x`))
    await send({}, `${path}/${secret}?key=${secret}`)
    await send({ Authorization: secret, 'X-Api-Key': secret })
    await send({ Authorization: `Bearer ${secret}`, Cookie: `key=${secret}` })
    await send({ 'X-Api-Key': `${secret}.${secret}`, Authorization: `ODFHIR ${secret}/${secret}` })
    await send(basic(secret, secret))
    await send(basic(secret, id))
    for (const [name, value] of Object.entries(good)) await send({ [name]: `${value}, ${value}` })
    const lines = Object.entries(good).map(([name, value]) => `${name} ${value}`)
    await sendRaw(server.url, `GET ${path} HTTP/1.1\r\nHost: x\r\n${lines.join('')}\r\n\r\n`)

    // Where a proxy asks.
    const uri = { 'X-Original-URI': `/${patient()}?key=${secret}` }
    for (const gate of ['', '/any', '/practice', `/${secret}`, `/any/${patient()}`]) {
      await ask(`/forward-auth${gate}`, { headers: { ...good, ...uri } })
    }
    await ask('/forward-auth/xenrad', { headers: { ...uri, 'X-API-Key': `${secret}x` } })
  }

  for (const dialect of ['xdent', 'practice', 'xenrad']) {
    const { id = '' } = secrets[dialect] ?? {}
    const rotated = await cli(['keys', 'rotate-secret', id, '--overlap', '1h'])
    keep(`the second ${dialect} secret`, (JSON.parse(rotated) as { secret: string }).secret)
    const supplied = marked(`a supplied ${dialect} secret`)
    await cli(['keys', 'rotate-secret', id, '--secret-stdin'], supplied)
  }
  await cli(['keys', 'view', secrets.practice?.id ?? ''])
}

async function cli(args: string[], stdin = ''): Promise<string> {
  const result = await runCli([...args, '--json'], { dir, stdin })
  if (result.code !== 0) throw new Error(result.stderr)
  return result.stdout
}

/** The files of the database and its key ring. */
const files = () => readdirSync(dir).sort()

test('what is confidential was sent, and would be found', () => {
  expect(upstream.seen.length).toBeGreaterThan(4)
  expect(confidential.size).toBeGreaterThan(40)
  const statuses = new Set(refusals.map(({ status }) => status))
  for (const status of [400, 401, 404, 502]) expect(statuses).toContain(status)
  for (const [what, text] of confidential) {
    expect(foundIn(Buffer.from(`{"x":"${text}"}`))).toContain(what)
  }
})

test('no upstream is sent a key that it was opened with', () => {
  const heads = JSON.stringify(upstream.seen.map(({ headers }) => headers))
  expect(foundIn(Buffer.from(heads))).toEqual([])
})

test('the log holds no secret, path or payload, whatever was sent', () => {
  expect(server.output()).toContain('xdent refused')
  expect(foundIn(Buffer.from(server.output()))).toEqual([])
})

test('no refusal repeats what was sent', () => {
  expect(foundIn(Buffer.from(JSON.stringify(refusals)))).toEqual([])
})

test('the audit holds none, exported neither', async () => {
  const refused = () => latchkey.audit.list({ limit: 1000, action: 'key.refused' })
  await expect.poll(async () => (await refused()).length).toBeGreaterThan(20)
  const events = await latchkey.audit.list({ limit: 1000 })
  expect(foundIn(Buffer.from(JSON.stringify(events)))).toEqual([])
  const file = join(parent, 'audit.jsonl')
  await cli(['audit', 'export', file])
  expect(foundIn(readFileSync(file))).toEqual([])
})

test('no file and no backup of the database holds one in plain text', async () => {
  const backup = join(parent, 'backup.db')
  await cli(['backup', backup])
  expect(foundIn(readFileSync(backup))).toEqual([])
  expect(files()).toContain('latchkey.db-wal')
  for (const file of files())
    expect([file, foundIn(readFileSync(join(dir, file)))]).toEqual([file, []])
  const db = new Database(join(dir, 'latchkey.db'))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
  expect(foundIn(readFileSync(join(dir, 'latchkey.db')))).toEqual([])
})

test('a server that fails tells its operator so, and of nobody’s key or patient', async () => {
  const db = new Database(join(dir, 'latchkey.db'))
  db.exec('ALTER TABLE developers RENAME TO gone')
  for (const [dialect, { path, method, present }] of Object.entries(surfaces)) {
    if (path === '/apikeys') continue
    const headers = present(marked(`a ${dialect} secret while it fails`))
    const inPath = marked(`a patient of ${dialect} while it fails`)
    const at = dialect === 'xenrad' ? '/fhir/Patient' : path
    const init = { method: at === path ? method : 'GET', headers }
    const answers = [
      await fetch(`${server.url}${at}/${inPath}`, init),
      await fetch(`${server.url}/forward-auth`, {
        headers: { ...headers, 'X-Original-URI': `/${inPath}` },
      }),
    ]
    for (const answer of answers) {
      expect([dialect, answer.status]).toEqual([dialect, 500])
      expect(foundIn(Buffer.from(await answer.text()))).toEqual([])
      await server.says(answer.headers.get('x-request-id') ?? 'no id')
    }
  }
  db.exec('ALTER TABLE gone RENAME TO developers')
  db.close()
  expect(server.output()).toContain('"msg":"a request failed"')
  expect(foundIn(Buffer.from(server.output()))).toEqual([])
})

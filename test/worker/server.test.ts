import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { composeApps, listVendorDocuments } from '../../src/compose-apps.ts'
import { readConsoleAssets } from '../../src/node/package-file.ts'
import { createUpstreamFetch } from '../../src/node/upstream-fetch.ts'
import { type AnchorNamespace, createDurableAnchorStore } from '../../src/worker/anchor-object.ts'
import { createTestRing } from '../support/keyring.ts'
import { createDeviceNewMessage, seedKey, type TokenResponse, unwrap } from '../support/server.ts'
import { decodeAccessToken } from '../support/tokens.ts'
import { startTranscriptUpstreams, TRANSCRIPTS } from '../support/transcript-fixtures.ts'
import { replayTranscript, type TranscriptTransport } from '../support/transcript-replay.ts'
import { composeBesideWorker } from '../support/worker/node-beside.ts'
import {
  startWorkerd,
  type TestFetcher,
  toTestFetcher,
  type Workerd,
} from '../support/worker/workerd.ts'

/*
 * The bundle as it is deployed, in workerd, and beside it a Node server on the same D1 database with
 * the same key ring: what one makes, the other takes.
 */

const URL_OF_BOTH = 'https://latchkey.example'

let workerd: Workerd
let worker: TestFetcher
let node: ReturnType<typeof composeBesideWorker>
let nodeApps: ReturnType<typeof composeApps>
let upstreams: Awaited<ReturnType<typeof startTranscriptUpstreams>>
/** Work passed to `keepAlive`: it must finish before the runtime may stop. */
const kept: Promise<unknown>[] = []

beforeAll(async () => {
  const ring = await createTestRing()
  upstreams = await startTranscriptUpstreams()
  workerd = await startWorkerd({
    bindings: {
      LATCHKEY_URL: URL_OF_BOTH,
      LATCHKEY_KEYRING_JSON: JSON.stringify(ring),
      LATCHKEY_LOG_LEVEL: 'debug',
      // Reuse is reuse at once.
      LATCHKEY_REFRESH_LEEWAY_SECONDS: '0',
      ...upstreams.settings,
    },
    outboundService: async (request) =>
      isLocalRequest(request.url)
        ? fetch(request.url, request)
        : startDestinationServer(request.url, await request.text()),
  })
  worker = toTestFetcher(await workerd.mf.getWorker('server'))
  node = composeBesideWorker({
    publicUrl: URL_OF_BOTH,
    engine: workerd.engine,
    ring,
    keepAlive: (work) => kept.push(work),
  })
  nodeApps = composeApps(node, {
    consoleAssets: readConsoleAssets(),
    upstreamFetch: createUpstreamFetch({ timeoutMs: 1000 }),
    getPeerAddress: () => '203.0.113.7',
  })
})
afterAll(async () => {
  await workerd.dispose()
  upstreams.close()
})

/** The upstreams of the surfaces are real local servers; every other host is stubbed. */
const isLocalRequest = (url: string) => new URL(url).hostname === '127.0.0.1'

/** The other end of a destination's URL: it answers, redirects, or fails. */
function startDestinationServer(url: string, body: string): Response {
  switch (new URL(url).pathname) {
    case '/echo':
      return new Response(JSON.stringify({ Patient: {}, Heard: JSON.parse(body).Meta.DataModel }))
    case '/elsewhere':
      return Response.redirect('https://emr.example/echo', 307)
    default:
      return new Response('no', { status: 500 })
  }
}

interface Called {
  status: number
  text: string
  body: TokenResponse
}

async function readWorkerResponse(response: Response): Promise<Called> {
  const text = await response.text()
  return { status: response.status, text, body: text.startsWith('{') ? JSON.parse(text) : {} }
}

const createInit = (body: object, token?: string) => ({
  method: 'POST',
  body: JSON.stringify(body),
  headers: {
    'Content-Type': 'application/json',
    'CF-Connecting-IP': '203.0.113.7',
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  },
})

/** The same words to either server. */
const servers = {
  worker: async (path: string, body: object, token?: string) =>
    readWorkerResponse(await worker.fetch(`${URL_OF_BOTH}${path}`, createInit(body, token))),
  node: async (path: string, body: object, token?: string) =>
    readWorkerResponse(await nodeApps.app.request(path, createInit(body, token))),
}
type Server = keyof typeof servers
const other = { worker: 'node', node: 'worker' } as const satisfies Record<Server, Server>

const listEvents = (subject: string) => node.storage.listEvents({ subject, limit: 100 })

describe('in workerd, from the built bundle', () => {
  const transport: TranscriptTransport = {
    headerSource: 'the app',
    async send({ method, target, headers, body }) {
      const answer = await worker.fetch(`${URL_OF_BOTH}${target}`, {
        method,
        headers: [...headers, ['CF-Connecting-IP', '203.0.113.7']] as [string, string][],
        // As bytes: a text would bring a Content-Type of its own.
        ...(body === '' ? {} : { body: new TextEncoder().encode(body) }),
      })
      return { status: answer.status, headers: [...answer.headers], body: await answer.text() }
    },
  }

  test.each(TRANSCRIPTS)('$name is answered as recorded', async ({ exchanges, seed }) => {
    expect(await replayTranscript(exchanges, transport, await seed(node))).toBeNull()
  })

  test('/health and /ready respond with 200', async () => {
    for (const path of ['/health', '/ready']) {
      expect((await worker.fetch(`${URL_OF_BOTH}${path}`)).status).toBe(200)
    }
  })

  test('the OpenAPI documents are those of the Node server', async () => {
    const answer = await worker.fetch(`${URL_OF_BOTH}/openapi/redox.json`)
    const documents = await listVendorDocuments({ publicUrl: URL_OF_BOTH, upstreams: {} })
    const expected = documents.find(({ name }) => name === 'redox')?.document
    expect(await answer.json()).toEqual(JSON.parse(JSON.stringify(expected)))
  })
})

describe.each<Server>(['worker', 'node'])('what the %s server makes', (maker) => {
  const taker = other[maker]

  test('the other takes: access token, refresh token, and the same repeated answer', async () => {
    const { apiKey, secret, destinationId } = await seedKey(node)
    const first = await servers[maker]('/auth/authenticate', { apiKey, secret })
    expect(first.status).toBe(200)
    const { accessToken, refreshToken } = first.body
    expect(
      (await servers[taker]('/endpoint', createDeviceNewMessage(destinationId), accessToken))
        .status,
    ).toBe(200)
    const rotated = await servers[maker]('/auth/refreshToken', { apiKey, refreshToken })
    const repeated = await servers[taker]('/auth/refreshToken', { apiKey, refreshToken })
    expect(rotated.status).toBe(200)
    expect(repeated).toEqual(rotated)
  })
})

test('Node opens a message that the Worker sealed', async () => {
  const { apiKey, secret, destinationId, accountId } = await seedKey(node)
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const message = createDeviceNewMessage(destinationId)
  await servers.worker('/endpoint', message, body.accessToken)
  const [stored] = await node.messages.list({ accountId, limit: 10 })
  const { payload } = unwrap(await node.messages.readPayload(stored?.id ?? ''))
  expect(Buffer.from(payload).toString()).toBe(JSON.stringify(message))
})

test('the longest message is stored, and a longer one is refused', async () => {
  const { apiKey, secret, destinationId } = await seedKey(node)
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const createPaddedMessage = (bytes: number) => {
    const message = { ...createDeviceNewMessage(destinationId), Padding: '' }
    const padding = 'x'.repeat(bytes - JSON.stringify(message).length)
    return { ...message, Padding: padding }
  }
  const send = (bytes: number) =>
    servers.worker('/endpoint', createPaddedMessage(bytes), body.accessToken)
  expect((await send(4_194_304)).status).toBe(200)
  expect((await send(4_194_305)).status).toBe(413)
})

test('a revocation takes effect at the next request', async () => {
  const { apiKey, secret, destinationId, keyId } = await seedKey(node)
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const { accessToken, refreshToken } = body
  const send = () => servers.worker('/endpoint', createDeviceNewMessage(destinationId), accessToken)
  expect((await send()).status).toBe(200)
  unwrap(await node.keys.revoke(keyId))
  expect((await send()).status).toBe(401)
  expect((await servers.worker('/auth/refreshToken', { apiKey, refreshToken })).status).toBe(401)
  expect((await servers.worker('/auth/authenticate', { apiKey, secret })).status).toBe(401)
})

test('twenty concurrent refreshes at two servers rotate once and get equal responses', async () => {
  const { apiKey, secret } = await seedKey(node)
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const { refreshToken } = body
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      servers[n % 4 === 0 ? 'node' : 'worker']('/auth/refreshToken', { apiKey, refreshToken }),
    ),
  )
  expect(new Set(answers.map(({ text }) => text)).size).toBe(1)
  expect(answers[0]?.status).toBe(200)
  const { grantId } = decodeAccessToken({ accessToken: answers[0]?.body.accessToken ?? '' })
  expect((await node.storage.findGrant(grantId))?.generation).toBe(1)
})

test('many concurrent exchanges with right and wrong secrets all get a response', async () => {
  const keys = await Promise.all(Array.from({ length: 10 }, () => seedKey(node)))
  const answers = await Promise.all(
    keys.flatMap(({ apiKey, secret }) => [
      servers.worker('/auth/authenticate', { apiKey, secret }),
      servers.worker('/auth/authenticate', { apiKey, secret: 'wrong' }),
    ]),
  )
  expect(answers.map(({ status }) => status)).toEqual(keys.flatMap(() => [200, 401]))
})

test.each([
  ['https://emr.example/echo', 200],
  ['https://emr.example/elsewhere', 502],
  ['https://emr.example/broken', 502],
  ['https://10.0.0.1/echo', 502],
  ['https://[::ffff:7f00:1]/echo', 502],
])('a query is carried to %s from the Worker, and answered %i', async (url, status) => {
  const { apiKey, secret, destinationId } = await seedKey(node)
  unwrap(await node.destinations.setUrl(destinationId, url))
  unwrap(await node.destinations.setVerified(destinationId, true))
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const query = {
    Meta: {
      DataModel: 'PatientSearch',
      EventType: 'Query',
      Destinations: [{ ID: destinationId }],
    },
    Patient: { Demographics: { FirstName: 'Timothy', LastName: 'Bixby' } },
  }
  const answer = await servers.worker('/query', query, body.accessToken)
  expect(answer.status).toBe(status)
  if (status === 200) expect(JSON.parse(answer.text)).toMatchObject({ Heard: 'PatientSearch' })
})

test('the Worker delivers an accepted message, and its schedule retries a failed delivery', async () => {
  const { apiKey, secret, destinationId, subscriptionId } = await seedKey(node)
  const moveClock = async (path: string) => {
    unwrap(await node.destinations.setUrl(destinationId, `https://emr.example${path}`))
    unwrap(await node.destinations.setVerified(destinationId, true))
  }
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const findQueue = async () => unwrap(await node.subscriptions.find(subscriptionId))
  const send = async () => {
    const message = createDeviceNewMessage(destinationId)
    expect((await servers.worker('/endpoint', message, body.accessToken)).status).toBe(200)
  }
  await moveClock('/echo')
  await send()
  await expect.poll(findQueue).toMatchObject({ queued: 0, leasedBy: null })

  await moveClock('/broken')
  await send()
  await expect.poll(findQueue).toMatchObject({ queued: 1, attempts: 2, leasedBy: null })
  await moveClock('/echo')
  // Due at once, as a minute later without it.
  unwrap(await node.subscriptions.setStatus(subscriptionId, 'active'))
  expect(await worker.scheduled({ cron: '* * * * *' })).toMatchObject({ outcome: 'ok' })
  expect(await findQueue()).toMatchObject({ queued: 0, attempts: 0, leasedBy: null })
})

test('a reused refresh token revokes the grant', async () => {
  const { apiKey, secret } = await seedKey(node)
  const refresh = async (refreshToken: string) =>
    servers.worker('/auth/refreshToken', { apiKey, refreshToken })
  const { body: first } = await servers.worker('/auth/authenticate', { apiKey, secret })
  const { body: second } = await refresh(first.refreshToken)
  const { body: third } = await refresh(second.refreshToken)
  expect((await refresh(first.refreshToken)).status).toBe(401)
  expect((await refresh(third.refreshToken)).status).toBe(401)
})

describe('a refusal whose response precedes its audit event', () => {
  const seedForeignKey = async () => {
    const account = unwrap(
      await node.accounts.create({ name: 'Elsewhere', region: 'eu', otherRegion: true }),
    )
    return seedKey(node, { accountId: account.id })
  }
  const listActions = async (keyId: string) => (await listEvents(keyId)).map(({ action }) => action)

  test('is audited', async () => {
    const { apiKey, secret, keyId } = await seedForeignKey()
    expect((await servers.worker('/auth/authenticate', { apiKey, secret })).status).toBe(401)
    await expect.poll(() => listActions(keyId)).toContain('key.refused')
  })

  // workerd finishes such work here even untold, so that the test above cannot miss the telling.
  test('keeps the runtime alive until the event is written', async () => {
    const { apiKey, secret, keyId } = await seedForeignKey()
    // The counters are written once a minute: flush them now, so that none is due in this test.
    await node.flushCounters()
    await Promise.all(kept.splice(0))
    expect((await servers.node('/auth/authenticate', { apiKey, secret })).status).toBe(401)
    expect(kept.length).toBeGreaterThan(0)
    await Promise.all(kept)
    expect(await listActions(keyId)).toContain('key.refused')
  })
})

test('the schedule deletes expired data only', async () => {
  const rotation = { keyId: 'k', to: 1, rotatedAt: 1 }
  await node.storage.rotateGrant({ ...rotation, grantId: 'gone', expiresAt: Date.now() - 1 })
  await node.storage.rotateGrant({ ...rotation, grantId: 'kept', expiresAt: Date.now() + 60_000 })
  expect(await worker.scheduled({ cron: '17 * * * *' })).toMatchObject({ outcome: 'ok' })
  expect(await node.storage.findGrant('gone')).toBeNull()
  expect(await node.storage.findGrant('kept')).not.toBeNull()
})

test('the minute schedule seals written events into the chain', async () => {
  expect(await worker.scheduled({ cron: '* * * * *' })).toMatchObject({ outcome: 'ok' })
  const verdict = unwrap(await node.audit.verify(() => undefined))
  expect(verdict).toMatchObject({ whole: true, breaks: [], checkpoints: 1 })
  expect(verdict.events).toBeGreaterThan(10)
})

test('sealing stops after D1 was restored to an earlier time, because a Durable Object keeps the anchor', async () => {
  const runMinuteCron = () => worker.scheduled({ cron: '* * * * *' })
  const countUnsealed = async () => (await node.storage.listUnsealedEvents(100)).length
  await seedKey(node)
  await runMinuteCron()
  expect(await countUnsealed()).toBe(0)
  const db = await workerd.mf.getD1Database('DB', 'server')
  await db.exec('CREATE TABLE was AS SELECT * FROM audit_chain')
  await db.exec("UPDATE audit_chain SET sequence = 0, seal = ''")
  await seedKey(node)
  await runMinuteCron()
  expect(await countUnsealed()).toBeGreaterThan(0)
  await expect
    .poll(() => workerd.logLines.join('\n'))
    .toMatch(/"level":50.*sealing of the audit stopped: the chain was set back to event 0/)

  await db.exec('UPDATE audit_chain SET (sequence, seal) = (SELECT sequence, seal FROM was)')
  await runMinuteCron()
  expect(await countUnsealed()).toBe(0)
})

test('the anchor in a Durable Object moves back only when an operator accepts a restore', async () => {
  const namespace = await workerd.mf.getDurableObjectNamespace('AUDIT_ANCHOR', 'server')
  const store = createDurableAnchorStore(namespace as unknown as AnchorNamespace)
  const kept = await store.read()
  expect(kept).toMatchObject({
    sequence: (await node.storage.findChainEnd()).sequence,
    acceptedAt: 0,
  })
  const { sequence = 0 } = kept ?? {}
  const at = (sequence: number, acceptedAt: number) => ({ sequence, seal: 's', at: 1, acceptedAt })
  expect(await store.write(at(sequence - 1, 0))).toBe(false)
  expect(await store.read()).toEqual(kept)
  await store.replace(at(1, 5))
  expect(await store.write(at(sequence + 1, 0))).toBe(false)
  expect(await store.write(at(2, 5))).toBe(true)
  expect(await store.read()).toEqual(at(2, 5))
})

test('the Worker composes the server once, and logs neither secrets nor tokens', async () => {
  const { apiKey, secret } = await seedKey(node)
  const { body } = await servers.worker('/auth/authenticate', { apiKey, secret })
  await servers.worker('/auth/refreshToken', { apiKey, refreshToken: `${body.refreshToken}x` })
  await expect.poll(() => workerd.logLines.at(-1)).toContain('refresh refused')
  const all = workerd.logLines.join('\n')
  expect(all.match(/"msg":"composed"/g)).toHaveLength(1)
  for (const hidden of [secret, body.accessToken, body.refreshToken]) {
    expect(all).not.toContain(hidden)
  }
  for (const line of workerd.logLines) expect(Object.keys(JSON.parse(line))).toContain('level')
})

test('a Worker without a host name for the console turns the console off and logs that', async () => {
  for (const path of ['/console/sign-in', '/admin/v1/reference', '/']) {
    expect((await worker.fetch(`${URL_OF_BOTH}${path}`)).status, path).toBe(404)
  }
  const warned = workerd.logLines.filter((line) => line.includes('the console is off'))
  expect(warned).toHaveLength(1)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import {
  createDeviceNewMessage,
  createTestServer,
  type TestServer,
  type TokenResponse,
  unwrap,
} from '../../support/server.ts'

let server: TestServer
let member: ConsoleClient
let other: ConsoleClient
let accountId: string
let ownerId: string
beforeAll(async () => {
  server = await createTestServer()
  const first = await seedConsoleClient(server, 'administrator')
  accountId = first.testUser.accountId
  ownerId = first.testUser.user.id
  member = await seedConsoleClient(server, 'member', accountId)
  other = await seedConsoleClient(server, 'administrator')
})
afterAll(() => server.close())

const lookUpRequest = (client: ConsoleClient, requestId: string | null) =>
  client.get(`/console/request-lookup?request=${encodeURIComponent(requestId ?? '')}`)

async function sendRefusedRequest(headers: Record<string, string>): Promise<string | null> {
  const answer = await server.call('/api/v1/patients', { method: 'GET', headers })
  await server.flushAuditEvents()
  return answer.headers.get('X-Request-Id')
}

test('request lookup shows the reason of a refusal, a remedy, and the response to the caller', async () => {
  const made = unwrap(await server.keys.create({ keyType: 'xdent', ownerId, name: 'Desk' }))
  unwrap(await server.keys.disable(made.key.id))
  const requestId = await sendRefusedRequest({ 'X-Api-Key': `${made.key.publicId}.${made.secret}` })
  const { status, text, html } = await lookUpRequest(member, requestId)
  expect(status).toBe(200)
  expect(text).toContain('The key is disabled.')
  expect(text).toContain('Desk of Acme Health')
  expect(text).toContain('From 203.0.113.7')
  expect(text).toContain('Status 401 : the credential is not valid.')
  expect(text).toContain('{"Code":"API_KEY_DISABLED","Message":"This key is disabled."}')
  expect(text).toContain(`latchkey keys enable ${made.key.id}`)
  expect(html).toContain(`<a class="button" href="/console/keys/${made.key.id}">View key</a>`)
  expect((await lookUpRequest(other, requestId)).text).toContain('This request is not recorded')
})

describe('a refusal after authentication names its key in the audit and to the account', () => {
  /** The refusal of a request, as `explain` of the same account returns it. */
  async function readRefusal(answer: Response) {
    const body = await answer.text()
    await server.flushAuditEvents()
    const requestId = answer.headers.get('X-Request-Id') ?? ''
    const { decisions } = unwrap(await server.audit.explain(requestId))
    const decision = decisions.find(({ action }) => action === 'key.refused')
    const { text } = await lookUpRequest(member, requestId)
    return { status: answer.status, body, decision, text }
  }

  async function seedVendorKey() {
    const source = unwrap(await server.sources.add({ accountId, name: 'Orders' }))
    const input = { keyType: 'redox', ownerId, sourceId: source.id, name: 'Vendor' } as const
    const { key, secret } = unwrap(await server.keys.create(input))
    const tokens = (await (await server.authenticate(key.publicId, secret)).json()) as TokenResponse
    return { key, accessToken: tokens.accessToken, sourceId: source.id }
  }
  const unknown = '0199aa00-0000-7000-8000-00000000000f'

  test.each([
    ['no subscription', 403, (message: object) => message],
    ['a missing field', 400, () => ({ Meta: { DataModel: 'Device' } })],
    ['an unknown event', 404, () => createDeviceNewMessage(unknown, { EventType: 'Old' })],
    ['invalid JSON', 400, () => 'x'],
  ])('with a token, for %s', async (_, status, change) => {
    const { key, accessToken } = await seedVendorKey()
    const message = change(createDeviceNewMessage(unknown))
    const refusal = await readRefusal(await server.endpoint(accessToken, message as object))
    expect(refusal.status).toBe(status)
    expect(refusal.decision).toMatchObject({
      subject: key.id,
      facts: { keyId: key.id, surface: 'message' },
      key: { id: key.id, accountId },
      answer: { status, body: refusal.body.slice(0, 2048) },
    })
    expect(refusal.text).toContain('Vendor of Acme Health')
  })

  test('when the upstream of the request is missing', async () => {
    const input = { keyType: 'practice', ownerId, name: 'Desk' } as const
    const { key, secret } = unwrap(await server.keys.create(input))
    const owner = unwrap(await server.users.find(ownerId))
    const authorization = `Basic ${btoa(`${owner.username}:${secret}`)}`
    const ask = () =>
      server.call('/practice/v1/patients', {
        method: 'GET',
        headers: { Authorization: authorization },
      })
    const missing = await readRefusal(await ask())
    expect(missing.decision).toMatchObject({
      subject: key.id,
      facts: { reason: 'upstream_missing', keyId: key.id },
      answer: { status: missing.status, body: missing.body },
    })
    expect(missing.text).toContain('Desk of Acme Health')
  })

  test('without keeping the body, which repeats what the caller sent', async () => {
    const { accessToken } = await seedVendorKey()
    const typed = 'a-secret-in-the-wrong-field'
    const message = createDeviceNewMessage(unknown, { EventType: typed })
    const refusal = await readRefusal(await server.endpoint(accessToken, message))
    expect(refusal.body).toContain(typed)
    expect(refusal.decision?.answer?.body).toBe(refusal.body)
    const events = await server.storage.listEvents({ limit: 1000 })
    expect(JSON.stringify(events)).not.toContain(typed)
  })
})

test('request lookup shows the vendor’s words of an /auth refusal, and issued tokens', async () => {
  const source = unwrap(await server.sources.add({ accountId, name: 'Orders' }))
  const input = { keyType: 'redox', ownerId, sourceId: source.id, name: 'Vendor' } as const
  const { key, secret } = unwrap(await server.keys.create(input))
  const wrong = await server.authenticate(key.publicId, 'wrong')
  const right = await server.authenticate(key.publicId, secret)
  await server.flushAuditEvents()
  const refusal = await lookUpRequest(member, wrong.headers.get('X-Request-Id'))
  expect(refusal.text).toContain('The key exists, but the secret is wrong.')
  expect(refusal.text).toContain('Invalid request')
  const issued = await lookUpRequest(member, right.headers.get('X-Request-Id'))
  expect(issued.text).toContain('tokens were issued.')
  expect(issued.text).not.toContain('Response to the caller')
})

test('request lookup finds changes that were made in the console', async () => {
  await member.send('/console/me/password', { current: 'x', wished: 'y', again: 'z' })
  const [event] = await server.audit.list({ accountId, action: 'session.started', limit: 1 })
  expect((await lookUpRequest(member, event?.requestId ?? '')).text).toContain(
    'The user signed in.',
  )
})

test('the page of an error that changed nothing has no link to request lookup', async () => {
  const { status, text, html } = await member.get('/console/no-such-page')
  expect(status).toBe(404)
  expect(text).toContain('Request')
  expect(html).not.toContain('/console/request-lookup')
})

test('request lookup keeps an unknown id in the field and explains where to find ids', async () => {
  const { text, html } = await lookUpRequest(member, '<script>"&')
  expect(text).toContain('This request is not recorded')
  expect(html).toContain('value="&lt;script&gt;&quot;&amp;"')
  expect((await lookUpRequest(member, 'x'.repeat(10_000))).text).toContain(
    'There is no record of request',
  )
  expect((await member.get('/console/request-lookup')).text).toContain('X-Request-Id')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { someone, type Visitor } from '../support/browsing.ts'
import {
  deviceNew,
  done,
  type TestServer,
  type TokenAnswer,
  testServer,
} from '../support/server.ts'

let server: TestServer
let member: Visitor
let other: Visitor
let accountId: string
let ownerId: string
beforeAll(async () => {
  server = await testServer()
  const first = await someone(server, 'administrator')
  accountId = first.person.accountId
  ownerId = first.person.user.id
  member = await someone(server, 'member', accountId)
  other = await someone(server, 'administrator')
})
afterAll(() => server.close())

const explained = (visitor: Visitor, requestId: string | null) =>
  visitor.get(`/console/explain?request=${encodeURIComponent(requestId ?? '')}`)

async function refused(headers: Record<string, string>): Promise<string | null> {
  const answer = await server.call('/api/v1/patients', { method: 'GET', headers })
  await server.record()
  return answer.headers.get('X-Request-Id')
}

test('a refusal is told with its reason, what helps, and what its caller was told', async () => {
  const made = done(await server.keys.create({ dialect: 'xdent', ownerId, name: 'Desk' }))
  done(await server.keys.disable(made.key.id))
  const requestId = await refused({ 'X-Api-Key': `${made.key.publicId}.${made.secret}` })
  const { status, text, html } = await explained(member, requestId)
  expect(status).toBe(200)
  expect(text).toContain('The key is disabled.')
  expect(text).toContain('Desk of Acme Health')
  expect(text).toContain('From 203.0.113.7')
  expect(text).toContain('Status 401 : the credential opens nothing.')
  expect(text).toContain('{"Code":"API_KEY_DISABLED","Message":"This key is disabled."}')
  expect(text).toContain(`latchkey keys enable ${made.key.id}`)
  expect(html).toContain(`<a class="button" href="/console/keys/${made.key.id}">To the key</a>`)
  expect((await explained(other, requestId)).text).toContain('Nothing is known of that request')
})

describe('a refusal after authentication names its key in the audit and to the account', () => {
  /** The refusal of a request, as `explain` of its own account has it. */
  async function refusalOf(answer: Response) {
    const body = await answer.text()
    await server.record()
    const requestId = answer.headers.get('X-Request-Id') ?? ''
    const { decisions } = done(await server.explain(requestId))
    const decision = decisions.find(({ action }) => action === 'key.refused')
    const { text } = await explained(member, requestId)
    return { status: answer.status, body, decision, text }
  }

  async function vendor() {
    const source = done(await server.routes.addSource({ accountId, name: 'Orders' }))
    const wish = { dialect: 'redox', ownerId, sourceId: source.id, name: 'Vendor' } as const
    const { key, secret } = done(await server.keys.create(wish))
    const tokens = (await (await server.authenticate(key.publicId, secret)).json()) as TokenAnswer
    return { key, accessToken: tokens.accessToken, sourceId: source.id }
  }
  const unknown = '0199aa00-0000-7000-8000-00000000000f'

  test.each([
    ['no subscription', 403, (message: object) => message],
    ['a field that is missing', 400, () => ({ Meta: { DataModel: 'Device' } })],
    ['an event that there is not', 404, () => deviceNew(unknown, { EventType: 'Old' })],
    ['no JSON', 400, () => 'x'],
  ])('with a token, for %s', async (_, status, change) => {
    const { key, accessToken } = await vendor()
    const message = change(deviceNew(unknown))
    const refusal = await refusalOf(await server.endpoint(accessToken, message as object))
    expect(refusal.status).toBe(status)
    expect(refusal.decision).toMatchObject({
      subject: key.id,
      facts: { keyId: key.id, surface: 'message' },
      key: { id: key.id, accountId },
      answer: { status, body: refusal.body.slice(0, 2048) },
    })
    expect(refusal.text).toContain('Vendor of Acme Health')
  })

  test('with a key that is presented, for an upstream that is missing', async () => {
    const wish = { dialect: 'practice', ownerId, name: 'Desk' } as const
    const { key, secret } = done(await server.keys.create(wish))
    const owner = done(await server.accounts.findUser(ownerId))
    const authorization = `Basic ${btoa(`${owner.username}:${secret}`)}`
    const ask = () =>
      server.call('/practice/v1/patients', {
        method: 'GET',
        headers: { Authorization: authorization },
      })
    const missing = await refusalOf(await ask())
    expect(missing.decision).toMatchObject({
      subject: key.id,
      facts: { reason: 'upstream_missing', keyId: key.id },
      answer: { status: missing.status, body: missing.body },
    })
    expect(missing.text).toContain('Desk of Acme Health')
  })

  test('keeps no body in the clear: it repeats what the caller typed', async () => {
    const { accessToken } = await vendor()
    const typed = 'a-secret-in-the-wrong-field'
    const message = deviceNew(unknown, { EventType: typed })
    const refusal = await refusalOf(await server.endpoint(accessToken, message))
    expect(refusal.body).toContain(typed)
    expect(refusal.decision?.answer?.body).toBe(refusal.body)
    const events = await server.storage.listEvents({ limit: 1000 })
    expect(JSON.stringify(events)).not.toContain(typed)
  })
})

test('what was told on /auth is told in its words, and tokens are told as issued', async () => {
  const source = done(await server.routes.addSource({ accountId, name: 'Orders' }))
  const wish = { dialect: 'redox', ownerId, sourceId: source.id, name: 'Vendor' } as const
  const { key, secret } = done(await server.keys.create(wish))
  const wrong = await server.authenticate(key.publicId, 'wrong')
  const right = await server.authenticate(key.publicId, secret)
  await server.record()
  const refusal = await explained(member, wrong.headers.get('X-Request-Id'))
  expect(refusal.text).toContain('The key is known, the secret is not its secret.')
  expect(refusal.text).toContain('Invalid request')
  const issued = await explained(member, right.headers.get('X-Request-Id'))
  expect(issued.text).toContain('tokens were issued.')
  expect(issued.text).not.toContain('What the caller was told')
})

test('what somebody did in the console is told by its request too', async () => {
  await member.send('/console/me/password', { current: 'x', wished: 'y', again: 'z' })
  const [event] = await server.audit.list({ accountId, action: 'session.started', limit: 1 })
  expect((await explained(member, event?.requestId ?? '')).text).toContain('The person signed in.')
})

test('an id that nothing is known of is kept in the field, with where it would be found', async () => {
  const { text, html } = await explained(member, '<script>"&')
  expect(text).toContain('Nothing is known of that request')
  expect(html).toContain('value="&lt;script&gt;&quot;&amp;"')
  expect((await explained(member, 'x'.repeat(10_000))).text).toContain('Nothing is known')
  expect((await member.get('/console/explain')).text).toContain('X-Request-Id')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRoutingFixture, type RoutingFixture } from '../../support/routing-fixture.ts'
import { createDeviceNewMessage, type TokenResponse, unwrap } from '../../support/server.ts'

let fixture: RoutingFixture
let engineer: Awaited<ReturnType<RoutingFixture['signInAs']>>
let member: typeof engineer
let accessToken: string
beforeAll(async () => {
  fixture = await openRoutingFixture()
  engineer = await fixture.signInAs('engineer')
  member = await fixture.signInAs('member')
  const answer = await fixture.server.authenticate(fixture.apiKey, fixture.secret)
  accessToken = ((await answer.json()) as TokenResponse).accessToken
})
afterAll(() => fixture.close())

const AT = '/console/messages'

/** A message as the vendor's program sends it. */
async function sendVendorMessage(destinationId: string, more: object = {}, payload: object = {}) {
  const message = { ...createDeviceNewMessage(destinationId, more), ...payload }
  expect((await fixture.server.endpoint(accessToken, message)).status).toBe(200)
  return findNewestMessage()
}

async function findNewestMessage() {
  const [message] = await fixture.server.messages.list({ limit: 1 })
  if (message === undefined) throw new Error('nothing was stored')
  return message
}

const listEvents = async (subject: string) =>
  (await fixture.server.audit.list({ subject, limit: 9 })).map(({ action, actor, facts }) => ({
    action,
    actor,
    facts,
  }))

describe('a test message', () => {
  const readSampleForm = async (query = '') => {
    const page = (await engineer.get(`${AT}/test?source=${fixture.sourceId}${query}`)).html
    const body = page.match(/<textarea[^>]*>\n?([\s\S]*?)<\/textarea>/)?.[1] ?? ''
    return body.replaceAll('&quot;', '"')
  }
  const send = (body: string) => engineer.send(`${AT}/test`, { source: fixture.sourceId, body })

  test('reaches the destination unchanged, marked as a test, and is audited with its sender', async () => {
    const body = await readSampleForm(
      `&subscription=${fixture.openDestination.subscriptionId}&event=Notes:New`,
    )
    const words = (await send(body)).text
    expect(words).toContain('The message is accepted')
    expect(words).toContain('HTTP/1.1 200')
    const message = await findNewestMessage()
    expect(message).toMatchObject({ dataModel: 'Notes', eventType: 'New', test: true })
    const facts = { sourceId: fixture.sourceId, dataModel: 'Notes', eventType: 'New' }
    expect(await listEvents(message.id)).toEqual([
      { action: 'message.test_sent', actor: engineer.testUser.user.id, facts },
    ])
    await fixture.deliverDue()
    const arrived = fixture.receiver.requests.filter(({ path }) => path === '/open').at(-1)
    const { Meta, Note } = JSON.parse(arrived?.body ?? '{}')
    expect(Meta).toMatchObject({ Test: true, Source: { Name: 'Acme Source' } })
    expect(Note.FileContents).toBe('This is a test.')
    const messagePage = (await member.get(`${AT}/${message.id}`)).text
    expect(messagePage).toContain(`Sent by ${engineer.testUser.user.username}`)
  })

  test('of every event in the catalogue has a sample that is accepted', async () => {
    const page = (await engineer.get(`${AT}/test?source=${fixture.sourceId}`)).html
    const events = [...page.matchAll(/<option value="([^":]+:[^":]+)"/g)].map(([, event]) => event)
    expect(events.length).toBeGreaterThan(100)
    for (const event of events) {
      const body = await readSampleForm(
        `&subscription=${fixture.openDestination.subscriptionId}&event=${event}`,
      )
      const { Meta } = JSON.parse(body)
      expect(`${Meta.DataModel}:${Meta.EventType}`).toBe(event)
      expect([event, (await send(body)).text]).toEqual([
        event,
        expect.stringContaining('HTTP/1.1 200'),
      ])
    }
  }, 120_000)

  test('of a synchronous event returns the answer of its destination', async () => {
    const body = await readSampleForm(
      `&subscription=${fixture.openDestination.subscriptionId}&event=PatientSearch:Query`,
    )
    const before = await findNewestMessage()
    expect((await send(body)).text).toContain('The destination has responded')
    expect(await findNewestMessage()).toEqual(before)
    const facts = { sourceId: fixture.sourceId, dataModel: 'PatientSearch', eventType: 'Query' }
    const sent = { action: 'message.test_sent', actor: engineer.testUser.user.id, facts }
    expect(await listEvents(fixture.sourceId)).toContainEqual(sent)
  })

  test('of a source without a key is not sent, and the page shows the reason', async () => {
    const { accountId, openDestination } = fixture
    const input = { accountId, name: 'Without a key' }
    const { id } = unwrap(await fixture.server.sources.add(input))
    unwrap(
      await fixture.server.subscriptions.create({
        sourceId: id,
        destinationId: openDestination.id,
      }),
    )
    const page = (await engineer.get(`${AT}/test?source=${id}`)).text
    expect(page).toContain('The source has no key: create one')
    const body = JSON.stringify(createDeviceNewMessage(openDestination.id, { Test: true }))
    const { status, text } = await engineer.send(`${AT}/test`, { source: id, body })
    expect(status).toBe(409)
    expect(text).toContain('The source has no key, so nobody can send as it: create one first.')
  })

  test('gets the response that the vendor would get, byte for byte', async () => {
    const message = { ...createDeviceNewMessage(crypto.randomUUID(), { Test: true }) }
    const vendors = await fixture.server.endpoint(accessToken, message)
    const { Meta } = (await vendors.json()) as { Meta: { Errors: [{ Text: string }] } }
    const words = (await send(JSON.stringify(message))).text
    expect(words).toContain(`HTTP/1.1 ${vendors.status}`)
    expect(words).toContain(Meta.Errors[0].Text)
    expect(words).toContain('The message was refused')
  })

  test('without Meta.Test is not sent and stays in the form', async () => {
    const before = await findNewestMessage()
    const body = JSON.stringify(createDeviceNewMessage(fixture.openDestination.id, { Test: false }))
    const answer = await send(body)
    expect(answer.text).toContain('Invalid field - Meta.Test must be true')
    expect(answer.text).toContain(body)
    expect(await findNewestMessage()).toEqual(before)
  })

  test('of a disabled or revoked key is refused as the vendor’s message is', async () => {
    unwrap(await fixture.server.keys.disable(fixture.keyId))
    const before = await findNewestMessage()
    const words = (
      await send(JSON.stringify(createDeviceNewMessage(fixture.openDestination.id, { Test: true })))
    ).text
    expect(words).toContain('HTTP/1.1 401')
    expect(words).toContain('The source’s key is disabled: enable it')
    unwrap(await fixture.server.keys.enable(fixture.keyId))
    expect(await findNewestMessage()).toEqual(before)
  })

  test('is not subject to the IP allowlist of the vendor', async () => {
    const { server, accountId } = fixture
    unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
    unwrap(await server.ipAllowlist.setEnforced(accountId, true))
    const message = createDeviceNewMessage(fixture.openDestination.id, { Test: true })
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    expect((await send(JSON.stringify(message))).text).toContain('HTTP/1.1 200')
    unwrap(await server.ipAllowlist.setEnforced(accountId, false))
  })

  test('sent by the vendor is shown as such and has no audit event', async () => {
    const message = await sendVendorMessage(fixture.openDestination.id, { Test: true })
    expect(await listEvents(message.id)).toEqual([])
    expect((await member.get(`${AT}/${message.id}`)).text).toContain(
      'Sent by The program with the key of the source',
    )
  })

  test('with a script in its body is escaped', async () => {
    const answer = await send('</textarea><script>alert(1)</script>')
    expect(answer.html).not.toContain('<script>alert')
    expect(answer.text).toContain('The message cannot be read')
  })
})

describe('a payload', () => {
  const secret = { Note: '<b>patient 4711</b>' }

  test('is on no page until it is opened, which is audited with the user', async () => {
    const { id } = await sendVendorMessage(fixture.failingDestination.id, {}, secret)
    expect((await engineer.get(`${AT}/${id}`)).html).not.toContain('4711')
    const opened = await engineer.send(`${AT}/${id}/payload`)
    expect(opened.status).toBe(200)
    expect(opened.headers.get('cache-control')).toBe('no-store')
    const page = opened.html
    expect(page).toContain('&lt;b&gt;patient 4711')
    const opening = { action: 'message.opened', actor: engineer.testUser.user.id, facts: {} }
    expect(await listEvents(id)).toEqual([opening])

    const file = await engineer.send(`${AT}/${id}/download`)
    expect(file.headers.get('content-type')).toBe('application/octet-stream')
    expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="message-\d+/)
    expect(file.headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(file.html)).toMatchObject(secret)
    expect(await listEvents(id)).toEqual([opening, opening])
  })

  test('cannot be opened by a member or with a GET request', async () => {
    const { id } = await sendVendorMessage(fixture.failingDestination.id, {}, secret)
    expect((await member.get(`${AT}/${id}`)).text).not.toContain('Open payload')
    expect((await member.send(`${AT}/${id}/payload`)).status).toBe(403)
    expect((await member.send(`${AT}/${id}/download`)).status).toBe(403)
    const opened = await engineer.get(`${AT}/${id}/payload`)
    expect(opened).toMatchObject({ status: 303, location: `${AT}/${id}` })
    expect(await listEvents(id)).toEqual([])
  })

  test('is cut on a page of less than 100 kB and complete in the file', async () => {
    const long = { Note: '"<&>'.repeat(50_000) }
    const { id } = await sendVendorMessage(fixture.failingDestination.id, {}, long)
    const page = (await engineer.send(`${AT}/${id}/payload`)).html
    expect(page.length).toBeLessThan(100_000)
    expect(page).toContain('These are the first 12,000 of')
    const file = await engineer.send(`${AT}/${id}/download`)
    expect(JSON.parse(file.html)).toMatchObject(long)
  })
})

describe('a message that its destination refuses', () => {
  test('is shown with its attempts, skipped after a confirmation, and replayed', async () => {
    const message = await sendVendorMessage(fixture.failingDestination.id)
    await fixture.deliverDue()
    const text = (
      await member.get(`/console/subscriptions/${fixture.failingDestination.subscriptionId}`)
    ).text
    expect(text).toMatch(/The first message failed \d+ times?/)
    expect(text).toContain('we are closed')
    expect((await member.get('/console/subscriptions?state=stuck')).text).toContain(
      'Night registry',
    )

    const at = `${AT}/${message.id}`
    const drawn = (await member.get(at)).html
    expect(drawn).toContain('aria-label="The route to Night registry"')
    const query = `?destination=${fixture.failingDestination.id}`
    expect((await engineer.get(`${at}/skip${query}`)).text).toContain(
      'Skip the message for Night registry?',
    )
    const fields = { destination: fixture.failingDestination.id }
    expect((await engineer.send(`${at}/skip`, fields)).status).toBe(303)
    expect((await engineer.send(`${at}/skip`, fields)).status).toBe(409)
    expect((await member.get(at)).text).toContain('Skipped')
    expect((await engineer.send(`${at}/replay`, fields)).status).toBe(303)
    const replayed = unwrap(await fixture.server.messages.find(message.id))
    expect(replayed.deliveries[0]?.status).toBe('queued')
    for (const verb of ['skip', 'replay']) {
      expect((await member.send(`${at}/${verb}`, fields)).status).toBe(403)
    }
  })

  test('is tried at once when a user asks for it', async () => {
    const { id } = await sendVendorMessage(fixture.failingDestination.id)
    await fixture.deliverDue()
    const path = `/console/subscriptions/${fixture.failingDestination.subscriptionId}`
    const head = await fixture.server.subscriptions.find(fixture.failingDestination.subscriptionId)
    const countAttempts = async () =>
      unwrap(await fixture.server.messages.listAttempts(unwrap(head).headId ?? '')).length
    const before = await countAttempts()
    await fixture.deliverDue()
    expect(await countAttempts()).toBe(before)
    expect((await member.get(path)).html).not.toContain('Retry now')
    expect((await engineer.fill(path, `${path}/resume`)).status).toBe(303)
    await fixture.deliverDue()
    expect(await countAttempts()).toBeGreaterThan(before)
    expect(unwrap(await fixture.server.messages.find(id)).deliveries[0]?.status).toBe('queued')
  })

  test('is the first in the queue of its subscription and can be skipped there', async () => {
    const first = await sendVendorMessage(fixture.failingDestination.id)
    const second = await sendVendorMessage(fixture.failingDestination.id)
    await fixture.deliverDue()
    const { html } = await engineer.get(
      `/console/subscriptions/${fixture.failingDestination.subscriptionId}`,
    )
    const headId = /([^"/]+)">View message/.exec(html)?.[1]
    const queue = html.slice(html.indexOf('Queued messages, oldest first'))
    const rows = [...queue.matchAll(/<th scope="row"><a href="[^"]*\/([^"/]+)"/g)].map(
      ([, id]) => id,
    )
    expect(rows[0]).toBe(headId)
    expect(rows.length).toBeGreaterThan(2)
    expect(rows.slice(-2)).toEqual([first.id, second.id])
    expect(html).toContain(
      `href="${AT}/${headId}/skip?destination=${fixture.failingDestination.id}"`,
    )
    expect(
      (await member.get(`/console/subscriptions/${fixture.failingDestination.subscriptionId}`))
        .html,
    ).not.toContain('/skip?')
  })

  test('is purged with its queue after a confirmation that counts the messages', async () => {
    await sendVendorMessage(fixture.failingDestination.id)
    const at = `/console/subscriptions/${fixture.failingDestination.subscriptionId}`
    const { queued } = unwrap(
      await fixture.server.subscriptions.find(fixture.failingDestination.subscriptionId),
    )
    expect((await engineer.get(`${at}/purge`)).text).toContain(`${queued} message`)
    expect((await engineer.send(`${at}/delete`)).status).toBe(409)
    expect((await engineer.send(`${at}/purge`)).status).toBe(303)
    expect(
      unwrap(await fixture.server.subscriptions.find(fixture.failingDestination.subscriptionId))
        .queued,
    ).toBe(0)
  })
})

test('the list of messages is filtered and stays below 100 kB', async () => {
  for (let n = 0; n < 51; n++) await sendVendorMessage(fixture.openDestination.id)
  const all = (await member.get(AT)).html
  expect(all.length).toBeLessThan(100_000)
  expect(all.match(/<th scope="row">/g)).toHaveLength(50)
  expect(all).toContain('rel="next"')
  const none = (await member.get(`${AT}?status=skipped&kind=test`)).text
  expect(none).toContain('No matching messages')
  const tests = (await member.get(`${AT}?kind=test`)).html
  const rows = tests.match(/<th scope="row">/g)?.length ?? 0
  expect(rows).toBeGreaterThan(0)
  expect(tests.match(/<span class="badge plain">Test<\/span>/g)).toHaveLength(rows)
})

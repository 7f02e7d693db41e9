import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deviceNew, done, type TokenAnswer } from '../support/server.ts'
import { type RoutesWorld, routesWorld } from './routes-world.ts'

let world: RoutesWorld
let engineer: Awaited<ReturnType<RoutesWorld['visitor']>>
let member: typeof engineer
let accessToken: string
beforeAll(async () => {
  world = await routesWorld()
  engineer = await world.visitor('engineer')
  member = await world.visitor('member')
  const answer = await world.server.authenticate(world.apiKey, world.secret)
  accessToken = ((await answer.json()) as TokenAnswer).accessToken
})
afterAll(() => world.close())

const AT = '/console/messages'

/** What the vendor's own program sends. */
async function vendorSends(destinationId: string, more: object = {}, payload: object = {}) {
  const message = { ...deviceNew(destinationId, more), ...payload }
  expect((await world.server.endpoint(accessToken, message)).status).toBe(200)
  return newest()
}

async function newest() {
  const [message] = await world.server.messages.list({ limit: 1 })
  if (message === undefined) throw new Error('nothing was stored')
  return message
}

const eventsOf = async (subject: string) =>
  (await world.server.audit.list({ subject, limit: 9 })).map(({ action, actor, facts }) => ({
    action,
    actor,
    facts,
  }))

describe('a test message', () => {
  const sample = async (query = '') => {
    const page = (await engineer.get(`${AT}/test?source=${world.sourceId}${query}`)).html
    const body = page.match(/<textarea[^>]*>\n?([\s\S]*?)<\/textarea>/)?.[1] ?? ''
    return body.replaceAll('&quot;', '"')
  }
  const send = (body: string) => engineer.send(`${AT}/test`, { source: world.sourceId, body })

  test('goes as its sample stands to the destination, marked as a test, and has the event of who sent it', async () => {
    const body = await sample(`&feed=${world.open.feedId}&event=Notes:New`)
    const words = (await send(body)).text
    expect(words).toContain('It is accepted, and on its way')
    expect(words).toContain('HTTP/1.1 200')
    const message = await newest()
    expect(message).toMatchObject({ dataModel: 'Notes', eventType: 'New', test: true })
    const facts = { sourceId: world.sourceId, dataModel: 'Notes', eventType: 'New' }
    expect(await eventsOf(message.id)).toEqual([
      { action: 'message.test_sent', actor: engineer.person.user.id, facts },
    ])
    await world.deliver()
    const arrived = world.receiver.arrived.filter(({ path }) => path === '/open').at(-1)
    const { Meta, Note } = JSON.parse(arrived?.body ?? '{}')
    expect(Meta).toMatchObject({ Test: true, Source: { Name: 'Acme Source' } })
    expect(Note.FileContents).toBe('This is a test.')
    const shown = (await member.get(`${AT}/${message.id}`)).text
    expect(shown).toContain(`Sent by ${engineer.person.user.username}`)
  })

  test('of every event in the catalogue has a sample that is accepted', async () => {
    const page = (await engineer.get(`${AT}/test?source=${world.sourceId}`)).html
    const events = [...page.matchAll(/<option value="([^":]+:[^":]+)"/g)].map(([, event]) => event)
    expect(events.length).toBeGreaterThan(100)
    for (const event of events) {
      const body = await sample(`&feed=${world.open.feedId}&event=${event}`)
      const { Meta } = JSON.parse(body)
      expect(`${Meta.DataModel}:${Meta.EventType}`).toBe(event)
      expect([event, (await send(body)).text]).toEqual([
        event,
        expect.stringContaining('HTTP/1.1 200'),
      ])
    }
  }, 120_000)

  test('that is synchronous is answered by its destination, and remembered at its source', async () => {
    const body = await sample(`&feed=${world.open.feedId}&event=PatientSearch:Query`)
    const before = await newest()
    expect((await send(body)).text).toContain('The destination has answered')
    expect(await newest()).toEqual(before)
    const facts = { sourceId: world.sourceId, dataModel: 'PatientSearch', eventType: 'Query' }
    const sent = { action: 'message.test_sent', actor: engineer.person.user.id, facts }
    expect(await eventsOf(world.sourceId)).toContainEqual(sent)
  })

  test('of a source that has no key is not sent, and why is said', async () => {
    const { accountId, open } = world
    const wish = { accountId, name: 'Without a key' }
    const { id } = done(await world.server.routes.addSource(wish))
    done(await world.server.routes.subscribe({ sourceId: id, destinationId: open.id }))
    const page = (await engineer.get(`${AT}/test?source=${id}`)).text
    expect(page).toContain('The source has no key: make one')
    const body = JSON.stringify(deviceNew(open.id, { Test: true }))
    const { status, text } = await engineer.send(`${AT}/test`, { source: id, body })
    expect(status).toBe(409)
    expect(text).toContain('The source has no key, so nobody can send as it: create one first.')
  })

  test('is answered as the vendor would be, word for word', async () => {
    const message = { ...deviceNew(crypto.randomUUID(), { Test: true }) }
    const vendors = await world.server.endpoint(accessToken, message)
    const { Meta } = (await vendors.json()) as { Meta: { Errors: [{ Text: string }] } }
    const words = (await send(JSON.stringify(message))).text
    expect(words).toContain(`HTTP/1.1 ${vendors.status}`)
    expect(words).toContain(Meta.Errors[0].Text)
    expect(words).toContain('It was refused')
  })

  test('that does not say it is a test is not sent, and stays in the form', async () => {
    const before = await newest()
    const body = JSON.stringify(deviceNew(world.open.id, { Test: false }))
    const answer = await send(body)
    expect(answer.text).toContain('Invalid field - Meta.Test must be true')
    expect(answer.text).toContain(body)
    expect(await newest()).toEqual(before)
  })

  test('of a key that may not be used is refused as the vendor’s is', async () => {
    done(await world.server.keys.disable(world.keyId))
    const before = await newest()
    const words = (await send(JSON.stringify(deviceNew(world.open.id, { Test: true })))).text
    expect(words).toContain('HTTP/1.1 401')
    expect(words).toContain('The source’s key is disabled: enable it')
    done(await world.server.keys.enable(world.keyId))
    expect(await newest()).toEqual(before)
  })

  test('goes from anywhere, for a person is not where the vendor’s program is', async () => {
    const { server, accountId } = world
    done(await server.places.addAddress({ accountId, network: '198.51.100.0/24' }))
    done(await server.places.enforceAddresses(accountId, true))
    const message = deviceNew(world.open.id, { Test: true })
    expect((await server.endpoint(accessToken, message)).status).toBe(401)
    expect((await send(JSON.stringify(message))).text).toContain('HTTP/1.1 200')
    done(await server.places.enforceAddresses(accountId, false))
  })

  test('of a vendor’s own has no event, and is told apart', async () => {
    const message = await vendorSends(world.open.id, { Test: true })
    expect(await eventsOf(message.id)).toEqual([])
    expect((await member.get(`${AT}/${message.id}`)).text).toContain(
      'Sent by the program that has the source’s key',
    )
  })

  test('leaves the body of a script as text', async () => {
    const answer = await send('</textarea><script>alert(1)</script>')
    expect(answer.html).not.toContain('<script>alert')
    expect(answer.text).toContain('The message cannot be read')
  })
})

describe('a payload', () => {
  const secret = { Note: '<b>patient 4711</b>' }

  test('is on no page until it is opened, and who opens it is in the audit', async () => {
    const { id } = await vendorSends(world.closed.id, {}, secret)
    expect((await engineer.get(`${AT}/${id}`)).html).not.toContain('4711')
    const opened = await engineer.send(`${AT}/${id}/open`)
    expect(opened.status).toBe(200)
    expect(opened.headers.get('cache-control')).toBe('no-store')
    const page = opened.html
    expect(page).toContain('&lt;b&gt;patient 4711')
    const opening = { action: 'message.opened', actor: engineer.person.user.id, facts: {} }
    expect(await eventsOf(id)).toEqual([opening])

    const file = await engineer.send(`${AT}/${id}/download`)
    expect(file.headers.get('content-type')).toBe('application/octet-stream')
    expect(file.headers.get('content-disposition')).toMatch(/^attachment; filename="message-\d+/)
    expect(file.headers.get('cache-control')).toBe('no-store')
    expect(JSON.parse(file.html)).toMatchObject(secret)
    expect(await eventsOf(id)).toEqual([opening, opening])
  })

  test('is not opened by a member, nor by looking', async () => {
    const { id } = await vendorSends(world.closed.id, {}, secret)
    expect((await member.get(`${AT}/${id}`)).text).not.toContain('Open the payload')
    expect((await member.send(`${AT}/${id}/open`)).status).toBe(403)
    expect((await member.send(`${AT}/${id}/download`)).status).toBe(403)
    expect((await engineer.get(`${AT}/${id}/open`)).status).toBe(404)
    expect(await eventsOf(id)).toEqual([])
  })

  test('that is long is cut on the page, which stays below 100 kB, and whole in the file', async () => {
    const long = { Note: '"<&>'.repeat(50_000) }
    const { id } = await vendorSends(world.closed.id, {}, long)
    const page = (await engineer.send(`${AT}/${id}/open`)).html
    expect(page.length).toBeLessThan(100_000)
    expect(page).toContain('These are the first 12,000 of')
    const file = await engineer.send(`${AT}/${id}/download`)
    expect(JSON.parse(file.html)).toMatchObject(long)
  })
})

describe('a message that is not taken', () => {
  test('is drawn with its attempts, skipped after a question, and replayed', async () => {
    const message = await vendorSends(world.closed.id)
    await world.deliver()
    const feed = (await member.get(`/console/feeds/${world.closed.feedId}`)).text
    expect(feed).toMatch(/The first message was tried \d+ times? in vain/)
    expect(feed).toContain('we are closed')
    expect((await member.get('/console/feeds?state=stuck')).text).toContain('Night registry')

    const at = `${AT}/${message.id}`
    const drawn = (await member.get(at)).html
    expect(drawn).toContain('aria-label="The way to Night registry"')
    const query = `?destination=${world.closed.id}`
    expect((await engineer.get(`${at}/skip${query}`)).text).toContain('Skip it for Night registry?')
    const fields = { destination: world.closed.id }
    expect((await engineer.send(`${at}/skip`, fields)).status).toBe(303)
    expect((await engineer.send(`${at}/skip`, fields)).status).toBe(409)
    expect((await member.get(at)).text).toContain('Skipped')
    expect((await engineer.send(`${at}/replay`, fields)).status).toBe(303)
    const replayed = done(await world.server.messages.find(message.id))
    expect(replayed.deliveries[0]?.status).toBe('queued')
    for (const verb of ['skip', 'replay']) {
      expect((await member.send(`${at}/${verb}`, fields)).status).toBe(403)
    }
  })

  test('is tried before it is due where somebody asks for it', async () => {
    const { id } = await vendorSends(world.closed.id)
    await world.deliver()
    const feed = `/console/feeds/${world.closed.feedId}`
    const head = await world.server.routes.findListedFeed(world.closed.feedId)
    const tried = async () =>
      done(await world.server.messages.attempts(done(head).headId ?? '')).length
    const before = await tried()
    await world.deliver()
    expect(await tried()).toBe(before)
    expect((await member.get(feed)).html).not.toContain('Try now')
    expect((await engineer.fill(feed, `${feed}/resume`)).status).toBe(303)
    await world.deliver()
    expect(await tried()).toBeGreaterThan(before)
    expect(done(await world.server.messages.find(id)).deliveries[0]?.status).toBe('queued')
  })

  test('is shown first in the queue of its feed, with the way to skip it', async () => {
    const first = await vendorSends(world.closed.id)
    const second = await vendorSends(world.closed.id)
    await world.deliver()
    const { html } = await engineer.get(`/console/feeds/${world.closed.feedId}`)
    const headId = /([^"/]+)">Look at the message/.exec(html)?.[1]
    const queue = html.slice(html.indexOf('What is queued, the oldest first'))
    const rows = [...queue.matchAll(/<th scope="row"><a href="[^"]*\/([^"/]+)"/g)].map(
      ([, id]) => id,
    )
    expect(rows[0]).toBe(headId)
    expect(rows.length).toBeGreaterThan(2)
    expect(rows.slice(-2)).toEqual([first.id, second.id])
    expect(html).toContain(`href="${AT}/${headId}/skip?destination=${world.closed.id}"`)
    expect((await member.get(`/console/feeds/${world.closed.feedId}`)).html).not.toContain('/skip?')
  })

  test('is purged with its whole queue after a question that says how many', async () => {
    await vendorSends(world.closed.id)
    const at = `/console/feeds/${world.closed.feedId}`
    const { queued } = done(await world.server.routes.findFeed(world.closed.feedId))
    expect((await engineer.get(`${at}/purge`)).text).toContain(`${queued} message`)
    expect((await engineer.send(`${at}/remove`)).status).toBe(409)
    expect((await engineer.send(`${at}/purge`)).status).toBe(303)
    expect(done(await world.server.routes.findFeed(world.closed.feedId)).queued).toBe(0)
  })
})

test('the list is narrowed by its filters, and keeps below 100 kB', async () => {
  for (let n = 0; n < 51; n++) await vendorSends(world.open.id)
  const all = (await member.get(AT)).html
  expect(all.length).toBeLessThan(100_000)
  expect(all.match(/<th scope="row">/g)).toHaveLength(50)
  expect(all).toContain('rel="next"')
  const none = (await member.get(`${AT}?status=skipped&kind=test`)).text
  expect(none).toContain('No such message')
  const tests = (await member.get(`${AT}?kind=test`)).html
  const rows = tests.match(/<th scope="row">/g)?.length ?? 0
  expect(rows).toBeGreaterThan(0)
  expect(tests.match(/<span class="badge plain">Test<\/span>/g)).toHaveLength(rows)
})

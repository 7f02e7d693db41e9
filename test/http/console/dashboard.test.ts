import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'
import { DAY_MS, HOUR_MS } from '../../support/time.ts'

const SCRIPT = '<script>alert(1)</script>"\'&'

let server: TestServer
let administrator: ConsoleClient
let member: ConsoleClient
let accountId: string
beforeAll(async () => {
  server = await createTestServer()
  const first = await seedConsoleClient(server, 'administrator')
  administrator = first
  accountId = first.testUser.accountId
  member = await seedConsoleClient(server, 'member', accountId)
})
afterAll(() => server.close())

async function seedDashboardKey(name: string, more: object = {}) {
  const email = `${crypto.randomUUID()}@acme.example`
  const owner = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
  const made = await server.keys.create({ keyType: 'xdent', ownerId: owner.id, name, ...more })
  return { ...unwrap(made), owner }
}
const currentHour = () => Math.floor(server.clock() / HOUR_MS)

describe('the dashboard', () => {
  test('shows the first steps until a key was used, and which of them another user must take', async () => {
    const { text, html } = await administrator.get('/console')
    expect(text).toContain('First steps')
    expect(html).toContain('<p><a class="button primary" href="/console/keys/new">Create key</a>')
    expect(text).not.toContain('Needs attention')
    const memberPage = await member.get('/console')
    expect(memberPage.text).toContain('First steps')
    expect(memberPage.text).toContain('An administrator of your account can do this.')
    expect(memberPage.html).not.toContain('href="/console/keys/new"')
  })

  test('counts keys that expire soon, are unused or have a deactivated owner, each with a link to its list', async () => {
    const used = await seedDashboardKey('In use')
    const soon = await seedDashboardKey(`Soon ${SCRIPT}`, {
      expiresAt: server.clock() + 10 * DAY_MS,
    })
    const gone = await seedDashboardKey('Orphan')
    unwrap(await server.users.deactivate(gone.owner.id))
    const ended = await seedDashboardKey('Ended', { expiresAt: server.clock() + 10 * DAY_MS })
    unwrap(await server.keys.revoke(ended.key.id))
    const now = server.clock()
    await server.storage.addKeyUses([
      { keyId: used.key.id, day: Math.floor(now / DAY_MS), uses: 3, lastAt: now },
    ])
    const { text, html } = await member.get('/console')
    expect(text).not.toContain('First steps')
    expect(text).toContain('Keys that expire within 30 days ! 1 Soon')
    expect(text).toContain('Keys of deactivated users ! 1 Orphan')
    expect(text).not.toContain('Keys unused for 90 days')
    expect(text).not.toContain('Ended')
    expect(html).toContain(`href="/console/keys/${soon.key.id}"`)
    expect(html).toContain('href="/console/keys?attention=owner-deactivated&amp;status=enabled"')
    expect(html).not.toContain('<script>alert')
    expect(text).toContain(
      'Of 1 key in use, 0 are exchanged for short-lived tokens; 1 sends its long-lived secret with every request.',
    )
  })

  test('lists a subscription whose first message failed, and links to all such subscriptions', async () => {
    const source = unwrap(await server.sources.add({ accountId, name: 'Orders' }))
    const to = { accountId, name: 'Laboratory', url: 'https://laboratory.example/' }
    const destination = unwrap(await server.destinations.add(to))
    const subscription = unwrap(
      await server.subscriptions.create({
        sourceId: source.id,
        destinationId: destination.id,
      }),
    )
    expect((await member.get('/console')).text).not.toContain('Stuck subscriptions')
    const database = new Database(join(server.dir, 'latchkey.db'))
    database.prepare('update subscriptions set attempts = 3 where id = ?').run(subscription.id)
    database.close()
    const { text, html } = await member.get('/console')
    expect(text).toContain('Stuck subscriptions ! 1 Orders → Laboratory')
    const list = /href="([^"]+)"[^>]*>View in list<\/a>/.exec(html)?.[1] ?? ''
    expect((await member.get(list.replaceAll('&amp;', '&'))).text).toContain('Laboratory')
  })

  test('draws what came of requests, and has every number in a table', async () => {
    const counted = { accountId, keyType: 'xdent' } as const
    await server.storage.addTraffic([
      { ...counted, hour: currentHour(), outcome: 'admitted', requests: 1200 },
      { ...counted, hour: currentHour() - 2, outcome: 'key_disabled', requests: 3 },
      { ...counted, hour: currentHour() - 30, outcome: 'secret_wrong', requests: 5 },
      { ...counted, accountId: null, hour: currentHour(), outcome: 'key_unknown', requests: 77 },
    ])
    const today = await member.get('/console')
    expect(today.text).toContain('1,200 admitted')
    expect(today.text).toContain('3 refused, less than 1%')
    expect(today.text).toContain('The key is disabled 3')
    expect(today.text).not.toContain('No such key 77')
    expect(today.html).toMatch(
      /<svg class="chart"[^>]* role="img" aria-label="1,200 requests admitted/,
    )
    expect(today.html.match(/<g>/g)).toHaveLength(2)
    expect(today.html).toContain('<summary>The same as a table</summary>')
    expect(today.html.length).toBeLessThan(100_000)
    const month = await member.get('/console?range=month')
    expect(month.text).toContain('8 refused')
    expect(month.text).toContain('The secret is wrong 5')
    expect((await member.get('/console?range=__proto__')).text).toContain(
      'Requests in the last 24 hours',
    )
  })

  test('counts requests without an account for users who see all accounts', async () => {
    const operator = await seedConsoleClient(server, 'operator')
    expect((await operator.get('/console')).text).toContain('No such key 77')
  })
})

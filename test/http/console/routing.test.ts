import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openRoutingFixture, type RoutingFixture } from '../../support/routing-fixture.ts'
import { unwrap } from '../../support/server.ts'

let fixture: RoutingFixture
let administrator: Awaited<ReturnType<RoutingFixture['signInAs']>>
let engineer: typeof administrator
let member: typeof administrator
beforeAll(async () => {
  fixture = await openRoutingFixture()
  administrator = await fixture.signInAs('administrator')
  engineer = await fixture.signInAs('engineer')
  member = await fixture.signInAs('member')
})
afterAll(() => fixture.close())

const SCRIPT = '<script>alert(1)</script>'
describe('a source', () => {
  test('is shown with its id to copy once added', async () => {
    const { accountId: account } = fixture
    const added = await engineer.send('/console/sources/new', {
      accountId: account,
      name: 'Lab system',
    })
    expect(added.status).toBe(303)
    const at = added.location ?? ''
    const { status, html, text } = await engineer.get(at)
    expect(status).toBe(200)
    expect(html).toContain(`data-copy="${at.split(/[/?]/)[3]}"`)
    expect(text).toContain('it cannot send messages')
    const input = `key-type=redox&amp;account=${account}&amp;source=${at.split(/[/?]/)[3]}`
    expect(html).toContain(`href="/console/keys/new?${input}"`)
    expect(text).toContain('No subscriptions yet')
  })

  test('is added to one account, which an operator of all accounts selects in the form', async () => {
    const operator = await fixture.signInAs('operator')
    expect((await operator.get('/console/sources/new')).html).toContain('<select id="accountId"')
    expect((await operator.get('/console/sources')).text).toContain('Acme Health')
  })

  test('with a script as its name is escaped on every page', async () => {
    const { accountId, failingDestination } = fixture
    const source = unwrap(await fixture.server.sources.add({ accountId, name: SCRIPT }))
    const joined = { sourceId: source.id, destinationId: failingDestination.id }
    const { id } = unwrap(await fixture.server.subscriptions.create(joined))
    for (const path of [
      ...['/console/sources', `/console/sources/${source.id}`, '/console/subscriptions'],
      ...[
        `/console/subscriptions/${id}`,
        `/console/subscriptions/${id}/purge`,
        '/console/subscriptions/new',
      ],
      `/console/messages/test?source=${source.id}`,
    ]) {
      const { status, html } = await administrator.get(path)
      expect([path, status]).toEqual([path, 200])
      expect(html).toContain('&lt;script&gt;alert(1)')
      expect(html).not.toContain(SCRIPT)
    }
  })

  test('is not added with a name of 10,000 characters, which stays in the form', async () => {
    const name = 'n'.repeat(10_000)
    const { accountId: account } = fixture
    const answer = await engineer.send('/console/sources/new', { accountId: account, name })
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('must not be longer than 200 characters')
    expect(answer.getFieldValue('name')).toBe(name)
  })

  test('shows both names to the second of two users who rename it', async () => {
    const { accountId } = fixture
    const { id } = unwrap(await fixture.server.sources.add({ accountId, name: 'Before' }))
    const rename = (name: string) =>
      engineer.send(`/console/sources/${id}/rename`, { name, seen: 'Before' })
    expect((await rename('First')).status).toBe(303)
    const second = await rename('Second')
    expect(second.status).toBe(409)
    expect(second.text).toContain('it is “First” now, and you typed “Second”')
    expect(unwrap(await fixture.server.sources.find(id)).name).toBe('First')
  })
})

describe('a destination', () => {
  const TOKEN = 'a token that nobody else may read'

  test('has a token that no page ever shows', async () => {
    const { accountId: account, receiver } = fixture
    const fields = {
      accountId: account,
      name: 'New EMR',
      token: TOKEN,
      method: 'GET',
      development: 'yes',
    }
    const refused = await engineer.send('/console/destinations/new', {
      ...fields,
      url: 'ftp://emr.example',
    })
    expect(refused.status).toBe(422)
    expect(refused.getFieldValue('name')).toBe('New EMR')
    expect(refused.html).not.toContain(TOKEN)
    const url = `${receiver.url}/new`
    const added = await engineer.send('/console/destinations/new', { ...fields, url })
    expect(added.status).toBe(303)
    const at = (added.location ?? '').split('?')[0] ?? ''
    const destinationPage = await engineer.get(at)
    expect(destinationPage.text).toContain('Not verified')
    const { status, html } = await engineer.send(`${at}/verify`)
    expect(status).toBe(200)
    expect(receiver.requests.at(-1)?.path).toContain(
      `verification-token=${TOKEN.replaceAll(' ', '+')}`,
    )
    expect(`${destinationPage.html}${html}`).not.toContain(TOKEN)
    expect(`${destinationPage.html}${html}`).not.toContain(TOKEN.replaceAll(' ', '+'))
  })

  test('that answers without the challenge is not verified, and the page explains what to do', async () => {
    const { server, openDestination } = fixture
    unwrap(await server.destinations.setVerified(openDestination.id, false))
    const at = `/console/destinations/${openDestination.id}/verify`
    const words = (await engineer.send(at)).text
    expect(words).toContain('Response 204')
    expect(words).toContain('The response did not contain the challenge')
    expect(words).toContain('must return the challenge unchanged')
    expect(unwrap(await server.destinations.find(openDestination.id)).verifiedAt).toBeNull()
    unwrap(await server.destinations.setVerified(openDestination.id, true))
  })

  test('is shown with the request of its handshake, whatever its URL', async () => {
    const { accountId } = fixture
    const input = {
      accountId,
      name: 'Odd',
      url: 'https://emr.example/%zz?a=b',
      method: 'GET',
    } as const
    const { id } = unwrap(await fixture.server.destinations.add({ ...input, token: TOKEN }))
    const { status, text } = await member.get(`/console/destinations/${id}`)
    expect(status).toBe(200)
    expect(text).toContain('GET https://emr.example/%zz?a=b&verification-token=********&challenge=')
  })

  test('that refuses the handshake is shown with its response', async () => {
    const at = `/console/destinations/${fixture.failingDestination.id}/verify`
    const words = (await engineer.send(at)).text
    expect(words).toContain('Response 503')
    expect(words).toContain('we are closed')
    expect(words).toContain('It stays verified as before')
  })

  test('gets a new URL only from a form that shows its present one', async () => {
    const at = `/console/destinations/${fixture.destinationId}`
    const input = { url: 'https://elsewhere.example/', seen: 'https://not.example/' }
    expect((await engineer.send(`${at}/set-url`, input)).status).toBe(409)
    const moved = await engineer.send(`${at}/set-url`, { ...input, seen: 'https://emr.example/' })
    expect(moved.location).toBe(`${at}?flash=destinations.setUrl`)
  })

  test('is marked verified and unverified by an administrator after a confirmation', async () => {
    const at = `/console/destinations/${fixture.destinationId}`
    const findDestination = async () =>
      unwrap(await fixture.server.destinations.find(fixture.destinationId))
    expect((await engineer.get(`${at}/mark-verified`)).status).toBe(403)
    expect((await engineer.send(`${at}/mark-verified`)).status).toBe(403)
    expect((await engineer.get(at)).html).not.toContain('/mark-')
    expect((await administrator.get(`${at}/mark-verified`)).text).toContain('without proof')
    expect((await administrator.send(`${at}/mark-verified`)).status).toBe(303)
    expect((await findDestination()).verifiedAt).not.toBeNull()
    expect((await administrator.send(`${at}/mark-unverified`)).status).toBe(303)
    expect((await findDestination()).verifiedAt).toBeNull()
  })
})

test.each(['sources', 'destinations'] as const)(
  'the danger zone of %s deletes one that nothing belongs to, and says why it does not delete others',
  async (group) => {
    const { server, accountId, sourceId, openDestination } = fixture
    const usedId = group === 'sources' ? sourceId : openDestination.id
    const used = `/console/${group}/${usedId}/delete`
    const question = await engineer.get(used)
    expect(question.text).toContain(
      group === 'sources' ? 'stays with its source' : 'cannot be deleted',
    )
    expect((await engineer.send(used)).status).toBe(409)
    const { id } = unwrap(await server[group].add({ accountId, name: 'Unused' }))
    const at = `/console/${group}/${id}`
    expect((await engineer.get(at)).html).toContain(`href="${at}/delete"`)
    const deleted = await engineer.fill(`${at}/delete`, `${at}/delete`)
    expect(deleted.location).toBe(`/console/${group}?flash=${group}.delete`)
    expect((await engineer.get(at)).status).toBe(404)
  },
)

describe('a subscription', () => {
  test('is created once for one data model', async () => {
    const fields = {
      sourceId: fixture.sourceId,
      destinationId: fixture.failingDestination.id,
      dataModel: 'Notes',
    }
    const made = await engineer.send('/console/subscriptions/new', fields)
    expect(made.status).toBe(303)
    const repeat = await engineer.send('/console/subscriptions/new', fields)
    expect(repeat.status).toBe(409)
    expect(repeat.html).toContain('<option value="Notes" selected>')
    const at = (made.location ?? '').split('?')[0] ?? ''
    expect((await engineer.send(`${at}/delete`)).location).toBe(
      '/console/subscriptions?flash=subscriptions.delete',
    )
    expect((await engineer.get(at)).status).toBe(404)
  })

  test('is listed on the pages of its source and of its destination', async () => {
    const { sourceId, openDestination } = fixture
    for (const page of [
      `/console/sources/${sourceId}`,
      `/console/destinations/${openDestination.id}`,
    ]) {
      expect((await member.get(page)).html).toContain(
        `href="/console/subscriptions/${openDestination.subscriptionId}"`,
      )
    }
  })

  test('is paused after a confirmation, and resumed', async () => {
    const at = `/console/subscriptions/${fixture.openDestination.subscriptionId}`
    const question = (await engineer.get(`${at}/pause`)).text
    expect(question).toContain('new messages are refused')
    expect((await engineer.send(`${at}/pause`)).status).toBe(303)
    expect((await engineer.get(at)).text).toContain('This subscription is paused')
    expect((await engineer.send(`${at}/resume`)).status).toBe(303)
    expect(
      unwrap(await fixture.server.subscriptions.find(fixture.openDestination.subscriptionId))
        .status,
    ).toBe('active')
  })
})

describe('a member on the routing pages', () => {
  const listQueuePaths = () => {
    const { sourceId, openDestination } = fixture
    return [
      ...['/console/sources', `/console/sources/${sourceId}`, '/console/destinations'],
      ...[
        `/console/destinations/${openDestination.id}`,
        '/console/subscriptions',
        `/console/subscriptions/${openDestination.subscriptionId}`,
      ],
      '/console/messages',
    ]
  }

  test('sees every page and no way to change anything', async () => {
    for (const path of listQueuePaths()) {
      const { status, html } = await member.get(path)
      expect([path, status]).toEqual([path, 200])
      const forms = [...html.matchAll(/<form method="post" action="([^"]*)"/g)].map(([, to]) => to)
      expect([path, forms]).toEqual([path, ['/console/sign-out', '/console/theme']])
      expect(html).not.toMatch(/href="[^"]*\/(new|test|pause|purge|delete|mark-)/)
    }
  })

  test('cannot change anything', async () => {
    const { sourceId, openDestination, accountId: account } = fixture
    const subscriptionPath = `/console/subscriptions/${openDestination.subscriptionId}`
    const to = `/console/destinations/${openDestination.id}`
    for (const [path, fields] of [
      ['/console/sources/new', { accountId: account, name: 'x' }],
      [`/console/sources/${sourceId}/rename`, { name: 'x', seen: 'Acme Source' }],
      ['/console/destinations/new', { accountId: account, name: 'x' }],
      ...[
        'rename',
        'set-url',
        'set-token',
        'verify',
        'mark-verified',
        'mark-unverified',
        'delete',
      ].map((verb) => [`${to}/${verb}`, {}]),
      ...['pause', 'resume', 'purge', 'delete'].map((verb) => [`${subscriptionPath}/${verb}`, {}]),
      ['/console/messages/test', { source: sourceId, body: '{}' }],
    ] as [string, Record<string, string>][]) {
      expect([path, (await member.send(path, fields)).status]).toEqual([path, 403])
    }
    const { name, verifiedAt } = unwrap(await fixture.server.destinations.find(openDestination.id))
    expect([name, verifiedAt === null]).toEqual(['Mercy EMR', false])
    expect(
      unwrap(await fixture.server.subscriptions.find(openDestination.subscriptionId)).status,
    ).toBe('active')
  })
})

test('the routing pages find nothing of another account', async () => {
  const other = unwrap(await fixture.server.accounts.create({ name: 'Other' }))
  const input = { accountId: other.id, name: 'Theirs' }
  const source = unwrap(await fixture.server.sources.add(input))
  const to = unwrap(await fixture.server.destinations.add(input))
  for (const path of [`/console/sources/${source.id}`, `/console/destinations/${to.id}`]) {
    expect([path, (await administrator.get(path)).status]).toEqual([path, 404])
    const renamed = await administrator.send(`${path}/rename`, { name: 'Mine', seen: 'Theirs' })
    expect(renamed.status).toBe(404)
  }
  const added = await administrator.send('/console/sources/new', { accountId: other.id, name: 'x' })
  expect(added.status).toBe(404)
})

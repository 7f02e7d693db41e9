import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

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

const SCRIPT = '<script>alert(1)</script>"\'&'
const LONG = 'x'.repeat(10_000)

describe('sites', () => {
  test('are added, renamed and deleted, and each shows the number of its keys', async () => {
    expect((await administrator.get('/console/sites')).text).toContain('No sites yet')
    const added = await administrator.fill('/console/sites/new', '/console/sites/new', {
      name: 'North Clinic',
    })
    const here = added.location?.split('?')[0] ?? ''
    expect(added.status).toBe(303)
    const siteId = here.split('/').at(-1) ?? ''
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const input = { keyType: 'xenrad', ownerId: owner.id, siteId, name: 'RIS' } as const
    const { key } = unwrap(await server.keys.create(input))
    const { text, html } = await administrator.get('/console/sites')
    expect(text).toContain('North Clinic just now 1')
    expect(html).toContain(`href="/console/keys?site=${siteId}"`)

    const renamed = await administrator.fill(here, `${here}/rename`, { name: 'South Clinic' })
    expect(renamed.location).toBe(`${here}?flash=saved`)
    expect((await administrator.get(here)).text).toContain('South Clinic')

    const question = await administrator.get(`${here}/delete`)
    expect(question.text).toContain('active or revoked, prevent this.')
    expect(question.html).toContain(`href="/console/keys?site=${siteId}"`)
    expect(question.html).not.toContain(`action="${here}/delete"`)
    expect((await administrator.send(`${here}/delete`)).status).toBe(409)
    unwrap(await server.keys.revoke(key.id))
    expect((await administrator.get('/console/sites')).text).toContain('South Clinic just now 0')

    const empty = unwrap(await server.sites.add({ accountId, name: 'Empty' }))
    const gone = `/console/sites/${empty.id}`
    const removed = await administrator.fill(`${gone}/delete`, `${gone}/delete`)
    expect(removed.location).toBe('/console/sites?flash=sites.delete')
    expect((await administrator.get(gone)).status).toBe(404)
  })

  test('renamed by two users: the second sees both names, and may confirm', async () => {
    const { id } = unwrap(await server.sites.add({ accountId, name: 'Before' }))
    const here = `/console/sites/${id}`
    unwrap(await server.sites.rename(id, 'Theirs'))
    const refused = await administrator.send(`${here}/rename`, { seen: 'Before', name: 'Mine' })
    expect(refused.status).toBe(409)
    expect(refused.text).toContain('it is “Theirs” now, and you typed “Mine”')
    expect(refused.html).toContain('name="name" type="text" value="Mine"')
    const insists = await administrator.send(`${here}/rename`, { seen: 'Theirs', name: 'Mine' })
    expect(insists.status).toBe(303)
    expect(unwrap(await server.sites.find(id)).name).toBe('Mine')
  })
})

describe('a developer', () => {
  const addDeveloper = async (name = 'Maker') =>
    unwrap(await server.developers.add({ accountId, name }))

  test('is added, with a developer key of another system or one that is made', async () => {
    const NEW = '/console/developers/new'
    const made = await administrator.fill(NEW, NEW, { name: 'Recall' })
    expect(made.status).toBe(303)
    const typed = { name: 'Kept', developerKey: 'no such key!' }
    const refused = await administrator.fill(NEW, NEW, typed)
    expect(refused.status).toBe(422)
    expect(refused.html).toContain('value="no such key!"')
    const kept = { name: 'Kept', developerKey: 'NFF6i0KrXrxDkZHt' }
    const { location } = await administrator.fill(NEW, NEW, kept)
    const page = await administrator.get(location?.split('?')[0] ?? '')
    expect(page.html).toContain('data-copy="NFF6i0KrXrxDkZHt"')
  })

  test('is removed after a question, while no key ever was its own', async () => {
    const [used, unused] = [await addDeveloper('Used'), await addDeveloper('Unused')]
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const keyType = 'opendental-portal'
    const input = { keyType, ownerId: owner.id, developerId: used.id, name: 'portal' } as const
    unwrap(await server.keys.create(input))
    const [stays, goes] = [used, unused].map(({ id }) => `/console/developers/${id}`)
    expect((await administrator.get(`${goes}`)).html).toContain(`href="${goes}/delete"`)
    const question = await administrator.get(`${stays}/delete`)
    expect(question.text).toContain('active or revoked, prevent this.')
    expect(question.html).not.toContain(`action="${stays}/delete"`)
    expect((await administrator.send(`${stays}/delete`)).status).toBe(409)
    const removed = await administrator.fill(`${goes}/delete`, `${goes}/delete`)
    expect(removed.location).toBe('/console/developers?flash=developers.delete')
    expect((await administrator.get(`${goes}`)).status).toBe(404)
    expect((await administrator.get(`${goes}/delete`)).status).toBe(404)
  })

  test('gets a portal key on the page of new keys, and its page names the key without the secret', async () => {
    const { id } = await addDeveloper()
    const here = `/console/developers/${id}`
    const email = `${crypto.randomUUID()}@acme.example`
    unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const query = `key-type=opendental-portal&account=${accountId}&developer=${id}`
    const newKeyPath = `/console/keys/new?${query}`
    expect((await administrator.get(here)).html).toContain(
      `href="${newKeyPath.replaceAll('&', '&amp;')}"`,
    )
    const typed = { name: 'Portal', owner: email }
    const secretPage = await administrator.fill(newKeyPath, '/console/keys/new', typed)
    expect(secretPage.status).toBe(200)
    const secret = /data-copy="([A-Z0-9]{16})"/.exec(secretPage.html)?.[1] ?? ''
    expect(secret).not.toBe('')
    const [key] = await server.keys.list({ developerId: id, limit: 10 })
    expect(key).toMatchObject({ keyType: 'opendental-portal', name: 'Portal' })
    const { html } = await administrator.get(here)
    expect(html).toContain(`href="/console/keys/${key?.id}/rotate-secret"`)
    expect(html).not.toContain(secret)
  })

  test('has keys of customers, which are assigned to an office, unassigned, disabled, enabled', async () => {
    const { id } = await addDeveloper()
    const site = unwrap(await server.sites.add({ accountId, name: 'Maple Street' }))
    const email = `${crypto.randomUUID()}@acme.example`
    const owner = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const input = {
      keyType: 'opendental',
      ownerId: owner.id,
      developerId: id,
      name: 'Office key',
    } as const
    const { key } = unwrap(await server.keys.create(input))
    const [page, here] = [`/console/developers/${id}`, `/console/keys/${key.id}`]
    const readKey = async () => unwrap(await server.keys.find(key.id))

    expect((await administrator.get(page)).html).toContain(`href="${here}/assign?next=${page}"`)
    const assigned = await administrator.fill(`${here}/assign?next=${page}`, `${here}/assign`, {
      site: site.id,
    })
    expect(assigned.location).toBe(`${page}?flash=keys.assign`)
    expect((await readKey()).siteId).toBe(site.id)
    expect((await administrator.get(page)).text).toContain('Maple Street')
    const late = await administrator.send(`${here}/assign`, { seen: '', site: site.id })
    expect(late.status).toBe(409)
    expect(late.text).toContain('It is assigned to Maple Street')
    for (const [verb, fact] of [
      ['disable', { status: 'disabled', disabledBy: 'operator' }],
      ['enable', { status: 'enabled' }],
      ['unassign', { siteId: null, assignedAt: null }],
    ] as const) {
      const done = await administrator.fill(page, `${here}/${verb}`)
      expect(done.location).toBe(`${page}?flash=keys.${verb}`)
      expect(await readKey()).toMatchObject(fact)
    }
  })
})

test.each([
  ['a site', '/console/sites'],
  ['a developer', '/console/developers'],
])('what is called like a script is %s like any other', async (_, path) => {
  const added = await administrator.fill(`${path}/new`, `${path}/new`, { name: SCRIPT })
  expect(added.status).toBe(303)
  for (const page of [path, added.location ?? '']) {
    const { html, text } = await administrator.get(page)
    expect(html).not.toContain('<script>alert')
    expect(text).toContain(SCRIPT)
  }
})

test.each(['/console/sites', '/console/developers'])(
  'a name of 10,000 characters is refused at %s, and is still in the form',
  async (path) => {
    const refused = await administrator.fill(`${path}/new`, `${path}/new`, { name: LONG })
    expect(refused.status).toBe(422)
    expect(refused.text).toContain('The name must not be longer than 200 characters.')
    expect(refused.html).toContain(`value="${LONG}"`)
  },
)

test('members are offered no change, and are refused one', async () => {
  const site = unwrap(await server.sites.add({ accountId, name: 'Read' }))
  const maker = unwrap(await server.developers.add({ accountId, name: 'Read' }))
  for (const path of ['sites', 'developers', `sites/${site.id}`, `developers/${maker.id}`]) {
    const { status, html } = await member.get(`/console/${path}`)
    expect(status).toBe(200)
    expect(html.match(/action="\/console\/(?!sign-out|theme)[^"]*"/g) ?? []).toEqual([])
    expect(html).not.toContain('/new"')
  }
  for (const path of [
    'sites/new',
    `sites/${site.id}/rename`,
    `sites/${site.id}/delete`,
    'developers/new',
    `developers/${maker.id}/rename`,
    `developers/${maker.id}/delete`,
  ]) {
    expect([path, (await member.send(`/console/${path}`, { name: 'x' })).status]).toEqual([
      path,
      403,
    ])
  }
})

test('nothing of another account is there', async () => {
  const stranger = await seedConsoleClient(server, 'administrator')
  const site = unwrap(await server.sites.add({ accountId, name: 'Secret site' }))
  const maker = unwrap(await server.developers.add({ accountId, name: 'Secret maker' }))
  for (const path of [`sites/${site.id}`, `developers/${maker.id}`]) {
    expect((await stranger.get(`/console/${path}`)).status).toBe(404)
    expect((await stranger.send(`/console/${path}/rename`, { name: 'x' })).status).toBe(404)
  }
  expect((await stranger.get('/console/sites')).text).not.toContain('Secret')
  const smuggled = { accountId, name: 'Smuggled' }
  expect((await stranger.send('/console/sites/new', smuggled)).status).toBe(404)
})

test('a long list is shown 50 a page, each page under 100 kB', async () => {
  const { testUser, get } = await seedConsoleClient(server, 'administrator')
  for (let n = 0; n < 120; n++) {
    const name = `${n} ${'clinic '.repeat(25)}`.slice(0, 200)
    unwrap(await server.sites.add({ accountId: testUser.accountId, name }))
  }
  let path: string | undefined = '/console/sites'
  const rows: number[] = []
  while (path !== undefined) {
    const { html } = await get(path)
    expect(html.length).toBeLessThan(100_000)
    rows.push(html.match(/<th scope="row">/g)?.length ?? 0)
    path = /href="([^"]+)" rel="next"/.exec(html)?.[1]
  }
  expect(rows).toEqual([50, 50, 20])
})

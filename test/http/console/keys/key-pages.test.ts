import { describe, expect, test } from 'vitest'
import { seedConsoleClient } from '../../../support/console-client.ts'
import { unwrap } from '../../../support/server.ts'
import {
  createKey,
  engineer,
  KEYS,
  openCreateForm,
  SCRIPT,
  server,
  useKeyPages,
} from './fixture.ts'

useKeyPages()

test('the page of a key shows 30 days of use as a chart and as a table', async () => {
  const { key } = await createKey('xdent')
  const day = Math.floor(server.clock() / 86_400_000)
  await server.storage.addKeyUses([
    { keyId: key.id, day, uses: 5, lastAt: server.clock() },
    { keyId: key.id, day: day - 40, uses: 7, lastAt: server.clock() - 1 },
    { keyId: key.id, day: day - 29, uses: 1200, lastAt: server.clock() - 1 },
  ])
  const page = await engineer.get(`${KEYS}/${key.id}`)
  expect(page.html).toContain('aria-label="1,205 uses in 30 days, 1,200 on the busiest day"')
  expect(page.text).toContain('2026-01-02 5 2025-12-04 1,200')
})

test('a script in any field of a key is escaped on every page', async () => {
  const { key } = await createKey('practice', SCRIPT)
  unwrap(await server.keys.edit(key.id, { description: SCRIPT, reference: SCRIPT }))
  const path = `${KEYS}/${key.id}`
  const pages = [path, `${path}/edit`, `${path}/rotate-secret`, `${path}/revoke`, `${path}/delete`]
  const query = encodeURIComponent(SCRIPT)
  const typed = ['q', 'key-type', 'status', 'site', 'owner', 'care', 'sort', 'after', 'said']
  const lists = typed.map((name) => `${KEYS}?${name}=${query}`)
  for (const one of [...pages, ...lists, KEYS, `${KEYS}/new?key-type=${query}`]) {
    const { status, html } = await engineer.get(one)
    expect([one, status]).toEqual([one, one.includes('after=') ? 422 : 200])
    expect(html).not.toContain(SCRIPT)
  }
})

describe('the pages of keys', () => {
  test('offer members no change and refuse the changes that they attempt', async () => {
    const member = await seedConsoleClient(server, 'member', engineer.testUser.accountId)
    const { key } = await createKey('practice')
    const path = `${KEYS}/${key.id}`
    const page = await member.get(path)
    expect(page.status).toBe(200)
    for (const verb of ['view-secret', 'edit', 'rotate-secret', 'disable', 'revoke', 'delete']) {
      expect(page.html).not.toContain(`${path}/${verb}`)
    }
    expect((await member.get(KEYS)).text).not.toContain('Create key')
    for (const screen of [
      `${KEYS}/new`,
      `${path}/edit`,
      `${path}/rotate-secret`,
      `${path}/revoke`,
    ]) {
      expect((await member.get(screen)).status).toBe(403)
    }
    for (const verb of [
      'view-secret',
      'edit',
      'rotate-secret',
      'disable',
      'enable',
      'revoke',
      'delete',
      'assign',
    ]) {
      expect((await member.send(`${path}/${verb}`, { name: key.name })).status).toBe(403)
    }
    expect((await member.send(`${KEYS}/new`, await openCreateForm('xdent'))).status).toBe(403)
    expect(unwrap(await server.keys.find(key.id)).status).toBe('enabled')
  })

  test('do not find a key of another account', async () => {
    const stranger = await seedConsoleClient(server, 'administrator')
    const { key } = await createKey('practice', 'Only ours')
    const path = `${KEYS}/${key.id}`
    for (const page of [path, `${path}/edit`, `${path}/rotate-secret`, `${path}/revoke`]) {
      expect((await stranger.get(page)).status).toBe(404)
    }
    for (const verb of ['view-secret', 'disable', 'revoke', 'delete']) {
      expect((await stranger.send(`${path}/${verb}`, { name: 'Only ours' })).status).toBe(404)
    }
    expect((await stranger.get(`${KEYS}?q=Only`)).text).not.toContain('Only ours')
  })
})

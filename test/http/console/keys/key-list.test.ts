import { beforeAll, describe, expect, test } from 'vitest'
import { seedConsoleClient, signInToConsole } from '../../../support/console-client.ts'
import { unwrap } from '../../../support/server.ts'
import { KEYS, server, useKeyPages } from './fixture.ts'

useKeyPages()

describe('the list of keys', () => {
  /** Returns the names of the listed keys in order. */
  const readKeyNames = ({ html }: { html: string }) =>
    [...html.matchAll(/<th scope="row"><a href="[^"]*">([^<]*)/g)].map(([, name]) => name)

  test('shows what to do while it is empty', async () => {
    const lonely = await seedConsoleClient(server, 'administrator')
    const page = await lonely.get(KEYS)
    expect(page.text).toContain('No keys yet')
    expect(page.html).toContain(`href="${KEYS}/new"`)
    expect((await lonely.get(`${KEYS}?q=x`)).text).toContain('No matching keys')
  })

  describe('of an account', () => {
    let owner: Awaited<ReturnType<typeof seedConsoleClient>>
    let other: string
    const DAY = 86_400_000
    beforeAll(async () => {
      owner = await seedConsoleClient(server, 'administrator')
      const { accountId } = owner.testUser
      const site = unwrap(await server.sites.add({ accountId, name: 'Harbor' }))
      const email = `leaver-${crypto.randomUUID()}@acme.example`
      const user = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
      other = email
      const addKey = async (name: string, more: object = {}) =>
        unwrap(
          await server.keys.create({
            keyType: 'xdent',
            ownerId: owner.testUser.user.id,
            name,
            ...more,
          }),
        )
      await addKey('a site', { keyType: 'xenrad', siteId: site.id })
      const { key } = await addKey('c disabled')
      unwrap(await server.keys.disable(key.id))
      await addKey('b ends soon', { expiresAt: server.clock() + DAY })
      await addKey('d of another', { ownerId: user.id })
      const at = server.clock() + 91 * DAY
      const used = (await addKey('e used')).key.id
      await server.storage.addKeyUses([
        { keyId: used, day: Math.floor(at / DAY), uses: 3, lastAt: at },
      ])
    })

    test.each<[string, string[]]>([
      ['sort=name', ['a site', 'b ends soon', 'c disabled', 'd of another', 'e used']],
      ['', ['e used', 'd of another', 'b ends soon', 'c disabled', 'a site']],
      ['sort=oldest', ['a site', 'c disabled', 'b ends soon', 'd of another', 'e used']],
      ['q=DISABL', ['c disabled']],
      ['key-type=xenrad', ['a site']],
      ['status=disabled', ['c disabled']],
      ['attention=expiring', ['b ends soon']],
      ['owner=nobody', []],
    ])('is filtered and sorted by “%s”', async (query, names) => {
      expect(readKeyNames(await owner.get(`${KEYS}?${query}`))).toEqual(names)
    })

    test('is filtered by the owner’s name and by site', async () => {
      expect(readKeyNames(await owner.get(`${KEYS}?owner=${other}`))).toEqual(['d of another'])
      const sites = await owner.get(KEYS)
      const site = /<option value="([^"]+)">Harbor/.exec(sites.html)?.[1]
      expect(readKeyNames(await owner.get(`${KEYS}?site=${site}`))).toEqual(['a site'])
    })

    test('is filtered by 90 days without use', async () => {
      const now = server.clock()
      try {
        server.clock.advance(91 * DAY)
        const repeat = await signInToConsole(server, owner.testUser)
        const page = await repeat.get(`${KEYS}?attention=unused&sort=name`)
        expect(readKeyNames(page)).toEqual(['a site', 'b ends soon', 'c disabled', 'd of another'])
        expect((await repeat.get(`${KEYS}?q=used`)).html).toContain(
          'aria-label="3 uses in 30 days"',
        )
      } finally {
        server.clock.set(now)
      }
    })
  })

  test('has pages of 50 keys, each below 100 kB', async () => {
    const many = await seedConsoleClient(server, 'administrator')
    const day = Math.floor(server.clock() / 86_400_000)
    for (let n = 0; n < 60; n++) {
      const name = `${'long name '.repeat(15)}${n}`
      const createInput = { keyType: 'xdent', ownerId: many.testUser.user.id, name } as const
      const { key } = unwrap(await server.keys.create(createInput))
      const uses = Array.from({ length: 30 }, (_, d) => ({
        keyId: key.id,
        day: day - d,
        uses: (d * 7919 * n) % 997,
        lastAt: 1,
      }))
      await server.storage.addKeyUses(uses)
    }
    const first = await many.get(`${KEYS}?sort=name`)
    expect(first.text).toContain('60 keys, by name')
    expect(readKeyNames(first)).toHaveLength(50)
    expect(first.html.length).toBeLessThan(100_000)
    const next = /href="([^"]*)" rel="next"/.exec(first.html)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const second = await many.get(next)
    expect(readKeyNames(second)).toHaveLength(10)
    expect(second.html).not.toContain('rel="next"')
    expect(new Set([...readKeyNames(first), ...readKeyNames(second)]).size).toBe(60)
  })
})

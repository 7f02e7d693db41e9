import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatCredential } from '../../../src/domain/credential-format.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES, type KeyType } from '../../../src/domain/key-type.ts'
import { seedConsoleClient, signInToConsole } from '../../support/console-client.ts'
import { SECRET_CLIENT } from '../../support/oauth.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

const KEYS = '/console/keys'
const SCRIPT = '<script>alert(1)</script>'
const LONG = 'x'.repeat(10_000)

let server: TestServer
let engineer: Awaited<ReturnType<typeof seedConsoleClient>>
let keyOwners: { siteId: string; sourceId: string; developerId: string; developerKey: string }
beforeAll(async () => {
  server = await createTestServer()
  engineer = await seedConsoleClient(server, 'engineer')
  const { accountId } = engineer.testUser
  const site = unwrap(await server.sites.add({ accountId, name: 'Harbor' }))
  const source = unwrap(await server.sources.add({ accountId, name: 'Nightly' }))
  const developer = unwrap(await server.developers.add({ accountId, name: 'Maker' }))
  keyOwners = {
    siteId: site.id,
    sourceId: source.id,
    developerId: developer.id,
    developerKey: developer.developerKey,
  }
})
afterAll(() => server.close())

const CLIENT_FIELDS = { authenticationMethod: 'client_secret_post', scopes: 'fhir:production' }

/** The fields that a user types for a key of this type; the form has the others. */
async function createKeyFields(keyType: KeyType, name = `${keyType} key`) {
  const { accountId } = engineer.testUser
  const { belongsTo } = getKeyTypeTraits(keyType)
  const source = async () => unwrap(await server.sources.add({ accountId, name: 'Another' })).id
  const where =
    belongsTo === 'source'
      ? { source: await source() }
      : belongsTo === 'site'
        ? { site: keyOwners.siteId }
        : belongsTo === 'developer'
          ? { developer: keyOwners.developerId }
          : {}
  const client = keyType === 'oauth' ? CLIENT_FIELDS : {}
  return { 'key-type': keyType, name, ...where, ...client }
}

/** Fills in the form that the page shows for this key type. */
async function openCreateForm(
  keyType: KeyType,
  name?: string,
  who = engineer,
): Promise<Record<string, string> & { id: string }> {
  const createInput = await createKeyFields(keyType, name)
  const form = await who.get(`${KEYS}/new?key-type=${keyType}`)
  expect(form.status).toBe(200)
  const brought = Object.fromEntries(
    ['id', 'account', 'owner', 'access', 'expires'].map((name) => [
      name,
      form.getFieldValue(name) ?? '',
    ]),
  )
  return { id: '', ...brought, ...(createInput as Record<string, string>) }
}

async function createKey<Type extends KeyType>(keyType: Type, name = `${keyType} key`) {
  const { source, site, developer } = (await createKeyFields(keyType)) as Record<string, string>
  return unwrap(
    await server.keys.create({
      keyType,
      ownerId: engineer.testUser.user.id,
      name,
      sourceId: source,
      siteId: site,
      developerId: developer,
      ...(keyType === 'oauth' && { oauthClient: SECRET_CLIENT }),
    }),
  )
}

const field = (name: string, value: string) => ({ [name]: value })

describe('the form of a new key', () => {
  test('asks for the key type first and describes each', async () => {
    const { status, html, text } = await engineer.get(`${KEYS}/new`)
    expect(status).toBe(200)
    for (const keyType of KEY_TYPE_NAMES) expect(html).toContain(`value="${keyType}"`)
    expect(text).toContain('For FHIR, HL7 and MPPS of one site')
  })

  test.each(KEY_TYPE_NAMES)('has the fields of %s and leads to the secret', async (keyType) => {
    const fields = await openCreateForm(keyType)
    const form = await engineer.get(`${KEYS}/new?key-type=${keyType}`)
    const { belongsTo } = getKeyTypeTraits(keyType)
    for (const kind of ['source', 'site', 'developer']) {
      expect(form.getFieldValue(kind) !== undefined, kind).toBe(kind === belongsTo)
    }
    expect(fields.owner).toBe(engineer.testUser.user.email)

    const first = await engineer.send(`${KEYS}/new`, fields)
    expect(first.status).toBe(200)
    expect(first.headers.get('cache-control')).toBe('no-store')
    const key = unwrap(await server.keys.find(fields.id))
    expect(key).toMatchObject({
      keyType,
      name: `${keyType} key`,
      ownerId: engineer.testUser.user.id,
    })
    const secret = /data-copy="((?:lk_[\w-]{49})|[A-Z0-9]{16})" aria-label="Copy secret"/.exec(
      first.html,
    )?.[1]
    expect(await server.storage.findKeySummary(key.id)).toMatchObject({ status: 'enabled' })
    expect(secret).toBeDefined()
    expect(first.text).toContain('I have stored the secret where its program reads it')
    const { username } = engineer.testUser
    const { publicId } = key
    const parts = {
      publicId,
      secret: secret ?? '',
      authenticationMethod: null,
      developerKey: keyOwners.developerKey,
      username,
    }
    expect(first.text).toContain(formatCredential(keyType, parts).value)

    const repeat = await engineer.send(`${KEYS}/new`, fields)
    expect(repeat.status).toBe(409)
    expect(repeat.text).toContain('This key already exists')
    expect(repeat.html).not.toContain(secret)
    const shown = await engineer.get(`${KEYS}/${key.id}`)
    expect(shown.html).not.toContain(secret)
    const all = await server.keys.search({
      ownerId: key.ownerId,
      text: key.publicId,
      order: 'newest',
      limit: 9,
    })
    expect(all.keys).toHaveLength(1)
  })

  test('says what is wrong and keeps what was typed', async () => {
    const fields = await openCreateForm('xdent', LONG)
    const typed = { ...fields, description: SCRIPT, expires: '2030-01-31', access: 'read' }
    const answer = await engineer.send(`${KEYS}/new`, typed)
    expect(answer.status).toBe(422)
    expect(answer.text).toContain('The name must not be longer than 200 characters.')
    for (const name of ['id', 'name', 'description', 'expires', 'access', 'owner']) {
      expect(answer.getFieldValue(name), name).toBe((typed as Record<string, string>)[name])
    }
    expect(answer.html).not.toContain(SCRIPT)
    expect((await server.keys.find(fields.id)).ok).toBe(false)
  })

  test.each([
    ['nobody@nowhere.example', 'No user of this account is called “nobody@nowhere.example”'],
    ['', 'A key needs an owner'],
  ])('rejects the owner “%s”', async (owner, words) => {
    const answer = await engineer.send(`${KEYS}/new`, { ...(await openCreateForm('xdent')), owner })
    expect([answer.status, answer.getFieldValue('owner')]).toEqual([422, owner])
    expect(answer.text).toContain(words)
    // The message also stands at the field, which has the focus.
    expect(answer.html).toMatch(/<input id="owner"[^>]* autofocus[^>]* aria-invalid="true"/)
    expect(answer.html.match(/ autofocus/g)).toHaveLength(1)
  })

  test('offers a list of owners without a script', async () => {
    const { accountId } = engineer.testUser
    const email = 'chosen@acme.example'
    const other = unwrap(await server.users.add({ accountId, email, role: 'engineer' }))
    const form = await engineer.get(`${KEYS}/new?key-type=xdent`)
    const list = /<noscript>([\s\S]*?)<\/noscript>/.exec(form.html)?.[1]
    expect(list).toContain(`<option value="${email}">`)
    const fields = { ...(await openCreateForm('xdent')), 'owner-chosen': email }
    expect((await engineer.send(`${KEYS}/new`, fields)).status).toBe(200)
    expect(unwrap(await server.keys.find(fields.id)).ownerId).toBe(other.id)
  })

  test('suggests only owners who can hold a key', async () => {
    const { accountId } = engineer.testUser
    await server.users.add({ accountId, email: 'suggest-m@acme.example', role: 'member' })
    await server.users.add({ accountId, email: 'suggest-e@acme.example', role: 'engineer' })
    const found = await engineer.get(`${KEYS}/owners?account=${accountId}&named=&q=SUGGEST`)
    expect(JSON.parse(found.html)).toEqual([
      { value: 'suggest-e@acme.example', text: 'suggest-e@acme.example (engineer)' },
    ])
    const named = await engineer.get(`${KEYS}/owners?account=${accountId}&named=yes&q=SUGGEST`)
    expect(JSON.parse(named.html)).toEqual([])
  })

  test('imports a secret and never shows it on a page', async () => {
    const imported = 'from-another-system-1'
    const fields = { ...(await openCreateForm('xdent')), 'public-id': 'KID-1', secret: imported }
    const wrong = await engineer.send(`${KEYS}/new`, { ...fields, name: '' })
    expect(wrong.status).toBe(422)
    expect(wrong.html).not.toContain(imported)
    const answer = await engineer.send(`${KEYS}/new`, fields)
    expect([answer.status, answer.location]).toEqual([
      303,
      `${KEYS}/${fields.id}?flash=keys.create`,
    ])
    expect(unwrap(await server.keys.find('KID-1')).id).toBe(fields.id)
  })

  test('says which source, site or developer to create first', async () => {
    const lonely = await seedConsoleClient(server, 'administrator')
    for (const [keyType, words] of [
      ['redox', 'This account has no source yet'],
      ['xenrad', 'This account has no site yet'],
      ['opendental', 'This account has no developer yet'],
    ]) {
      expect((await lonely.get(`${KEYS}/new?key-type=${keyType}`)).text).toContain(words)
    }
  })

  test('asks an operator who sees every account for one', async () => {
    const operator = await seedConsoleClient(server, 'operator')
    const choosing = await operator.get(`${KEYS}/new?key-type=xdent`)
    expect(choosing.text).toContain('Key type')
    expect(choosing.html).toContain(`<option value="${engineer.testUser.accountId}">`)
    const form = await operator.get(
      `${KEYS}/new?key-type=xdent&account=${engineer.testUser.accountId}`,
    )
    expect(form.html).toContain(engineer.testUser.user.email)
    expect(form.getFieldValue('account')).toBe(engineer.testUser.accountId)
  })

  test('uses the account that an operator has selected', async () => {
    const operator = await seedConsoleClient(server, 'operator')
    const { accountId, user } = engineer.testUser
    await operator.send('/console/account', { account: accountId, next: `${KEYS}/new` })
    expect((await operator.get(`${KEYS}/new`)).html).not.toContain('<select id="account"')
    const begun = await openCreateForm('xdent', 'Recall reminders', operator)
    expect(begun).toMatchObject({ account: accountId })
    const created = await operator.send(`${KEYS}/new`, { ...begun, owner: user.email })
    expect(created.text).toContain('The secret of Recall reminders')
    expect(await server.keys.find(begun.id)).toMatchObject({ ok: true, value: { accountId } })
    const { text } = await operator.get(`${KEYS}/${begun.id}`)
    expect(text).toContain(`By ${operator.testUser.user.username}.`)
  })
})

describe('the secret of a key', () => {
  test.each(['opendental', 'practice'] as const)(
    'can be viewed where its type is %s, and each view is audited',
    async (keyType) => {
      const { key, secret } = await createKey(keyType)
      const page = await engineer.get(`${KEYS}/${key.id}`)
      expect(page.text).toContain('View secret')
      expect(page.html).not.toContain(secret)
      const viewed = await engineer.send(`${KEYS}/${key.id}/view-secret`)
      expect([viewed.status, viewed.headers.get('cache-control')]).toEqual([200, 'no-store'])
      expect(viewed.text).toContain(secret)
      expect(viewed.text).not.toContain('I have stored the secret')
      if (keyType === 'practice')
        expect(viewed.text).toContain(`${engineer.testUser.username}:${secret}`)
      const [event] = await server.storage.listEvents({ subject: key.id, limit: 1 })
      expect(event).toMatchObject({ action: 'key.viewed', actor: engineer.testUser.user.id })
      expect((await engineer.get(`${KEYS}/${key.id}`)).text).toContain(
        `The secret was viewed. By ${engineer.testUser.username}`,
      )
    },
  )

  test('cannot be viewed where its type shows it once', async () => {
    const { key } = await createKey('xdent')
    expect((await engineer.get(`${KEYS}/${key.id}`)).text).not.toContain('View secret')
    const answer = await engineer.send(`${KEYS}/${key.id}/view-secret`)
    expect(answer.status).toBe(409)
    expect(answer.text).toContain('is shown once: rotate it')
  })

  test('is rotated once with an overlap, even if the form is sent twice', async () => {
    const { key, secret: old } = await createKey('xdent')
    const form = await engineer.get(`${KEYS}/${key.id}/rotate-secret`)
    expect(form.html).toContain('Between the two, both work.')
    const fields = { seen: form.getFieldValue('seen') ?? '', overlap: '24h' }
    const rotated = await engineer.send(`${KEYS}/${key.id}/rotate-secret`, fields)
    expect(rotated.status).toBe(200)
    const secret = /data-copy="(lk_[\w-]{49})"/.exec(rotated.html)?.[1] ?? ''
    expect(secret).not.toBe('')
    expect(rotated.text).toContain('The old secret stays valid until 2026-01-03 03:04:05 UTC.')

    const repeat = await engineer.send(`${KEYS}/${key.id}/rotate-secret`, fields)
    expect(repeat.status).toBe(409)
    expect(repeat.text).toContain('The key has changed since you opened the form')
    expect(repeat.html).not.toContain(secret)
    for (const works of [old, secret]) {
      const headers = { 'X-Api-Key': `${key.publicId}.${works}` }
      expect((await server.call('/api/v1/Identity', { method: 'GET', headers })).status).toBe(200)
    }
    const page = await engineer.get(`${KEYS}/${key.id}`)
    expect(page.text).toContain('Two secrets are valid until 2026-01-03 03:04:05 UTC')
    expect(page.html).toContain('aria-label="The old secret works until 2026-01-03 03:04')
  })

  test('is rotated without an overlap', async () => {
    const { key } = await createKey('redox')
    const form = await engineer.get(`${KEYS}/${key.id}/rotate-secret`)
    expect(form.html).toContain('Tokens issued before end with the old secret.')
    const fields = { seen: form.getFieldValue('seen') ?? '', overlap: 'none' }
    const rotated = await engineer.send(`${KEYS}/${key.id}/rotate-secret`, fields)
    expect(rotated.text).toContain('The old secret has ended.')
    expect(unwrap(await server.keys.find(key.id)).previousSecretEndsAt).toBeNull()
    const none = await engineer.send(
      `${KEYS}/${key.id}/rotate-secret`,
      field('overlap', 'for ever'),
    )
    expect(none.status).toBe(422)
  })
})

describe('editing a key', () => {
  test('leaves unchanged fields as they are', async () => {
    const { key } = await createKey('xdent')
    const expiresAt = server.clock() + 90_000_000
    unwrap(await server.keys.edit(key.id, { expiresAt }))
    const form = await engineer.get(`${KEYS}/${key.id}/edit`)
    const fields = Object.fromEntries(
      ['seen', 'name', 'description', 'reference', 'owner', 'access', 'expires'].map((name) => [
        name,
        form.getFieldValue(name) ?? '',
      ]),
    )
    const edited = await engineer.send(`${KEYS}/${key.id}/edit`, { ...fields, name: 'night job' })
    expect([edited.status, edited.location]).toEqual([303, `${KEYS}/${key.id}?flash=keys.edit`])
    expect(unwrap(await server.keys.find(key.id))).toMatchObject({
      name: 'night job',
      description: '',
      access: 'standard',
      expiresAt,
      ownerId: engineer.testUser.user.id,
    })
  })

  test('shows the second of two editors both versions and keeps what they typed', async () => {
    const { key } = await createKey('xdent', 'before')
    const administrator = await seedConsoleClient(
      server,
      'administrator',
      engineer.testUser.accountId,
    )
    const form = await engineer.get(`${KEYS}/${key.id}/edit`)
    const seen = form.getFieldValue('seen') ?? ''
    const common = { seen, owner: engineer.testUser.user.email, access: 'standard' }
    const first = { ...common, name: 'hers', description: 'of the first' }
    expect((await administrator.send(`${KEYS}/${key.id}/edit`, first)).status).toBe(303)

    const second = { ...common, name: 'theirs', description: 'of the second' }
    const conflictPage = await engineer.send(`${KEYS}/${key.id}/edit`, second)
    expect(conflictPage.status).toBe(409)
    expect(conflictPage.text).toContain(
      'Someone else changed this key while you were editing it The key was changed: name is now “hers”',
    )
    expect(conflictPage.text).toContain('Name hers theirs')
    expect(conflictPage.text).toContain('Description of the first of the second')
    expect(conflictPage.getFieldValue('name')).toBe('theirs')
    expect(unwrap(await server.keys.find(key.id)).name).toBe('hers')

    const now = conflictPage.getFieldValue('seen') ?? ''
    expect(now).not.toBe(seen)
    const over = await engineer.send(`${KEYS}/${key.id}/edit`, { ...second, seen: now })
    expect(over.status).toBe(303)
    expect(unwrap(await server.keys.find(key.id)).name).toBe('theirs')
  })

  test('rejects an invalid day and keeps it in the form', async () => {
    const { key } = await createKey('xdent')
    const { eventId: seen } = key
    const fields = { seen, name: 'n', owner: engineer.testUser.user.email, expires: 'soon' }
    const answer = await engineer.send(`${KEYS}/${key.id}/edit`, fields)
    expect([answer.status, answer.getFieldValue('expires')]).toEqual([422, 'soon'])
    expect(answer.text).toContain('"soon" is not a date: write it as 2027-01-31')
  })

  test('keeps an owner who has left', async () => {
    const { testUser } = await seedConsoleClient(server, 'engineer', engineer.testUser.accountId)
    const createInput = { keyType: 'xdent', ownerId: testUser.user.id, name: 'orphan' } as const
    const { key } = unwrap(await server.keys.create(createInput))
    unwrap(await server.users.deactivate(testUser.user.id))
    expect((await engineer.get(`${KEYS}/${key.id}`)).text).toContain('The owner is deactivated')
    const form = await engineer.get(`${KEYS}/${key.id}/edit`)
    const fields = {
      seen: form.getFieldValue('seen') ?? '',
      owner: form.getFieldValue('owner') ?? '',
    }
    const edited = await engineer.send(`${KEYS}/${key.id}/edit`, { ...fields, name: 'kept' })
    expect(edited.status).toBe(303)
  })
})

describe('stopping a key', () => {
  const requestIdentity = ({ key, secret }: { key: { publicId: string }; secret: string }) =>
    server.call('/api/v1/Identity', {
      method: 'GET',
      headers: { 'X-Api-Key': `${key.publicId}.${secret}` },
    })

  test('refuses the next request once disabled and accepts it once enabled', async () => {
    const one = await createKey('xdent')
    const path = `${KEYS}/${one.key.id}`
    expect((await engineer.send(`${path}/disable`)).location).toBe(`${path}?flash=keys.disable`)
    expect((await requestIdentity(one)).status).toBe(401)
    expect((await engineer.get(path)).text).toContain('Disabled by an operator')
    expect((await engineer.send(`${path}/enable`)).location).toBe(`${path}?flash=keys.enable`)
    expect((await requestIdentity(one)).status).toBe(200)
  })

  test('leaves enabling to the party that disabled the key', async () => {
    const { key } = await createKey('opendental')
    unwrap(await server.keys.disable(key.id, 'customer'))
    const answer = await engineer.send(`${KEYS}/${key.id}/enable`)
    expect(answer.status).toBe(409)
    expect(answer.text).toContain('was disabled by its customer: only they can enable it')
  })

  test('revokes the key for good once its name is typed', async () => {
    const one = await createKey('xdent', 'old exporter')
    const path = `${KEYS}/${one.key.id}`
    const wrong = await engineer.send(`${path}/revoke`, { name: 'Old exporter' })
    expect([wrong.status, wrong.getFieldValue('name')]).toEqual([422, 'Old exporter'])
    expect((await requestIdentity(one)).status).toBe(200)
    const answer = await engineer.send(`${path}/revoke`, { name: 'old exporter' })
    expect([answer.status, answer.location]).toEqual([303, `${path}?flash=keys.revoke`])
    expect((await requestIdentity(one)).status).toBe(401)
    const page = await engineer.get(path)
    for (const gone of ['Rotate secret', 'Edit key', 'Disable key', 'Revoke key', 'Code samples']) {
      expect(page.text).not.toContain(` ${gone} `)
    }
    expect((await engineer.send(`${path}/enable`)).status).toBe(409)
  })

  test('deletes keys of the types that support it only', async () => {
    const one = await createKey('xdent', 'to go')
    const gone = await engineer.send(`${KEYS}/${one.key.id}/delete`, { name: 'to go' })
    expect([gone.status, gone.location]).toEqual([303, `${KEYS}?flash=keys.delete`])
    expect((await engineer.get(`${KEYS}/${one.key.id}`)).status).toBe(404)
    const stays = await createKey('xenrad', 'to stay')
    expect((await engineer.get(`${KEYS}/${stays.key.id}`)).html).not.toContain('/delete')
    const answer = await engineer.send(`${KEYS}/${stays.key.id}/delete`, { name: 'to stay' })
    expect(answer.status).toBe(409)
  })

  test('assigns the key to a site and unassigns it', async () => {
    const { key } = await createKey('opendental')
    const path = `${KEYS}/${key.id}`
    expect((await engineer.get(path)).text).toContain('This key is not assigned to a site')
    const assigned = await engineer.send(`${path}/assign`, { site: keyOwners.siteId })
    expect(assigned.location).toBe(`${path}?flash=keys.assign`)
    expect((await engineer.get(path)).text).toContain('Site Harbor')
    expect((await engineer.send(`${path}/unassign`)).location).toBe(`${path}?flash=keys.unassign`)
    expect(unwrap(await server.keys.find(key.id)).assignedAt).toBeNull()
    expect(
      (await engineer.send(`${path}/assign`, { site: 'none', seen: keyOwners.siteId })).status,
    ).toBe(404)
  })
})

describe('the list of keys', () => {
  /** Returns the names of the listed keys in order. */
  const readKeyNames = ({ html }: { html: string }) =>
    [...html.matchAll(/<th scope="row"><a href="[^"]*">([^<]*)/g)].map(([, name]) => name)

  test('says what to do while it is empty', async () => {
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

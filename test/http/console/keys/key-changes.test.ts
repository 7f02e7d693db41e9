import { describe, expect, test } from 'vitest'
import { seedConsoleClient } from '../../../support/console-client.ts'
import { unwrap } from '../../../support/server.ts'
import { createKey, engineer, field, KEYS, keyOwners, server, useKeyPages } from './fixture.ts'

useKeyPages()

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

  test('keeps a deactivated owner', async () => {
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

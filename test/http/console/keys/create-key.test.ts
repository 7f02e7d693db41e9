import { describe, expect, test } from 'vitest'
import { formatCredential } from '../../../../src/domain/credential-format.ts'
import { getKeyTypeTraits, KEY_TYPE_NAMES } from '../../../../src/domain/key-type.ts'
import { seedConsoleClient } from '../../../support/console-client.ts'
import { unwrap } from '../../../support/server.ts'
import {
  engineer,
  KEYS,
  keyOwners,
  LONG,
  openCreateForm,
  SCRIPT,
  server,
  useKeyPages,
} from './fixture.ts'

useKeyPages()

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

  test('shows the problem and keeps the input', async () => {
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

  test('shows at its field what only the service knows to be wrong', async () => {
    const form = { ...(await openCreateForm('xdent')), expires: '2020-01-31' }
    const answer = await engineer.send(`${KEYS}/new`, form)
    expect(answer.status).toBe(422)
    expect(answer.html).toMatch(/<input id="expires"[^>]* aria-invalid="true"/)
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

  test('suggests only owners who can own a key', async () => {
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

  test('names the source, site or developer to create first', async () => {
    const lonely = await seedConsoleClient(server, 'administrator')
    for (const [keyType, words] of [
      ['redox', 'This account has no source yet'],
      ['xenrad', 'This account has no site yet'],
      ['opendental', 'This account has no developer yet'],
    ]) {
      expect((await lonely.get(`${KEYS}/new?key-type=${keyType}`)).text).toContain(words)
    }
  })

  test('asks an operator without a selected account for one', async () => {
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

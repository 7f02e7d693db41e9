import { join } from 'node:path'
import Database from 'better-sqlite3'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { seedAdminClient } from '../../support/admin-client.ts'
import { type ConsoleClient, seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer, unwrap } from '../../support/server.ts'

const SCRIPT = '<script>alert(1)</script>"\'&'

let server: TestServer
let operator: ConsoleClient
let administrator: ConsoleClient
let member: ConsoleClient
let other: ConsoleClient
let accountId: string
let keyId: string
let publicId: string
let username: string
beforeAll(async () => {
  server = await createTestServer()
  operator = await seedConsoleClient(server, 'operator')
  other = await seedConsoleClient(server, 'administrator')
  const first = await seedConsoleClient(server, 'administrator')
  administrator = first
  accountId = first.testUser.accountId
  username = first.testUser.username
  member = await seedConsoleClient(server, 'member', accountId)
  const services = server.servicesFor({
    actor: first.testUser.user.id,
    role: 'administrator',
    accountId,
  })
  const owned = { keyType: 'xdent', ownerId: first.testUser.user.id, name: SCRIPT } as const
  const made = unwrap(await services.keys.create(owned))
  keyId = made.key.id
  publicId = made.key.publicId
  unwrap(await services.keys.disable(keyId))
  await server.call('/api/v1/patients', {
    method: 'GET',
    headers: { 'X-Api-Key': `${publicId}.${made.secret}` },
  })
  await server.flushAuditEvents()
  await server.sealAudit()
})
afterAll(() => server.close())

describe('the audit', () => {
  test('describes each event with the names of its actor and subject', async () => {
    const { status, text, html } = await member.get('/console/audit')
    expect(status).toBe(200)
    expect(text).toContain(`Key created The key was created for ${username}.`)
    expect(text).toContain('! Key disabled')
    expect(text).toContain('Key refused The key is disabled.')
    expect(html).toContain(`href="/console/keys/${keyId}"`)
    expect(html).not.toContain('<script>alert')
    expect(html.length).toBeLessThan(100_000)
  })

  test('is filtered by actor, action, subject and day, and keeps the filter', async () => {
    const listAuditPage = async (query: string) =>
      (await member.get(`/console/audit?${query}`)).text
    expect(await listAuditPage('what=key.disabled')).not.toContain('The key was created')
    expect(await listAuditPage('what=key.')).toContain('Key created')
    expect(await listAuditPage('what=key.')).not.toContain('The user signed in.')
    expect(await listAuditPage(`who=${username.toUpperCase()}&what=key.`)).toContain('Key disabled')
    const concerning = await listAuditPage(`subject=${publicId}`)
    expect(concerning).toContain('Key refused The key is disabled.')
    expect(concerning).toContain(`Events about ${SCRIPT}, newest first`)
    expect(await listAuditPage(`who=${username}`)).toContain(`Events by ${username}, newest first`)
    const today = new Date(server.clock()).toISOString().slice(0, 10)
    expect(await listAuditPage(`since=${today}&until=${today}`)).toContain('Key created')
    expect(await listAuditPage(`until=2020-01-01`)).toContain('No matching events')
    for (const query of ['who=nobody-at-all', 'since=soon']) {
      const { status, text, html } = await member.get(`/console/audit?${query}`)
      expect(status).toBe(422)
      expect(text).toContain('Nothing was changed')
      expect(html).toContain(`value="${query.split('=')[1]}"`)
    }
    const long = await member.get(`/console/audit?subject=${'x'.repeat(10_000)}`)
    expect(long.status).toBe(422)
  })

  test('keeps its filters from page to page', async () => {
    const addSite = async (n: number) =>
      unwrap(await server.sites.add({ accountId, name: `Site ${n}` }))
    for (let n = 0; n < 60; n++) await addSite(n)
    const first = await member.get('/console/audit?what=site.created')
    expect(first.text).toContain('50 events')
    const next = /href="(\/console\/audit\?[^"]*after=[^"]+)"/.exec(first.html)?.[1] ?? ''
    const second = await member.get(next.replaceAll('&amp;', '&'))
    expect(second.text).toContain('10 events')
    expect(next).toContain('what=site.created')
  })

  test('shows nothing of another account, neither by name nor by id', async () => {
    expect((await other.get('/console/audit')).text).not.toContain('The key was created')
    expect((await other.get(`/console/audit?subject=${keyId}`)).text).toContain(
      'No matching events',
    )
    expect((await other.get(`/console/audit?subject=${publicId}`)).text).toContain(
      'No matching events',
    )
    expect((await other.get(`/console/audit?who=${username}`)).status).toBe(422)
  })
})

describe('the audit chain', () => {
  test('is verified and exported by operators only', async () => {
    for (const [path, words] of [
      ['/console/audit/verify', 'Verify chain'],
      ['/console/audit/export', 'Export audit'],
    ] as const) {
      expect((await administrator.get('/console/audit')).text).not.toContain(words)
      expect((await administrator.send(path)).status).toBe(403)
      expect((await operator.get('/console/audit')).text).toContain(words)
    }
  })

  test('is exported as the lines of `latchkey audit export`', async () => {
    const { status, headers, html } = await operator.send('/console/audit/export')
    expect(status).toBe(200)
    expect(headers.get('content-disposition')).toBe(
      'attachment; filename="latchkey-audit-2026-01-02.jsonl"',
    )
    expect(headers.get('cache-control')).toBe('no-store')
    const lines = html.trimEnd().split('\n')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ latchkeyAudit: 1 })
    const written: string[] = []
    for await (const line of server.audit.exportLines(() => undefined)) written.push(line.trimEnd())
    expect(lines.slice(1)).toEqual(written.slice(1))
  })

  test('is read no further once the caller has gone', async () => {
    const gone = new AbortController()
    let read = 0
    const reading = server.audit.verify(() => {
      if (++read === 3) gone.abort()
    }, gone.signal)
    await expect(reading).rejects.toThrow()
    expect(read).toBe(3)
  })

  test('logs no error when the caller hangs up during verification', async () => {
    const { secret } = await seedAdminClient(server)
    const gone = new AbortController()
    const { listSealedEvents } = server.storage
    Object.assign(server.storage, {
      listSealedEvents: (...page: Parameters<typeof listSealedEvents>) => {
        gone.abort()
        return listSealedEvents(...page)
      },
    })
    const before = server.log.lines.length
    try {
      const headers = { Authorization: `Bearer ${secret}`, 'Content-Type': 'application/json' }
      const init = { method: 'POST', headers, body: '{}', signal: gone.signal }
      await server.call('/admin/v1/audit/verify', init)
    } finally {
      Object.assign(server.storage, { listSealedEvents })
    }
    expect(gone.signal.aborted).toBe(true)
    expect(server.log.lines.slice(before).filter(({ level }) => level === 'error')).toEqual([])
  })

  test('is verified for one caller at a time', async () => {
    const { callApi } = await seedAdminClient(server)
    const { listSealedEvents } = server.storage
    let goOn = () => {}
    const halted = new Promise<void>((resolve) => {
      goOn = resolve
    })
    Object.assign(server.storage, {
      listSealedEvents: (...page: Parameters<typeof listSealedEvents>) =>
        halted.then(() => listSealedEvents(...page)),
    })
    const first = server.audit.verify(() => undefined)
    try {
      const { text } = await operator.send('/console/audit/verify')
      expect(text).toContain(
        'Verification is not possible now Another user is verifying the audit already: try again when that is done.',
      )
      expect(text).not.toContain('The audit is')
      const { status, body } = await callApi('POST', '/audit/verify', {})
      expect([status, body.detail]).toEqual([
        409,
        expect.stringContaining('verifying the audit already'),
      ])
    } finally {
      Object.assign(server.storage, { listSealedEvents })
      goOn()
    }
    expect(unwrap(await first).whole).toBe(true)
    expect((await callApi('POST', '/audit/verify', {})).body.whole).toBe(true)
  })

  test('is reported intact, and otherwise with the changed event', async () => {
    await server.sealAudit()
    const whole = await operator.send('/console/audit/verify')
    expect(whole.status).toBe(200)
    expect(whole.text).toContain('The audit is intact')
    expect(whole.html.trimEnd()).toMatch(/<\/html>$/)
    const database = new Database(join(server.dir, 'latchkey.db'))
    database.prepare("update audit_events set facts = '{}' where action = 'key.created'").run()
    database.close()
    const broken = await operator.send('/console/audit/verify')
    expect(broken.text).toContain('The audit is broken in 1 place')
    expect(broken.text).toMatch(/Event \d+ is not the one that was sealed/)
  })
})

test('the page that accepts a restored database asks an operator to confirm, and refuses if nothing was restored', async () => {
  const path = '/console/audit/accept-restore'
  expect((await administrator.get(path)).status).toBe(403)
  expect((await administrator.send(path)).status).toBe(403)
  expect((await operator.get(path)).text).toContain('Accept the restored database?')
  const refused = await operator.fill(path, path)
  expect(refused.status).toBe(409)
  expect(refused.text).toContain('Nothing was changed')
})

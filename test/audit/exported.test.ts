import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createNotary } from '../../src/crypto/notary.ts'
import { createRandom } from '../../src/crypto/random.ts'
import { nodePrimitives } from '../../src/node/primitives.ts'
import { createAudit } from '../../src/service/audit.ts'
import { createAuditAnchor } from '../../src/service/audit-anchor.ts'
import { createOneAtATime } from '../../src/service/one-at-a-time.ts'
import { seedAsker } from '../support/admin/asker.ts'
import { someone } from '../support/browsing.ts'
import { type TestServer, testServer } from '../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await testServer()
})
afterAll(() => server.close())

const newest = async () => (await server.audit.list({ limit: 1 }))[0]
const unwatched = () => undefined

describe('Who takes the audit along is told of in it', () => {
  test('when it is the console that is asked', async () => {
    const operator = await someone(server, 'operator')
    const { headers } = await operator.send('/console/audit/export')
    expect(await newest()).toMatchObject({
      action: 'audit.exported',
      subject: 'audit',
      actor: operator.person.user.id,
      requestId: headers.get('x-request-id'),
    })
    expect((await operator.get('/console/audit')).text).toContain('Audit exported The audit of all')
  })

  test('when it is the management API', async () => {
    const { ask, user } = await seedAsker(server)
    const { headers } = await ask('GET', '/audit/export')
    expect(await newest()).toMatchObject({
      action: 'audit.exported',
      actor: user.id,
      requestId: headers.get('x-request-id'),
    })
  })

  test('before the first line is given, and however few are taken', async () => {
    await server.seal()
    const before = await newest()
    const lines = server.audit.lines(unwatched)
    expect((await newest())?.id).toBe(before?.id)
    await lines.next()
    const { sequence } = (await server.storage.lastCheckpoint()) ?? {}
    expect(await newest()).toMatchObject({ action: 'audit.exported', facts: { last: sequence } })
    await lines.return(undefined)
  })

  test('or nothing of it is given', async () => {
    const { storage, clock } = server
    const full = new Error('the disk is full')
    const events = { ...storage, addEvent: () => Promise.reject(full) }
    const random = createRandom(nodePrimitives, clock)
    const notary = createNotary(nodePrimitives, server.keyring)
    const alone = createOneAtATime('later', clock)
    const anchor = createAuditAnchor({ store: undefined, log: server.log })
    const deps = { storage, events, notary, anchor, random, clock, alone }
    const audit = createAudit({ ...deps, actor: 'operator' })
    await expect(audit.lines(unwatched).next()).rejects.toBe(full)
  })
})

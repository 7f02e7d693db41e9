import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createAuditSigner } from '../../../src/crypto/audit-signer.ts'
import { createRandom } from '../../../src/crypto/secrets.ts'
import { nodePrimitives } from '../../../src/node/primitives.ts'
import { createAudit } from '../../../src/service/audit/audit.ts'
import { createAuditAnchor } from '../../../src/service/audit/chain.ts'
import { createRunExclusively } from '../../../src/service/long-work.ts'
import { seedAdminClient } from '../../support/admin-client.ts'
import { seedConsoleClient } from '../../support/console-client.ts'
import { createTestServer, type TestServer } from '../../support/server.ts'

let server: TestServer
beforeAll(async () => {
  server = await createTestServer()
})
afterAll(() => server.close())

const findNewestEvent = async () => (await server.audit.list({ limit: 1 }))[0]
const ignoreProgress = () => undefined

describe('an export of the audit is recorded in it', () => {
  test('when it is the console that is asked', async () => {
    const operator = await seedConsoleClient(server, 'operator')
    const { headers } = await operator.send('/console/audit/export')
    expect(await findNewestEvent()).toMatchObject({
      action: 'audit.exported',
      subject: 'audit',
      actor: operator.testUser.user.id,
      requestId: headers.get('x-request-id'),
    })
    expect((await operator.get('/console/audit')).text).toContain('Audit exported The audit of all')
  })

  test('when it is the management API', async () => {
    const { callApi, user } = await seedAdminClient(server)
    const { headers } = await callApi('GET', '/audit/export')
    expect(await findNewestEvent()).toMatchObject({
      action: 'audit.exported',
      actor: user.id,
      requestId: headers.get('x-request-id'),
    })
  })

  test('before the first line is given, and however few are taken', async () => {
    await server.sealAudit()
    const before = await findNewestEvent()
    const lines = server.audit.exportLines(ignoreProgress)
    expect((await findNewestEvent())?.id).toBe(before?.id)
    await lines.next()
    const { sequence } = (await server.storage.findLastCheckpoint()) ?? {}
    expect(await findNewestEvent()).toMatchObject({
      action: 'audit.exported',
      facts: { last: sequence },
    })
    await lines.return(undefined)
  })

  test('or nothing of it is given', async () => {
    const { storage, clock } = server
    const full = new Error('the disk is full')
    const events = { ...storage, addEvent: () => Promise.reject(full) }
    const random = createRandom(nodePrimitives, clock)
    const auditSigner = createAuditSigner(nodePrimitives, server.keyring)
    const runExclusively = createRunExclusively('later', clock)
    const anchor = createAuditAnchor({ store: undefined, log: server.log })
    const deps = { storage, events, auditSigner, anchor, random, clock, runExclusively }
    const audit = createAudit({ ...deps, actor: 'operator' })
    await expect(audit.exportLines(ignoreProgress).next()).rejects.toBe(full)
  })
})

import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyNewestEvents } from '../../../src/service/audit/audit.ts'
import { openTestAudit } from '../../support/database/audit-chain.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { createTempFolder } from '../../support/server.ts'
import { createTestClock, DAY_MS } from '../../support/time.ts'

let dir: string
let audit: Awaited<ReturnType<typeof openTestAudit>>
const clock = createTestClock()
beforeEach(async () => {
  dir = createTempFolder()
  audit = await openTestAudit(join(dir, 'latchkey.db'), join(dir, 'keyring.json'), clock)
  // Ten at a time, a day between them.
  for (let n = 0; n < 5; n++) {
    await audit.add(10)
    await audit.seal()
    clock.advance(DAY_MS)
  }
})
afterEach(async () => {
  await audit.storage.close()
  rmSync(dir, { recursive: true })
})

const executeAuditSql = (text: string) => executeSql(join(dir, 'latchkey.db'), text)
const verifyLatest = (maxEvents: number) =>
  verifyNewestEvents(audit.storage, audit.auditSigner, maxEvents, null)
const listBreakMessages = async (maxEvents: number) =>
  (await verifyLatest(maxEvents)).breaks.map(({ message }) => message)

describe('the verification of the newest events', () => {
  test('reports that they are intact, and which they are', async () => {
    expect(await verifyLatest(15)).toMatchObject({ whole: true, events: 15, first: 36, last: 50 })
    expect(await verifyLatest(50)).toMatchObject({ whole: true, events: 50, first: 1, last: 50 })
    expect(await verifyLatest(1000)).toMatchObject({ whole: true, events: 50, first: 1, last: 50 })
  })

  test('every edit, deletion and cut among them is found', async () => {
    executeAuditSql("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 36")
    expect(await listBreakMessages(15)).toEqual([
      'event 36 is not the one that was sealed: it was changed, or put in',
    ])
    executeAuditSql('DELETE FROM audit_events WHERE sequence IN (36, 37)')
    expect(await listBreakMessages(15)).toEqual(['events 36 to 37 are gone'])
    executeAuditSql('DELETE FROM audit_events WHERE sequence > 45')
    expect(await listBreakMessages(15)).toEqual([
      'events 36 to 37 are gone',
      'events 46 to 50 are gone',
    ])
  })

  test('does not report a change of an older event, which only the whole chain shows', async () => {
    executeAuditSql('DELETE FROM audit_events WHERE sequence IN (7, 35)')
    expect((await verifyLatest(15)).whole).toBe(true)
    expect((await verifyLatest(50)).whole).toBe(false)
  })

  test('they are whole after a purge, wherever it ended', async () => {
    await audit.purge(clock() - 3 * DAY_MS)
    const { first } = await verifyLatest(1000)
    expect(first).toBeGreaterThan(1)
    for (const maxEvents of [60 - first, 51 - first, 50 - first, 5]) {
      expect(await verifyLatest(maxEvents)).toMatchObject({ whole: true, last: 50 })
    }
  })
})

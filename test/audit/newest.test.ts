import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { verifyNewest } from '../../src/service/audit.ts'
import { openAudit } from '../support/audit/chain.ts'
import { change } from '../support/moving.ts'
import { temporaryFolder, testClock } from '../support/server.ts'

const DAY_MS = 86_400_000

let dir: string
let audit: Awaited<ReturnType<typeof openAudit>>
const clock = testClock()
beforeEach(async () => {
  dir = temporaryFolder()
  audit = await openAudit(join(dir, 'latchkey.db'), join(dir, 'keyring.json'), clock)
  // Ten at a time, a day between them.
  for (let n = 0; n < 5; n++) {
    await audit.add(10)
    await audit.seal()
    clock.turn(DAY_MS)
  }
})
afterEach(async () => {
  await audit.storage.close()
  rmSync(dir, { recursive: true })
})

const alter = (text: string) => change(join(dir, 'latchkey.db'), text)
const newest = (most: number) => verifyNewest(audit.storage, audit.notary, most, null)
const messages = async (most: number) => (await newest(most)).breaks.map(({ message }) => message)

describe('Of the newest events alone', () => {
  test('it is said that they are whole, and which they are', async () => {
    expect(await newest(15)).toMatchObject({ whole: true, events: 15, first: 36, last: 50 })
    expect(await newest(50)).toMatchObject({ whole: true, events: 50, first: 1, last: 50 })
    expect(await newest(1000)).toMatchObject({ whole: true, events: 50, first: 1, last: 50 })
  })

  test('every edit, deletion and cut among them is found', async () => {
    alter("UPDATE audit_events SET actor = 'nobody' WHERE sequence = 36")
    expect(await messages(15)).toEqual([
      'event 36 is not the one that was sealed: it was changed, or put in',
    ])
    alter('DELETE FROM audit_events WHERE sequence IN (36, 37)')
    expect(await messages(15)).toEqual(['events 36 to 37 are gone'])
    alter('DELETE FROM audit_events WHERE sequence > 45')
    expect(await messages(15)).toEqual(['events 36 to 37 are gone', 'events 46 to 50 are gone'])
  })

  test('none is blamed for what was done to an older one, which only the whole chain tells', async () => {
    alter('DELETE FROM audit_events WHERE sequence IN (7, 35)')
    expect((await newest(15)).whole).toBe(true)
    expect((await newest(50)).whole).toBe(false)
  })

  test('they are whole after a purge, wherever it ended', async () => {
    await audit.purge(clock() - 3 * DAY_MS)
    const { first } = await newest(1000)
    expect(first).toBeGreaterThan(1)
    for (const most of [60 - first, 51 - first, 50 - first, 5]) {
      expect(await newest(most)).toMatchObject({ whole: true, last: 50 })
    }
  })
})

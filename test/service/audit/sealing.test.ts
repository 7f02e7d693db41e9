import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { AUDIT_PROGRAM } from '../../runner/program.ts'
import { openTestAudit } from '../../support/database/audit-chain.ts'
import { executeSql } from '../../support/database/data-folder.ts'
import { createTempFolder, unwrap } from '../../support/server.ts'
import { createTestClock } from '../../support/time.ts'

const DAY = 86_400_000
const ignoreProgress = () => undefined

let path: string
let ring: string
beforeEach(() => {
  const dir = createTempFolder()
  path = join(dir, 'latchkey.db')
  ring = join(dir, 'keyring.json')
})

test('processes that seal at once, and are killed while they do, leave one whole chain', async () => {
  const { audit, storage, seal } = await openTestAudit(path, ring)
  for (let round = 0; round < 6; round++) {
    const children = Array.from({ length: 3 }, () =>
      spawn(process.execPath, [AUDIT_PROGRAM, path, ring]),
    )
    await Promise.all(children.map((child, n) => killAfter(child, 3 + ((round * 7 + n * 5) % 11))))
    expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({ whole: true, breaks: [] })
  }
  await seal()
  expect(await storage.listUnsealedEvents(1)).toEqual([])
  const { whole, events, last } = unwrap(await audit.verify(ignoreProgress))
  expect({ whole, events }).toEqual({ whole: true, events: last })
  expect(events).toBeGreaterThan(18 * 3 * 20)
  await storage.close()
})

/** When it has done so many rounds: then it is in the midst of the next one. */
async function killAfter(child: ChildProcess, rounds: number): Promise<void> {
  let done = 0
  const ended = once(child, 'exit')
  child.stdout?.on('data', (words: Buffer) => {
    done += words.length
    if (done >= rounds) child.kill('SIGKILL')
  })
  expect(await ended).toEqual([null, 'SIGKILL'])
}

test('a great many events without a seal are sealed in portions, and requests go between them', async () => {
  const { audit, storage, seal, add } = await openTestAudit(path, ring)
  for (let n = 0; n < 12; n++) await add(1000)
  let sealing = true
  const sealed = seal().finally(() => {
    sealing = false
  })
  let reads = 0
  for (; sealing; reads++) await storage.readAuthorityVersion()
  await sealed
  expect(reads).toBeGreaterThan(50)
  expect((await storage.findChainEnd()).sequence).toBe(10_000)
  await seal()
  expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({
    whole: true,
    events: 12_000,
    last: 12_000,
  })
  await storage.close()
})

describe('what is past its retention', () => {
  /** Forty days of one event, sealed each day. */
  async function sealFortyDays() {
    const clock = createTestClock()
    const start = clock()
    const it = await openTestAudit(path, ring, clock)
    for (let day = 0; day < 40; day++) {
      await it.add(1)
      await it.seal()
      clock.advance(DAY)
    }
    return { ...it, clock, start }
  }

  test('is purged, and the rest is verified from the checkpoint before it', async () => {
    const { audit, storage, purge, seal, clock, start } = await sealFortyDays()
    expect(await purge(start)).toBe(0)
    expect(await purge(start + 10 * DAY)).toBe(10)
    expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({
      whole: true,
      first: 11,
      last: 40,
    })
    const [newest] = await storage.listEvents({ limit: 1 })
    expect(newest).toMatchObject({ action: 'audit.purged', facts: { from: 1, to: 10, purged: 10 } })
    expect(await purge(start + 10 * DAY)).toBe(0)
    expect(await storage.listEvents({ limit: 1 })).toEqual([newest])

    await seal()
    clock.advance(DAY)
    expect(await purge(clock() + DAY)).toBe(31)
    expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({
      whole: true,
      events: 0,
      checkpoints: 1,
    })
    await seal()
    expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({
      whole: true,
      first: 42,
      last: 42,
    })
    await storage.close()
  })

  test('is purged once, with one event, by servers that purge at once', async () => {
    const { audit, storage, start } = await sealFortyDays()
    const servers = await Promise.all(
      Array.from({ length: 4 }, () => openTestAudit(path, ring, () => start + 41 * DAY)),
    )
    const purged = await Promise.all(servers.map(({ purge }) => purge(start + 20 * DAY)))
    expect(purged.reduce((sum, count) => sum + count)).toBe(20)
    expect(unwrap(await audit.verify(ignoreProgress))).toMatchObject({
      whole: true,
      first: 21,
      last: 40,
    })
    await Promise.all(servers.map((server) => server.storage.close()))
    await storage.close()
  })

  test('is not purged by a forged checkpoint', async () => {
    const { audit, storage, purge, start } = await sealFortyDays()
    executeSql(path, 'UPDATE audit_checkpoints SET at = 0 WHERE sequence < 40')
    await expect(purge(start)).rejects.toThrow(
      'checkpoint 1 of the audit is not signed with this key ring',
    )
    expect((await storage.listEvents({ limit: 1000 })).length).toBe(40)
    expect(unwrap(await audit.verify(ignoreProgress)).whole).toBe(false)
    await storage.close()
  })

  test('cannot be forged by writes to the database, and the chain continues', async () => {
    const { audit, storage, add, seal } = await sealFortyDays()
    executeSql(
      path,
      `DELETE FROM audit_events WHERE sequence <= 10;
       INSERT INTO audit_checkpoints SELECT sequence, 11, seal, at, signature
       FROM audit_checkpoints ORDER BY sequence DESC LIMIT 1`,
    )
    expect(unwrap(await audit.verify(ignoreProgress)).whole).toBe(false)
    await add(1)
    // Nothing is signed that would confirm it.
    await expect(seal()).rejects.toThrow('is not signed with this key ring')
    expect((await storage.findChainEnd()).sequence).toBe(41)
    expect(
      unwrap(await audit.verify(ignoreProgress)).breaks.map(({ message }) => message),
    ).toContain('events 1 to 10 are gone')
    await storage.close()
  })
})

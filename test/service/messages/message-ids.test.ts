import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openSqlite } from '../../../src/node/sqlite/engine.ts'
import { createMessageIdGenerator } from '../../../src/service/messages/messages.ts'
import type { MaybePromise } from '../../../src/service/ports/runtime.ts'
import type { Storage } from '../../../src/service/ports/storage.ts'
import { createStorage } from '../../../src/storage/storage.ts'
import { createTempFolder } from '../../support/server.ts'

const NOW = Date.UTC(2026, 0, 2)
const BLOCK = 65_536

let dir: string
let storage: Storage
beforeEach(() => {
  dir = createTempFolder()
  storage = createStorage(openSqlite(join(dir, 'latchkey.db')))
})
afterEach(async () => {
  await storage.close()
  rmSync(dir, { recursive: true, force: true })
})

const createIdsAt = (now: number) => createMessageIdGenerator({ storage, clock: () => now })

async function takeIds(nextId: () => MaybePromise<number>, count: number): Promise<number[]> {
  const ids: number[] = []
  for (let n = 0; n < count; n++) ids.push(await nextId())
  return ids
}

test('a message id is a safe integer that no other has, whatever the clocks of its processes say', async () => {
  const clocks = [NOW, NOW, NOW - 400 * 86_400_000, 0, NOW + 400 * 86_400_000, NOW, 2 ** 53]
  const ids = (await Promise.all(clocks.map((now) => takeIds(createIdsAt(now), 100)))).flat()
  expect(new Set(ids).size).toBe(700)
  expect(ids.every((id) => Number.isSafeInteger(id) && id > 0)).toBe(true)
})

test('message ids continue with a new block when one is used up', async () => {
  const ids = await takeIds(createIdsAt(NOW), BLOCK + 2)
  expect(new Set(ids).size).toBe(BLOCK + 2)
  expect(ids[BLOCK]).toBe((ids[0] ?? 0) + BLOCK)
})

test('a message id is later than those that were made in 4,096 for a millisecond before', async () => {
  const [id = 0] = await takeIds(createIdsAt(NOW), 1)
  expect(id).toBe((NOW - Date.UTC(2020, 0, 1)) * 4096)
})

test('a message id is not given again after an older database is restored', async () => {
  const before = await takeIds(createIdsAt(NOW), 10)
  const row = await storage.findNextIdBlock()
  await storage.moveNextIdBlock(row, 1)
  const after = await takeIds(createIdsAt(NOW + 16), 10)
  expect(new Set([...before, ...after]).size).toBe(20)
})

test('a clock that is far ahead leaves ids for the time after it is set right', async () => {
  const [ahead = 0] = await takeIds(createIdsAt(2 ** 53), 1)
  const [id = 0] = await takeIds(createIdsAt(NOW), 1)
  expect(id).toBe(ahead + BLOCK)
  expect(Number.MAX_SAFE_INTEGER - id).toBeGreaterThan(2 ** 47)
})

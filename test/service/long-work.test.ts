import { expect, test } from 'vitest'
import { createRunExclusively, EXCLUSIVE_WORK_TIMEOUT_MS } from '../../src/service/long-work.ts'
import { createTestClock } from '../support/time.ts'

const waitForever = () => new Promise<never>(() => undefined)
const BUSY_RESULT = { ok: false, failure: { problem: 'conflict', message: 'not now' } }

test('of long work one is done at a time, and the next when it is done or broken', async () => {
  const runAlone = createRunExclusively('not now', createTestClock())
  for (const end of ['done', 'broken'] as const) {
    const work = Promise.withResolvers<string>()
    const first = runAlone(() => work.promise)
    expect(await runAlone(async () => 'second')).toEqual(BUSY_RESULT)
    if (end === 'done') work.resolve('first')
    else work.reject(new Error('the database is gone'))
    await first.catch(() => undefined)
    expect(await runAlone(async () => 'second')).toEqual({ ok: true, value: 'second' })
  }
})

test('work that the runtime has dropped blocks others for a limited time', async () => {
  const clock = createTestClock()
  const runAlone = createRunExclusively('not now', clock)
  let moves = (): void => undefined
  void runAlone((moved) => {
    moves = moved
    return waitForever()
  })
  clock.advance(EXCLUSIVE_WORK_TIMEOUT_MS - 1)
  moves()
  clock.advance(EXCLUSIVE_WORK_TIMEOUT_MS - 1)
  expect(await runAlone(async () => 'second')).toEqual(BUSY_RESULT)
  clock.advance(1)
  expect(await runAlone(async () => 'second')).toEqual({ ok: true, value: 'second' })
})

test('work that ends after its time limit does not release the work that followed it', async () => {
  const clock = createTestClock()
  const runAlone = createRunExclusively('not now', clock)
  const lateWork = Promise.withResolvers<void>()
  const first = runAlone(() => lateWork.promise)
  clock.advance(EXCLUSIVE_WORK_TIMEOUT_MS)
  void runAlone(waitForever)
  lateWork.resolve()
  await first
  expect(await runAlone(async () => 'third')).toEqual(BUSY_RESULT)
})

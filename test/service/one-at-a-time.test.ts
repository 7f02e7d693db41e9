import { expect, test } from 'vitest'
import { createOneAtATime, FORGOTTEN_MS } from '../../src/service/one-at-a-time.ts'
import { testClock } from '../support/server.ts'

const never = () => new Promise<never>(() => undefined)
const said = { ok: false, failure: { problem: 'conflict', message: 'not now' } }

test('of long work one is done at a time, and the next when it is done or broken', async () => {
  const alone = createOneAtATime('not now', testClock())
  for (const end of ['done', 'broken'] as const) {
    const work = Promise.withResolvers<string>()
    const first = alone(() => work.promise)
    expect(await alone(async () => 'second')).toEqual(said)
    if (end === 'done') work.resolve('first')
    else work.reject(new Error('the database is gone'))
    await first.catch(() => undefined)
    expect(await alone(async () => 'second')).toEqual({ ok: true, value: 'second' })
  }
})

test('work that the runtime has dropped holds nobody up for long', async () => {
  const clock = testClock()
  const alone = createOneAtATime('not now', clock)
  let moves = (): void => undefined
  void alone((moved) => {
    moves = moved
    return never()
  })
  clock.turn(FORGOTTEN_MS - 1)
  moves()
  clock.turn(FORGOTTEN_MS - 1)
  expect(await alone(async () => 'second')).toEqual(said)
  clock.turn(1)
  expect(await alone(async () => 'second')).toEqual({ ok: true, value: 'second' })
})

test('work that was thought dropped, and ends late, lets nobody in beside who came after it', async () => {
  const clock = testClock()
  const alone = createOneAtATime('not now', clock)
  const late = Promise.withResolvers<void>()
  const first = alone(() => late.promise)
  clock.turn(FORGOTTEN_MS)
  void alone(never)
  late.resolve()
  await first
  expect(await alone(async () => 'third')).toEqual(said)
})

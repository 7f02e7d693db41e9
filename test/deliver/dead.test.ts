import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Page } from '../../src/service/ports.ts'
import { type Core, openCore } from '../support/core.ts'
import { testCourier } from '../support/courier/courier.ts'
import { nameIn, processOn, seedFeeds } from '../support/feeds.ts'
import { type Conduct, startReceiver } from '../support/receiver.ts'

/*
 * A destination that is away for long, and what it costs the others: nothing.
 */

let core: Core
let receiver: Awaited<ReturnType<typeof startReceiver>>
let conduct: Conduct
beforeEach(async () => {
  core = await openCore()
  conduct = 'take'
  receiver = await startReceiver((path) => (path === '/dead' ? conduct : 'take'))
})
afterEach(async () => {
  await receiver.close()
  await core.close()
})

const at = (...paths: string[]) =>
  seedFeeds(
    core,
    paths.map((path) => receiver.url + path),
  )
const courier = testCourier()
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `message ${n}`)
const takenAt = (path: string) =>
  receiver.arrived
    .filter((one) => one.path === path && one.conduct === 'take')
    .map(({ body }) => nameIn(body))

test('an hour of 500: it is tried by the schedule, others hear nothing of it, and then all arrives in order', async () => {
  const { feeds, send } = await at('/dead', '/works')
  const [dead, works] = feeds
  if (dead === undefined || works === undefined) throw new Error('there are two feeds')
  const process = processOn(core, { courier })
  conduct = 'refuse'
  for (let second = 0; second < 3600; second++) {
    if (second % 60 === 0) {
      await send(`minute ${second / 60}`, [dead])
      await send(`minute ${second / 60}`, [works])
    }
    await process.work()
    core.clock.turn(1000)
  }
  const minutes = Array.from({ length: 60 }, (_, n) => `minute ${n}`)
  expect(takenAt('/works')).toEqual(minutes)
  // At once, twice; after 10, 10, 20, 30, 50, 80 s; then each 120 s.
  const tries = 2 + 6 + Math.floor((3599 - 200) / 120)
  const inVain = receiver.arrived.filter(({ path }) => path === '/dead')
  expect(inVain.map(({ body }) => nameIn(body))).toEqual(Array(tries).fill('minute 0'))
  expect(await core.storage.findFeed(dead.id)).toMatchObject({ queued: 60, attempts: tries })

  conduct = 'take'
  core.clock.turn(120_000)
  await process.work()
  expect(takenAt('/dead')).toEqual(minutes)
})

test('10,000 messages for a dead destination are kept in order, hinder no other, and can be paged through', async () => {
  const { feeds, send } = await at('/dead', '/works')
  const [dead, works] = feeds
  if (dead === undefined || works === undefined) throw new Error('there are two feeds')
  conduct = 'reset'
  const sent: string[] = []
  for (let n = 0; n < 10_000; n += 500) {
    const some = numbered(n + 500).slice(n)
    const added = await Promise.all(some.map((name) => send(name, [dead])))
    sent.push(...added.map(({ id }) => id))
  }
  const process = processOn(core, { courier })
  for (const name of numbered(100)) {
    await send(name, [works])
    process.wake([dead, works])
    core.clock.turn(500)
    await process.work()
  }
  expect(takenAt('/works')).toEqual(numbered(100))
  expect(await core.storage.findFeed(dead.id)).toMatchObject({ queued: 10_000 })

  const listed: { id: string; status: string | undefined }[] = []
  for (let page: Page = { limit: 1000 }; ; page = { limit: 1000, after: listed.at(-1)?.id }) {
    const messages = await core.storage.listMessages(page)
    if (messages.length === 0) break
    listed.push(...messages.map(({ id, deliveries }) => ({ id, status: deliveries[0]?.status })))
  }
  const queued = listed.filter(({ status }) => status === 'queued').map(({ id }) => id)
  expect(queued).toEqual(sent.toReversed())
  expect(listed).toHaveLength(10_100)

  conduct = 'take'
  core.clock.turn(132_000)
  await core.routes.setSubscriptionStatus(dead.id, 'active')
  process.wake([dead])
  await receiver.until(200, '/dead')
  const stopped = process.stop(10_000)
  await stopped
  const taken = takenAt('/dead')
  expect(taken).toEqual(numbered(taken.length))
  expect(await core.storage.findFeed(dead.id)).toMatchObject({ queued: 10_000 - taken.length })
})

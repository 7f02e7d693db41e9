import { expect, test } from 'vitest'
import { createKillCounts, runKillLane } from './lane.ts'

const LANES = 2
const KILLS_A_LANE = 100

test('no kill -9 locks a client out, loses what was acknowledged, or revives what was revoked', async () => {
  const counts = createKillCounts()
  await Promise.all(Array.from({ length: LANES }, (_, n) => runKillLane(n, KILLS_A_LANE, counts)))
  console.log(`kill -9: ${JSON.stringify(counts)}`)
  expect(counts.kills).toBeGreaterThanOrEqual(200)
  expect(counts.lostAnswers).toBeGreaterThan(0)
  expect(counts.lostAfterCommit).toBeGreaterThan(0)
  expect(counts.repeats).toBeGreaterThan(0)
  expect(counts.messages).toBeGreaterThan(0)
  expect(counts.revocations).toBeGreaterThan(0)
  expect(counts.toggles).toBeGreaterThan(0)
})

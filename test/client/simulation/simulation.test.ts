import { expect, test } from 'vitest'
import { describeFinding } from '../../../src/simulator/findings.ts'
import { TEST_SEED } from '../../support/random.ts'
import { type SimulatedClient, type SimulationReport, simulate } from './simulate.ts'

/*
 * Days are simulated by a virtual clock: lost requests and answers, 429, 503, a vendor that is unreachable
 * or silent, clocks that are set, 50 callers at once, processes that are killed while they ask for a token,
 * and two of them on one store. SIMULATED_DAYS=100000 takes minutes.
 */

const DAYS = Number(process.env.SIMULATED_DAYS ?? 2000)
/** The faults of others show in fewer days. */
const OTHERS_DAYS = DAYS / 2

const MANAGERS = ['TokenManager', 'TokenManager, refresh: true', 'TokenManager, OAuth'] as const
const OTHERS = ['naive client', 'simple-oauth2'] as const

test.each(MANAGERS)('in years of faults, no fault locks out %s', async (client) => {
  const report = await simulateAndPrint(client, DAYS)
  expect(report.lockOuts).toBe(0)
  expect(report.mostTokenRequestsInFlight).toBe(1)
  // The faults happened, and the client worked.
  expect(Object.keys(report.faults)).toHaveLength(11)
  expect(report.messages).toBeGreaterThan(5 * DAYS)
  expect(report.failedMessages).toBe(0)
})

test.each(OTHERS)('the same faults lock out a %s again and again', async (client) => {
  const report = await simulateAndPrint(client, OTHERS_DAYS)
  expect(report.lockOuts).toBeGreaterThan(5)
  expect(report.mostTokenRequestsInFlight).toBeGreaterThan(1)
})

async function simulateAndPrint(client: SimulatedClient, days: number): Promise<SimulationReport> {
  const report = await simulate(client, days, TEST_SEED)
  const { messages, failedMessages, lockOuts, lockedOutHours } = report
  const { tokenRequests, mostTokenRequestsInFlight } = report
  process.stdout.write(
    `${client}: ${days} days, ${messages} messages, ${failedMessages} failed while the vendor was up, ` +
      `${lockOuts} lock-outs (${Math.round(lockedOutHours)} hours until a person stepped in), ` +
      `${tokenRequests} token requests, at most ${mostTokenRequestsInFlight} at once\n`,
  )
  for (const { count, summary } of report.findings.map(describeFinding)) {
    process.stdout.write(`  ${summary} (${count} times)\n`)
  }
  return report
}

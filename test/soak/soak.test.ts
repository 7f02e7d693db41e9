import { expect, test } from 'vitest'
import { TEST_SEED } from '../support/random.ts'
import { SOAK_ENGINES } from './database.ts'
import { parseSoakOptions } from './options.ts'
import { countOutcomes, formatSoakReport, listFaults } from './report.ts'
import { runSoak } from './soak.ts'

const MESSAGES = 1000

test.concurrent.each(SOAK_ENGINES)(
  '%s: whatever fails or is killed, acknowledged messages arrive in order, and twice only if the first delivery could not be confirmed',
  async (engine) => {
    const outcome = await runSoak({ engine, messages: MESSAGES, seed: TEST_SEED })
    console.log(formatSoakReport(outcome))
    expect(listFaults(outcome)).toEqual([])
    const counts = countOutcomes(outcome)
    expect(counts.get('messages acknowledged')).toBe(MESSAGES)
    // Otherwise it has shown nothing.
    const happened = ['faults of destinations', 'worker killed', 'server killed']
    if (engine === 'postgres') happened.push('database restarted')
    for (const name of happened) expect(counts.get(name)).toBeGreaterThan(0)
  },
)

test.each([
  [['--engine', 'mysql'], 'there is no engine "mysql"; there are: sqlite, postgres'],
  [['--messages', '7'], '--messages must be a whole number from 100 to 10000000; it is "7"'],
  [['--seed', 'x'], '--seed must be a whole number from 0 to 10000000; it is "x"'],
])('%j is refused with a sentence', (args, sentence) => {
  expect(() => parseSoakOptions(args)).toThrow(sentence)
})

test('it runs on each engine unless one is named', () => {
  expect(parseSoakOptions([])?.engines).toEqual(['sqlite', 'postgres'])
  expect(parseSoakOptions(['--engine', 'postgres'])?.engines).toEqual(['postgres'])
})

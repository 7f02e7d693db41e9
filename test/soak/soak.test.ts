import { expect, test } from 'vitest'
import { SEED } from '../support/seed.ts'
import { readOptions } from './options.ts'
import { ENGINES } from './place.ts'
import { countsOf, faultsOf, writeReport } from './report.ts'
import { soak } from './soak.ts'

const MESSAGES = 1000

test.concurrent.each(ENGINES)(
  '%s: whatever fails or is killed, what was acknowledged arrives in order, and twice only where nobody could know',
  async (engine) => {
    const outcome = await soak({ engine, messages: MESSAGES, seed: SEED })
    console.log(writeReport(outcome))
    expect(faultsOf(outcome)).toEqual([])
    const counts = countsOf(outcome)
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
  expect(() => readOptions(args)).toThrow(sentence)
})

test('it runs on each engine unless one is named', () => {
  expect(readOptions([])?.engines).toEqual(['sqlite', 'postgres'])
  expect(readOptions(['--engine', 'postgres'])?.engines).toEqual(['postgres'])
})

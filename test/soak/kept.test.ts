import { expect, test } from 'vitest'
import { disagreements, type Kept, type KeptDelivery } from './kept.ts'
import type { Arrival } from './ledger.ts'

/*
 * The comparison with the database, on rows and arrivals that are made up.
 */

type Attempts = KeptDelivery['attempts']
const REFUSED = { number: 1, at: 1000, ms: 10, outcome: 'refused' } as const
const DELIVERED = { number: 2, at: 2000, ms: 10, outcome: 'delivered' } as const

const came = (at: number, number = 1): Arrival => ({
  source: 1,
  number,
  destination: 0,
  deliveryId: `delivery ${number}`,
  isIntact: true,
  began: at,
  at,
  ended: at + 5,
  endedAt: at + 5,
  ending: 'taken',
})
const kept = (attempts: Attempts, more: Partial<Kept> = {}): Kept => ({
  messages: 1,
  payloads: 0,
  deliveries: [{ id: 'delivery 1', status: 'delivered', attempts }],
  ...more,
})
const BOTH = [came(1005), came(2005)]
const ROWS = [REFUSED, DELIVERED]

test('rows and arrivals that tell the same story agree', () => {
  expect(disagreements(kept(ROWS), BOTH)).toEqual([])
})

test('an arrival that nobody has written down agrees, as long as it came before the success', () => {
  expect(disagreements(kept([{ ...DELIVERED, number: 1 }]), BOTH)).toEqual([])
})

test.each<[string, Kept, readonly Arrival[]]>([
  ['came after it was known to be delivered', kept(ROWS), [...BOTH, came(2011)]],
  ['never came when it did', kept(ROWS), [came(1005)]],
  ['has 0 successes among 1 attempts', kept([REFUSED]), BOTH],
  ['has 2 successes among 2 attempts', kept([{ ...DELIVERED, number: 1 }, DELIVERED]), BOTH],
  [
    'has 1 successes among 2 attempts',
    kept([
      { ...DELIVERED, number: 1 },
      { ...REFUSED, number: 2 },
    ]),
    BOTH,
  ],
  ['misses attempts', kept([DELIVERED]), BOTH],
  [
    'is queued',
    kept(ROWS, { deliveries: [{ id: 'delivery 1', status: 'queued', attempts: ROWS }] }),
    BOTH,
  ],
  ['came, and is not kept', kept(ROWS, { messages: 2 }), [...BOTH, came(3000, 2)]],
  ['2 messages kept, 1 came', kept(ROWS, { messages: 2 }), BOTH],
  ['1 payloads are not erased', kept(ROWS, { payloads: 1 }), BOTH],
])('found: %s', (what, rows, arrivals) => {
  const found = disagreements(rows, arrivals)
  expect(found).toEqual([expect.stringContaining(what)])
})

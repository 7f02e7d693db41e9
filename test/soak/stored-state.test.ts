import { expect, test } from 'vitest'
import type { SoakArrival } from './ledger.ts'
import { findDisagreements, type StoredDelivery, type StoredState } from './stored-state.ts'

/*
 * The comparison with the database, on rows and arrivals that are made up.
 */

type Attempts = StoredDelivery['attempts']
const REFUSED = { number: 1, at: 1000, ms: 10, outcome: 'refused' } as const
const DELIVERED = { number: 2, at: 2000, ms: 10, outcome: 'delivered' } as const

const createArrival = (at: number, number = 1): SoakArrival => ({
  source: 1,
  number,
  destination: 0,
  deliveryId: `delivery ${number}`,
  isIntact: true,
  beganTick: at,
  beganAt: at,
  endedTick: at + 5,
  endedAt: at + 5,
  outcome: 'taken',
})
const createStoredState = (attempts: Attempts, more: Partial<StoredState> = {}): StoredState => ({
  messages: 1,
  payloads: 0,
  deliveries: [{ id: 'delivery 1', status: 'delivered', attempts }],
  ...more,
})
const BOTH = [createArrival(1005), createArrival(2005)]
const ROWS = [REFUSED, DELIVERED]

test('rows and arrivals that tell the same story agree', () => {
  expect(findDisagreements(createStoredState(ROWS), BOTH)).toEqual([])
})

test('an arrival that nobody has written down agrees, as long as it came before the success', () => {
  expect(findDisagreements(createStoredState([{ ...DELIVERED, number: 1 }]), BOTH)).toEqual([])
})

test.each<[string, StoredState, readonly SoakArrival[]]>([
  [
    'came after it was known to be delivered',
    createStoredState(ROWS),
    [...BOTH, createArrival(2011)],
  ],
  ['never came when it did', createStoredState(ROWS), [createArrival(1005)]],
  ['has 0 successes among 1 attempts', createStoredState([REFUSED]), BOTH],
  [
    'has 2 successes among 2 attempts',
    createStoredState([{ ...DELIVERED, number: 1 }, DELIVERED]),
    BOTH,
  ],
  [
    'has 1 successes among 2 attempts',
    createStoredState([
      { ...DELIVERED, number: 1 },
      { ...REFUSED, number: 2 },
    ]),
    BOTH,
  ],
  ['misses attempts', createStoredState([DELIVERED]), BOTH],
  [
    'is queued',
    createStoredState(ROWS, {
      deliveries: [{ id: 'delivery 1', status: 'queued', attempts: ROWS }],
    }),
    BOTH,
  ],
  [
    'came, and is not kept',
    createStoredState(ROWS, { messages: 2 }),
    [...BOTH, createArrival(3000, 2)],
  ],
  ['2 messages kept, 1 came', createStoredState(ROWS, { messages: 2 }), BOTH],
  ['1 payloads are not erased', createStoredState(ROWS, { payloads: 1 }), BOTH],
])('found: %s', (what, rows, arrivals) => {
  const found = findDisagreements(rows, arrivals)
  expect(found).toEqual([expect.stringContaining(what)])
})

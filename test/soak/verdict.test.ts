import { describe, expect, test } from 'vitest'
import type { ArrivalOutcome, Disruption, SentMessage, SoakArrival, SoakLedger } from './ledger.ts'
import { judgeLedger } from './verdict.ts'

/*
 * The checker itself: each ledger is made up, and has one thing wrong with it or none.
 */

/** Message n of source 1, at destination 0 where nothing else is said. */
const createSent = (number: number, more: Partial<SentMessage> = {}): SentMessage => ({
  source: 1,
  number,
  destinations: [0],
  isAcknowledged: true,
  ...more,
})

/** Attempts of one message after the other: each began at 1000, 2000, …, and ended 10 later. */
function createArrivals(
  ...rows: readonly [number, ArrivalOutcome?, Partial<SoakArrival>?][]
): SoakArrival[] {
  return rows.map(([number, outcome = 'taken', more], n) => {
    const at = 1000 * (n + 1)
    const times = { beganTick: at, beganAt: at, endedTick: at + 10, endedAt: at + 10 }
    const what = { source: 1, number, destination: 0, deliveryId: `${number}`, isIntact: true }
    return { ...what, ...times, outcome, ...more }
  })
}

const judgeEvents = (ledger: Partial<SoakLedger>) =>
  judgeLedger({ sent: [createSent(1), createSent(2)], arrivals: [], disruptions: [], ...ledger })

const NO_FAULTS = {
  lost: [],
  outOfOrder: [],
  repeated: [],
  altered: [],
  explained: { brokenOff: 0, inTrouble: 0 },
}
const createDisruption = (from: number, until = from + 5): Disruption => ({
  kind: 'worker killed',
  from,
  until,
})

test('what came once and in order is fine', () => {
  expect(judgeEvents({ arrivals: createArrivals([1], [2]) })).toEqual(NO_FAULTS)
})

test('subscriptions do not wait for each other', () => {
  const elsewhere = { destination: 3 }
  const both = [createSent(1), createSent(2, { destinations: [3] })]
  const came = createArrivals([2, 'taken', elsewhere], [1])
  expect(judgeEvents({ sent: both, arrivals: came })).toEqual(NO_FAULTS)
})

describe('a loss is', () => {
  test('what was acknowledged and never came', () => {
    expect(judgeEvents({ arrivals: createArrivals([1]) })).toEqual({
      ...NO_FAULTS,
      lost: ['1.2 at 0'],
    })
  })

  test('what came and was never taken', () => {
    const came = createArrivals([1, 'refused'], [1, 'unanswered'], [2])
    const { lost } = judgeEvents({ arrivals: came })
    expect(lost).toEqual(['1.1 at 0'])
  })

  test('what came to one of its destinations and not to the other, acknowledged or not', () => {
    for (const isAcknowledged of [true, false]) {
      const one = createSent(1, { destinations: [0, 4], isAcknowledged })
      expect(judgeEvents({ sent: [one], arrivals: createArrivals([1]) }).lost).toEqual(['1.1 at 4'])
    }
  })

  test('not what was never acknowledged, and came nowhere', () => {
    const unknown = createSent(2, { isAcknowledged: false })
    expect(judgeEvents({ sent: [createSent(1), unknown], arrivals: createArrivals([1]) })).toEqual(
      NO_FAULTS,
    )
  })
})

describe('out of order is', () => {
  test('what comes after a newer one', () => {
    const { outOfOrder } = judgeEvents({ arrivals: createArrivals([2], [1]) })
    expect(outOfOrder).toEqual(['1 to 0: 1 came after 2'])
  })

  test('what comes again after a newer one, whatever became of it before', () => {
    for (const ending of ['taken', 'broken_off', 'refused', 'unanswered'] as const) {
      const came = createArrivals([1, ending], [2], [1])
      expect(
        judgeEvents({ arrivals: came, disruptions: [createDisruption(1000)] }).outOfOrder,
      ).toHaveLength(1)
    }
  })

  test('what was not acknowledged, too, where it is not in its place', () => {
    const unknown = createSent(1, { isAcknowledged: false })
    const { outOfOrder } = judgeEvents({
      sent: [unknown, createSent(2)],
      arrivals: createArrivals([2], [1]),
    })
    expect(outOfOrder).toHaveLength(1)
  })

  test('what comes while the one before is being answered', () => {
    const came = createArrivals([1, 'taken', { endedTick: 2001 }], [2])
    expect(judgeEvents({ arrivals: came }).outOfOrder).toEqual([
      '1 to 0: 2 came before 1 was answered',
    ])
  })
})

describe('a message that comes again is', () => {
  const repeat = (ending: ArrivalOutcome, disruptions: readonly Disruption[] = []) =>
    judgeEvents({ arrivals: createArrivals([1, ending], [1], [2]), disruptions })

  test('no duplicate where it was refused', () => {
    expect(repeat('refused')).toEqual(NO_FAULTS)
  })

  test('explained where its answer was not there, or not whole', () => {
    const explained = { brokenOff: 1, inTrouble: 0 }
    expect(repeat('unanswered')).toEqual({ ...NO_FAULTS, explained })
    expect(repeat('broken_off')).toEqual({ ...NO_FAULTS, explained })
  })

  test('explained by a kill while it was answered or recorded', () => {
    const explained = { brokenOff: 0, inTrouble: 1 }
    for (const from of [996, 1005, 1500]) {
      expect(repeat('taken', [createDisruption(from)])).toEqual({ ...NO_FAULTS, explained })
    }
  })

  test('explained where the database was away, and missed for a moment longer', () => {
    const away: Disruption = { kind: 'database restarted', from: -5000, until: -1500 }
    expect(repeat('taken', [away]).repeated).toEqual([])
  })

  test('a fault where it was taken and nothing went wrong', () => {
    expect(repeat('taken')).toEqual({
      ...NO_FAULTS,
      repeated: ['1 to 0: 1 came again, 990 ms after it was taken'],
    })
  })

  test('a fault where what went wrong was over before, or long after', () => {
    expect(repeat('taken', [createDisruption(900), createDisruption(2001)]).repeated).toHaveLength(
      1,
    )
    const late = createArrivals(
      [1],
      [1, 'taken', { beganTick: 29_000, beganAt: 29_000, endedTick: 29_010, endedAt: 29_010 }],
    )
    expect(
      judgeEvents({ arrivals: late, disruptions: [createDisruption(25_000)] }).repeated,
    ).toHaveLength(1)
  })

  test('a fault while it is still being answered', () => {
    const came = createArrivals([1, 'unanswered', { endedTick: 2001 }], [1], [2])
    expect(judgeEvents({ arrivals: came }).repeated).toHaveLength(1)
  })
})

test('a message with another body or destination than sent is altered', () => {
  const stranger = { destination: 2 }
  const came = createArrivals([1, 'taken', { isIntact: false }], [2], [2, 'taken', stranger], [3])
  expect(judgeEvents({ arrivals: came }).altered).toEqual(['1.1 at 0', '1.2 at 2', '1.3 at 0'])
})

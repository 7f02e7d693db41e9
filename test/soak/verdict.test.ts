import { describe, expect, test } from 'vitest'
import type { Arrival, Ending, Ledger, Sent, Trouble } from './ledger.ts'
import { judge } from './verdict.ts'

/*
 * The checker itself: each ledger is made up, and has one thing wrong with it or none.
 */

/** Message n of source 1, at destination 0 where nothing else is said. */
const sent = (number: number, more: Partial<Sent> = {}): Sent => ({
  source: 1,
  number,
  destinations: [0],
  isAcknowledged: true,
  ...more,
})

/** Of a message after the other: each began at 1000, 2000, …, and ended 10 later. */
function arrivals(...rows: readonly [number, Ending?, Partial<Arrival>?][]): Arrival[] {
  return rows.map(([number, ending = 'taken', more], n) => {
    const at = 1000 * (n + 1)
    const times = { began: at, at, ended: at + 10, endedAt: at + 10 }
    const what = { source: 1, number, destination: 0, deliveryId: `${number}`, isIntact: true }
    return { ...what, ...times, ending, ...more }
  })
}

const verdict = (ledger: Partial<Ledger>) =>
  judge({ sent: [sent(1), sent(2)], arrivals: [], troubles: [], ...ledger })

const FINE = {
  lost: [],
  outOfOrder: [],
  repeated: [],
  altered: [],
  explained: { brokenOff: 0, inTrouble: 0 },
}
const killed = (from: number, until = from + 5): Trouble => ({ kind: 'worker killed', from, until })

test('what came once and in order is fine', () => {
  expect(verdict({ arrivals: arrivals([1], [2]) })).toEqual(FINE)
})

test('feeds do not wait for each other', () => {
  const elsewhere = { destination: 3 }
  const both = [sent(1), sent(2, { destinations: [3] })]
  const came = arrivals([2, 'taken', elsewhere], [1])
  expect(verdict({ sent: both, arrivals: came })).toEqual(FINE)
})

describe('a loss is', () => {
  test('what was acknowledged and never came', () => {
    expect(verdict({ arrivals: arrivals([1]) })).toEqual({ ...FINE, lost: ['1.2 at 0'] })
  })

  test('what came and was never taken', () => {
    const came = arrivals([1, 'refused'], [1, 'unanswered'], [2])
    const { lost } = verdict({ arrivals: came })
    expect(lost).toEqual(['1.1 at 0'])
  })

  test('what came to one of its destinations and not to the other, acknowledged or not', () => {
    for (const isAcknowledged of [true, false]) {
      const one = sent(1, { destinations: [0, 4], isAcknowledged })
      expect(verdict({ sent: [one], arrivals: arrivals([1]) }).lost).toEqual(['1.1 at 4'])
    }
  })

  test('not what was never acknowledged, and came nowhere', () => {
    const unknown = sent(2, { isAcknowledged: false })
    expect(verdict({ sent: [sent(1), unknown], arrivals: arrivals([1]) })).toEqual(FINE)
  })
})

describe('out of order is', () => {
  test('what comes after a newer one', () => {
    const { outOfOrder } = verdict({ arrivals: arrivals([2], [1]) })
    expect(outOfOrder).toEqual(['1 to 0: 1 came after 2'])
  })

  test('what comes again after a newer one, whatever became of it before', () => {
    for (const ending of ['taken', 'broken_off', 'refused', 'unanswered'] as const) {
      const came = arrivals([1, ending], [2], [1])
      expect(verdict({ arrivals: came, troubles: [killed(1000)] }).outOfOrder).toHaveLength(1)
    }
  })

  test('what was not acknowledged, too, where it is not in its place', () => {
    const unknown = sent(1, { isAcknowledged: false })
    const { outOfOrder } = verdict({ sent: [unknown, sent(2)], arrivals: arrivals([2], [1]) })
    expect(outOfOrder).toHaveLength(1)
  })

  test('what comes while the one before is being answered', () => {
    const came = arrivals([1, 'taken', { ended: 2001 }], [2])
    expect(verdict({ arrivals: came }).outOfOrder).toEqual(['1 to 0: 2 came before 1 was answered'])
  })
})

describe('a message that comes again is', () => {
  const again = (ending: Ending, troubles: readonly Trouble[] = []) =>
    verdict({ arrivals: arrivals([1, ending], [1], [2]), troubles })

  test('no duplicate where it was refused', () => {
    expect(again('refused')).toEqual(FINE)
  })

  test('explained where its answer was not there, or not whole', () => {
    const explained = { brokenOff: 1, inTrouble: 0 }
    expect(again('unanswered')).toEqual({ ...FINE, explained })
    expect(again('broken_off')).toEqual({ ...FINE, explained })
  })

  test('explained where somebody was killed while it was answered, or its answer written down', () => {
    const explained = { brokenOff: 0, inTrouble: 1 }
    for (const from of [996, 1005, 1500]) {
      expect(again('taken', [killed(from)])).toEqual({ ...FINE, explained })
    }
  })

  test('explained where the database was away, and missed for a moment longer', () => {
    const away: Trouble = { kind: 'database restarted', from: -5000, until: -1500 }
    expect(again('taken', [away]).repeated).toEqual([])
  })

  test('a fault where it was taken and nothing went wrong', () => {
    expect(again('taken')).toEqual({
      ...FINE,
      repeated: ['1 to 0: 1 came again, 990 ms after it was taken'],
    })
  })

  test('a fault where what went wrong was over before, or long after', () => {
    expect(again('taken', [killed(900), killed(2001)]).repeated).toHaveLength(1)
    const late = arrivals(
      [1],
      [1, 'taken', { began: 29_000, at: 29_000, ended: 29_010, endedAt: 29_010 }],
    )
    expect(verdict({ arrivals: late, troubles: [killed(25_000)] }).repeated).toHaveLength(1)
  })

  test('a fault while it is still being answered', () => {
    const came = arrivals([1, 'unanswered', { ended: 2001 }], [1], [2])
    expect(verdict({ arrivals: came }).repeated).toHaveLength(1)
  })
})

test('what is not what was sent, or not to whom, is altered', () => {
  const stranger = { destination: 2 }
  const came = arrivals([1, 'taken', { isIntact: false }], [2], [2, 'taken', stranger], [3])
  expect(verdict({ arrivals: came }).altered).toEqual(['1.1 at 0', '1.2 at 2', '1.3 at 0'])
})

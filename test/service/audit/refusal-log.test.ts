import { beforeEach, describe, expect, test } from 'vitest'
import type { Failure } from '../../../src/domain/failure.ts'
import { createRefusalLog, type RefusalLog } from '../../../src/service/audit/refusal-log.ts'
import { createTestLog } from '../../support/server.ts'
import { createTestClock, SECOND_MS, type TestClock } from '../../support/time.ts'

let log: ReturnType<typeof createTestLog>
let clock: TestClock
let refusalLog: RefusalLog
let requests: number
beforeEach(() => {
  log = createTestLog()
  clock = createTestClock()
  refusalLog = createRefusalLog({ log, clock })
  requests = 0
})

const HERE = '203.0.113.7'
const UNKNOWN: Failure = { reason: 'key_unknown' }
const refuse = (
  count: number,
  failure: Failure = UNKNOWN,
  address = HERE,
  surface = 'exchange',
) => {
  for (let n = 0; n < count; n++) {
    const requestId = `request-${++requests}`
    refusalLog.logRefusal(surface, failure, { address, requestId, path: '/auth/authenticate' })
  }
}
/** The ids of all requests that the log names, in order. */
const listLoggedIds = () =>
  log.lines.flatMap(({ facts }) => {
    const { requestId, requestIds = [] } = facts as { requestId?: string; requestIds?: string[] }
    return requestId === undefined ? requestIds : [requestId]
  })
const listMessages = () => log.lines.map(({ message }) => message)

describe('refusals', () => {
  test('have a line each, at once, for the first five alike in a second', () => {
    refuse(5)
    expect(log.lines).toEqual(
      Array.from({ length: 5 }, (_, n) => ({
        level: 'info',
        message: 'exchange refused',
        facts: {
          address: HERE,
          requestId: `request-${n + 1}`,
          path: '/auth/authenticate',
          reason: 'key_unknown',
        },
      })),
    )
  })

  test('beyond them share one line, with the id of every request', () => {
    refuse(8)
    expect(log.lines).toHaveLength(5)
    refusalLog.flush()
    refusalLog.flush()
    expect(log.lines).toHaveLength(6)
    expect(log.lines.at(-1)).toEqual({
      level: 'info',
      message: 'exchange refused repeatedly',
      facts: {
        address: HERE,
        path: '/auth/authenticate',
        reason: 'key_unknown',
        count: 3,
        requestIds: ['request-6', 'request-7', 'request-8'],
      },
    })
  })

  test('of a flood are all found by their request ids, in lines that a pipe takes in one piece', () => {
    refuse(1000)
    refusalLog.flush()
    expect(listLoggedIds()).toEqual(Array.from({ length: 1000 }, (_, n) => `request-${n + 1}`))
    expect(log.lines).toHaveLength(5 + Math.ceil(995 / 64))
    const ids = Array.from({ length: 64 }, () => crypto.randomUUID())
    expect(JSON.stringify(ids).length).toBeLessThan(3000)
  })

  test('that differ in reason, key, address or surface are not alike', () => {
    refuse(5)
    refuse(5, { reason: 'secret_wrong', keyId: 'one' })
    refuse(5, { reason: 'secret_wrong', keyId: 'two' })
    refuse(5, UNKNOWN, '203.0.113.8')
    refuse(5, UNKNOWN, HERE, 'refresh')
    expect(log.lines).toHaveLength(25)
    refuse(1, { reason: 'secret_wrong', keyId: 'two' })
    refusalLog.flush()
    expect(log.lines.at(-1)?.facts).toEqual({
      address: HERE,
      path: '/auth/authenticate',
      keyId: 'two',
      reason: 'secret_wrong',
      count: 1,
      requestIds: ['request-26'],
    })
  })

  test('have lines of their own again in the next second, with or without a flush', () => {
    refuse(7)
    clock.advance(SECOND_MS)
    refuse(1)
    expect(listMessages().slice(5)).toEqual(['exchange refused repeatedly', 'exchange refused'])
    expect(listLoggedIds()).toHaveLength(8)
  })

  test('are logged after a clock that was set back, too', () => {
    refuse(6)
    clock.advance(-3600 * SECOND_MS)
    refuse(1)
    expect(listLoggedIds()).toHaveLength(7)
  })

  test('do not log the name of a member that the caller sent', () => {
    refuse(6, { reason: 'member_repeated', member: 'my secret' })
    refusalLog.flush()
    expect(JSON.stringify(log.lines)).not.toContain('my secret')
  })
})

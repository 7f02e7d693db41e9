import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { SeededRandom } from '../support/random.ts'
import type { LedgerRecorder, SoakArrival } from './ledger.ts'
import { parseSoakMessage } from './vendor.ts'

/** A real destination behind a socket, of changing conduct. It writes down what comes. */
export async function startSoakDestination(
  destination: number,
  random: SeededRandom,
  ledgerRecorder: LedgerRecorder,
) {
  const nextBehavior = createBehaviorSequence(random)
  const server = createServer(async (request, answer) => {
    const [beganTick, beganAt] = [ledgerRecorder.nextTick(), Date.now()]
    const behavior = nextBehavior()
    ledgerRecorder.recordRequest(behavior)
    if (behavior === 'resets before it reads') {
      request.socket.resetAndDestroy()
      return
    }
    const body = await readBody(request)
    // The server was killed while it was sending.
    if (body === null) return
    const openEnd = { endedTick: Number.POSITIVE_INFINITY, endedAt: Number.POSITIVE_INFINITY }
    const arrival = ledgerRecorder.recordArrival({
      ...parseSoakMessage(body, destination),
      destination,
      beganTick,
      beganAt,
      outcome: 'unanswered',
      ...openEnd,
    })
    await behave(behavior, arrival, answer)
  })

  /** Records the response before sending it, so that no sender can act on it sooner. */
  async function behave(
    behavior: SoakBehavior,
    arrival: SoakArrival,
    answer: ServerResponse,
  ): Promise<void> {
    const { socket } = answer
    if (behavior === 'answers slowly') await delay(random.between(50, 500))
    if (behavior === 'hangs, then resets') await waitOrClose(answer, random.between(200, 1500))
    if (socket === null || socket.destroyed) {
      ledgerRecorder.recordOutcome(arrival, 'unanswered')
    } else if (behavior === 'answers' || behavior === 'answers slowly') {
      ledgerRecorder.recordOutcome(arrival, 'taken')
      answer.end('{"received":true}')
    } else if (behavior === 'answers 500' || behavior === 'answers 404') {
      ledgerRecorder.recordOutcome(arrival, 'refused')
      answer.writeHead(behavior === 'answers 500' ? 500 : 404).end('not today')
    } else if (behavior === 'breaks off in the body of its answer') {
      ledgerRecorder.recordOutcome(arrival, 'broken_off')
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"rece')
    } else {
      ledgerRecorder.recordOutcome(arrival, 'unanswered')
      if (behavior === 'breaks off in the head of its answer') socket.end('HTTP/1.1 20')
      else socket.resetAndDestroy()
    }
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/messages`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** Waits so long, or until the sender has given up. */
async function waitOrClose(answer: ServerResponse, ms: number): Promise<void> {
  const gone = new AbortController()
  answer.once('close', () => gone.abort())
  await delay(ms, undefined, { signal: gone.signal }).catch(() => undefined)
}

/** Null where it broke off. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  try {
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    return text
  } catch {
    return null
  }
}

/** Faults of a destination. It has read the message in all cases but one. */
export const DESTINATION_FAULTS = [
  'answers 500',
  'answers 404',
  'hangs, then resets',
  'resets before it reads',
  'resets after it has read',
  'breaks off in the head of its answer',
  'breaks off in the body of its answer',
  'answers slowly',
] as const

export type DestinationFault = (typeof DESTINATION_FAULTS)[number]
export type SoakBehavior = 'answers' | DestinationFault

/** So many of a hundred requests go wrong in fair weather and in foul. */
const FAULT_SHARES = { fair: 0.04, foul: 0.6 }

/** A destination is well for a while, fails more often than not, and is well again. */
export function createBehaviorSequence(chance: SeededRandom): () => SoakBehavior {
  let isUnhealthy = true
  let remaining = 0
  return () => {
    if (remaining === 0) {
      isUnhealthy = !isUnhealthy
      remaining = isUnhealthy ? chance.between(5, 25) : chance.between(20, 150)
    }
    remaining--
    return chance.happens(isUnhealthy ? FAULT_SHARES.foul : FAULT_SHARES.fair)
      ? chance.pick(DESTINATION_FAULTS)
      : 'answers'
  }
}

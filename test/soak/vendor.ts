import { setTimeout as delay } from 'node:timers/promises'
import { type Answer, clientOf, tokensOf } from '../support/client.ts'
import type { Chance } from './chance.ts'
import { writeMessage } from './message.ts'
import type { Stage } from './stage.ts'
import type { Vendor } from './world.ts'

/** Whoever is not answered comes back after so long. */
const COME_BACK_MS = 100

/** What one vendor has to do. */
export interface Share {
  /** So many of its messages are to be acknowledged. */
  readonly count: number
  /** While so many deliveries are outstanding nobody sends, so that sending and delivering last equally long. */
  readonly mostOutstanding: number
}

export interface Sender {
  readonly source: number
  readonly accessToken: string
}

export async function signIn({ source, apiKey, secret }: Vendor, url: string): Promise<Sender> {
  const { accessToken } = tokensOf(await clientOf(url).authenticate(apiKey, secret))
  return { source, accessToken }
}

/**
 * Sends one message after the other until so many are acknowledged. What is not acknowledged is given
 * up: sent again, it would be another message.
 */
export async function sendMessages(
  { source, accessToken }: Sender,
  { count, mostOutstanding }: Share,
  { fleet, recorder, destinationIds, signal }: Stage,
  chance: Chance,
): Promise<void> {
  const comeBack = () => delay(COME_BACK_MS, undefined, { signal })
  for (let number = 1, acknowledged = 0; acknowledged < count; number++) {
    while (recorder.outstanding() > mostOutstanding) await comeBack()
    const mark = { source, number }
    const destinations = chooseSome(destinationIds.length, chance)
    const sent = recorder.send(mark, destinations)
    const message = writeMessage(
      mark,
      destinations.map((n) => destinationIds[n] ?? ''),
    )
    const status = await post(message)
    if (status === 200) {
      recorder.acknowledge(sent)
      acknowledged++
    } else if (status === null || status >= 500) {
      await comeBack()
    } else {
      throw new Error(`message ${source}.${number} was answered ${status}`)
    }
  }

  /** Null where there was no answer. Where nobody took the connection, nothing was sent. */
  async function post(message: object): Promise<number | null> {
    for (;;) {
      try {
        const answer: Answer = await clientOf(fleet.url()).endpoint(accessToken, message)
        return answer.status
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as { code?: string }
        if (code !== 'ECONNREFUSED') return null
        await comeBack()
      }
    }
  }
}

/** Mostly one, sometimes two, seldom all. */
function chooseSome(all: number, chance: Chance): number[] {
  const first = chance.between(0, all - 1)
  if (chance.happens(0.85)) return [first]
  const count = chance.happens(0.7) ? 2 : all
  return Array.from({ length: count }, (_, n) => (first + n) % all)
}

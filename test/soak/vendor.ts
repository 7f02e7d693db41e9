import { setTimeout as delay } from 'node:timers/promises'
import type { SeededRandom } from '../support/random.ts'
import { createDeviceNewMessage } from '../support/server.ts'
import {
  createVendorClient,
  parseTokenResponse,
  type VendorResponse,
} from '../support/vendor-clients.ts'
import type { MessageMark, SoakArrival } from './ledger.ts'
import type { SoakStage, SoakVendor } from './soak.ts'

/** The delay before a request without a response is retried. */
const RETRY_DELAY_MS = 100

/** The workload of one vendor. */
export interface VendorShare {
  /** So many of its messages are to be acknowledged. */
  readonly count: number
  /** Vendors pause at this many outstanding deliveries, so that sending takes as long as delivering. */
  readonly maxOutstanding: number
}

export interface VendorSender {
  readonly source: number
  readonly accessToken: string
}

export async function authenticateSender(
  { source, apiKey, secret }: SoakVendor,
  url: string,
): Promise<VendorSender> {
  const { accessToken } = parseTokenResponse(
    await createVendorClient(url).authenticate(apiKey, secret),
  )
  return { source, accessToken }
}

/**
 * Sends one message after the other until so many are acknowledged. What is not acknowledged is given
 * up: sent again, it would be another message.
 */
export async function sendSoakMessages(
  { source, accessToken }: VendorSender,
  { count, maxOutstanding }: VendorShare,
  { fleet, ledgerRecorder, destinationIds, signal }: SoakStage,
  random: SeededRandom,
): Promise<void> {
  const waitToRetry = () => delay(RETRY_DELAY_MS, undefined, { signal })
  for (let number = 1, acknowledged = 0; acknowledged < count; number++) {
    while (ledgerRecorder.outstandingCount() > maxOutstanding) await waitToRetry()
    const mark = { source, number }
    const destinations = chooseDestinations(destinationIds.length, random)
    const sent = ledgerRecorder.recordSent(mark, destinations)
    const message = createSoakMessage(
      mark,
      destinations.map((n) => destinationIds[n] ?? ''),
    )
    const status = await post(message)
    if (status === 200) {
      ledgerRecorder.recordAcknowledged(sent)
      acknowledged++
    } else if (status === null || status >= 500) {
      await waitToRetry()
    } else {
      throw new Error(`message ${source}.${number} was answered ${status}`)
    }
  }

  /** Returns null where there was no response. Where no server took the connection, nothing was sent. */
  async function post(message: object): Promise<number | null> {
    for (;;) {
      try {
        const answer: VendorResponse = await createVendorClient(fleet.url()).endpoint(
          accessToken,
          message,
        )
        return answer.status
      } catch (error) {
        const { code } = ((error as Error).cause ?? {}) as { code?: string }
        if (code !== 'ECONNREFUSED') return null
        await waitToRetry()
      }
    }
  }
}

/** Mostly one, sometimes two, seldom all. */
function chooseDestinations(all: number, random: SeededRandom): number[] {
  const first = random.between(0, all - 1)
  if (random.happens(0.85)) return [first]
  const count = random.happens(0.7) ? 2 : all
  return Array.from({ length: count }, (_, n) => (first + n) % all)
}

/** Creates a message with its number and a random length of up to 5 KB. */
export function createSoakMessage(mark: MessageMark, destinationIds: readonly string[]): object {
  const [first = ''] = destinationIds
  const Destinations = destinationIds.map((ID) => ({ ID }))
  return {
    ...createDeviceNewMessage(first, { Destinations }),
    Soak: { ...mark, text: createMessageText(mark) },
  }
}

const createMessageText = ({ source, number }: MessageMark) =>
  `${source}.${number} `.repeat(1 + ((number * 37) % 600))

/** The message as a destination receives it: it names every destination. */
interface DeliveredSoakMessage {
  readonly Meta: {
    readonly Destinations: readonly { readonly Name: string }[]
    readonly Logs: readonly { readonly ID: string }[]
  }
  readonly Soak: MessageMark & { readonly text: string }
}

export const formatDestinationName = (destination: number) => `Destination ${destination}`

export function parseSoakMessage(
  body: string,
  destination: number,
): MessageMark & Pick<SoakArrival, 'deliveryId' | 'isIntact'> {
  const { Meta, Soak } = JSON.parse(body) as DeliveredSoakMessage
  const { source, number, text } = Soak
  const hop = Meta.Destinations.findIndex(({ Name }) => Name === formatDestinationName(destination))
  const deliveryId = Meta.Logs[hop]?.ID ?? 'none'
  return { source, number, deliveryId, isIntact: text === createMessageText({ source, number }) }
}

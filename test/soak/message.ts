import { deviceNew } from '../support/server.ts'
import type { Arrival, Mark } from './ledger.ts'

/** A message that says who it is, of a length of its own: up to some 5 KB. */
export function writeMessage(mark: Mark, destinationIds: readonly string[]): object {
  const [first = ''] = destinationIds
  const Destinations = destinationIds.map((ID) => ({ ID }))
  return { ...deviceNew(first, { Destinations }), Soak: { ...mark, text: textOf(mark) } }
}

const textOf = ({ source, number }: Mark) =>
  `${source}.${number} `.repeat(1 + ((number * 37) % 600))

/** As its destinations read it, which are told of each other. */
interface Delivered {
  readonly Meta: {
    readonly Destinations: readonly { readonly Name: string }[]
    readonly Logs: readonly { readonly ID: string }[]
  }
  readonly Soak: Mark & { readonly text: string }
}

export const destinationName = (destination: number) => `Destination ${destination}`

export function readMessage(
  body: string,
  destination: number,
): Mark & Pick<Arrival, 'deliveryId' | 'isIntact'> {
  const { Meta, Soak } = JSON.parse(body) as Delivered
  const { source, number, text } = Soak
  const hop = Meta.Destinations.findIndex(({ Name }) => Name === destinationName(destination))
  const deliveryId = Meta.Logs[hop]?.ID ?? 'none'
  return { source, number, deliveryId, isIntact: text === textOf({ source, number }) }
}

import { findEventKind } from './catalog.ts'
import { type Failure, fail, ok, type Result } from './failure.ts'
import type { Key } from './key.ts'

export interface Destination {
  readonly id: string
  readonly name: string
  readonly url: string | null
  /** True if plain http is allowed. */
  readonly development: boolean
  readonly verifiedAt: number | null
  /** The agreed verification token, sealed; null if there is none. */
  readonly sealedToken: string | null
}

/** A subscription joins a source to a destination, for one data model or (null) for all. */
export interface Subscription {
  readonly id: string
  readonly dataModel: string | null
  readonly destination: Destination
}

/** The routes of a key's messages from one source: the active subscriptions of that source. */
export interface KeyRouting {
  readonly sourceId: string
  readonly sourceName: string
  /**
   * True if a message must name its source: the key has several, or its account has other keys with a
   * source that are not revoked.
   */
  readonly needsSource: boolean
  readonly subscriptions: readonly Subscription[]
}

/** The routing fields of a message. */
export interface MessageEnvelope {
  readonly dataModel: string
  readonly eventType: string
  readonly sourceId: string | null
  /** Has at least one entry. */
  readonly destinationIds: readonly string[]
}

export interface MessageRoute {
  readonly source: { readonly id: string; readonly name: string }
  readonly synchronous: boolean
  /** One for each destination, in the order of the message. */
  readonly hops: readonly [Subscription, ...Subscription[]]
}

/**
 * Routes a message to its destinations by the key's routing for its source. Returns the first failure if
 * it must not be sent.
 */
export function routeMessage(
  { id: keyId }: Pick<Key, 'id'>,
  routings: readonly KeyRouting[],
  message: MessageEnvelope,
): Result<MessageRoute> {
  const { dataModel, eventType, sourceId, destinationIds } = message
  const kind = findEventKind(dataModel, eventType)
  if (kind === null) return fail({ reason: 'event_unknown', dataModel, eventType })
  const [firstRouting] = routings
  if (firstRouting === undefined) {
    return fail({ reason: 'permission_missing', keyId, detail: 'it has no source' })
  }
  if (sourceId === null && firstRouting.needsSource) return fail({ reason: 'source_required' })
  const routing =
    sourceId === null ? firstRouting : routings.find((each) => each.sourceId === sourceId)
  if (routing === undefined) return fail({ reason: 'source_other', sourceId: sourceId ?? '' })
  const synchronous = kind === 'synchronous'
  if (synchronous && destinationIds.length > 1) return fail({ reason: 'synchronous_to_many' })

  const hops: Subscription[] = []
  for (const destinationId of destinationIds) {
    const hop = findHop(routing, destinationId, dataModel)
    if ('reason' in hop) return fail(hop)
    hops.push(hop)
  }
  const [first, ...rest] = hops
  if (first === undefined) return fail({ reason: 'field_missing', field: 'Meta.Destinations' })
  const source = { id: routing.sourceId, name: routing.sourceName }
  return ok({ source, synchronous, hops: [first, ...rest] })
}

function findHop(
  routing: KeyRouting,
  destinationId: string,
  dataModel: string,
): Subscription | Failure {
  const subscription = routing.subscriptions.find(
    (s) =>
      s.destination.id === destinationId && (s.dataModel === null || s.dataModel === dataModel),
  )
  if (subscription === undefined) return { reason: 'destination_not_subscribed', destinationId }
  if (subscription.destination.verifiedAt === null) {
    return { reason: 'destination_unverified', destinationId }
  }
  return subscription
}

import { ok } from '../domain/failure.ts'
import { conflict, type Done, eventOf, notFound, type OperatorDeps, readName } from './operator.ts'
import type { EditStorage } from './ports/edits.ts'
import type { DestinationSummary, OperatorStorage, Source } from './ports.ts'

export interface RouteEditsDeps extends OperatorDeps {
  readonly storage: Pick<
    OperatorStorage & EditStorage,
    'findSource' | 'findDestination' | 'rename' | 'findSubscription' | 'removeSubscription'
  >
}

/** Other names, and the end of what was joined. A message that is on its way has the name of its moment. */
export function createRouteEdits(deps: RouteEditsDeps) {
  const { storage } = deps

  return {
    async renameSource(id: string, wished: string): Promise<Done<Source>> {
      const name = readName('the name', wished)
      if (!name.ok) return name
      const event = eventOf(deps, 'source.renamed', id, { name: name.value })
      const renamed = await storage.rename('source', id, name.value, event)
      const source = renamed ? await storage.findSource(id) : null
      return source === null ? notFound(`there is no source ${id}`) : ok(source)
    },

    async renameDestination(id: string, wished: string): Promise<Done<DestinationSummary>> {
      const name = readName('the name', wished)
      if (!name.ok) return name
      const event = eventOf(deps, 'destination.renamed', id, { name: name.value })
      const renamed = await storage.rename('destination', id, name.value, event)
      const destination = renamed ? await storage.findDestination(id) : null
      return destination === null ? notFound(`there is no destination ${id}`) : ok(destination)
    },

    /** Nothing more is accepted for it. Only what has nothing queued: that is sent or emptied first. */
    async unsubscribe(id: string): Promise<Done<void>> {
      const subscription = await storage.findSubscription(id)
      if (subscription === null) return notFound(`there is no subscription ${id}`)
      const { sourceId, destinationId } = subscription
      const event = eventOf(deps, 'subscription.removed', id, { sourceId, destinationId })
      return (await storage.removeSubscription(id, event))
        ? ok(undefined)
        : conflict('messages are queued in it: let them be sent, or empty the queue first')
    },
  }
}

import type { AttemptSummary, FeedStorage, MessageStorage, OperatorStorage } from '../ports.ts'
import { NOT_TOLD, type Own, outOfScope, withOwn } from './own.ts'

type Verbs = MessageStorage & Omit<FeedStorage, 'findFeed' | 'purgeFeed'>

/** Messages, where no other account exists: they are their source's. */
export function scopeMessages(
  storage: MessageStorage & FeedStorage & Pick<OperatorStorage, 'findDestination'>,
  own: Own,
): Verbs {
  return {
    listMessages: (page) => own.list(page, storage.listMessages),
    findMessage: own.message,
    findPayload: (id) => withOwn(own.message(id), () => storage.findPayload(id), null),
    listAttempts: (id, limit) =>
      withOwn(own.message(id), async () => guardedFor(await storage.listAttempts(id, limit)), []),
    replayMessage: (id, destinationId, event) =>
      withOwn(own.message(id), () => storage.replayMessage(id, destinationId, event), 0),
    skipMessage: (id, destinationId, event) =>
      withOwn(own.message(id), () => storage.skipMessage(id, destinationId, event), 0),

    // Without an event it is nobody's test, and what comes in and goes out is the server's own work,
    // for all accounts alike.
    async addMessage(message, event) {
      const isTest = event !== undefined && (await own.source(message.sourceId)) !== null
      return isTest ? storage.addMessage(message, event) : outOfScope('addMessage')()
    },
    listDueFeeds: outOfScope('listDueFeeds'),
    findDueAt: outOfScope('findDueAt'),
    leaseFeed: outOfScope('leaseFeed'),
    renewLeases: outOfScope('renewLeases'),
    releaseFeed: outOfScope('releaseFeed'),
    findHead: outOfScope('findHead'),
    settleDelivered: outOfScope('settleDelivered'),
    settleFailed: outOfScope('settleFailed'),
    erasePayloads: outOfScope('erasePayloads'),
  }

  /** Why a destination was not reached may name where it is: of another account's, it is not told. */
  async function guardedFor(attempts: readonly AttemptSummary[]): Promise<AttemptSummary[]> {
    const ids = [...new Set(attempts.map(({ destinationId }) => destinationId))]
    const found = await Promise.all(ids.map(own.destination))
    const foreign = new Set(ids.filter((_, n) => found[n] === null))
    const isToldOfPlace = ({ destinationId, outcome }: AttemptSummary) =>
      foreign.has(destinationId) && (outcome === 'failed' || outcome === 'forbidden')
    return attempts.map((attempt) =>
      isToldOfPlace(attempt) ? { ...attempt, detail: NOT_TOLD } : attempt,
    )
  }
}

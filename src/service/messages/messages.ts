import { ok, type Result } from '../../domain/failure.ts'
import { checkKeyUsable } from '../../domain/key.ts'
import type { ManagementDeps, ManagementStorage } from '../account-scope.ts'
import { type ActorDeps, createAuditEvent } from '../audit/audit-event.ts'
import type { KeyCache } from '../authenticate/key-cache.ts'
import type { Caller } from '../caller.ts'
import type { AuditEvent } from '../ports/audit.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { Page } from '../ports/lists.ts'
import type {
  AttemptSummary,
  MessageFilter,
  MessageIdStorage,
  MessageSummary,
} from '../ports/messages.ts'
import type { Clock, MaybePromise } from '../ports/runtime.ts'
import { failConflict, failNotFound, type ServiceResult } from '../service-result.ts'
import type { AcceptMessageDeps, IncomingMessage, MessageReceipt } from './accept.ts'
import { openPayload } from './payload.ts'

export interface MessagesDeps extends ManagementDeps, Omit<SendTestMessageDeps, 'storage'> {
  readonly sealer: Sealer
}

/** The number of attempts of a message that are listed. */
const MAX_LISTED_ATTEMPTS = 50

/** Lists, opens, replays, skips and tests messages. */
export function createMessages(deps: MessagesDeps) {
  const { storage } = deps

  return {
    list: (page: Page & MessageFilter) => storage.listMessages(page),
    find,

    /** Lists the last attempts, the newest first. */
    async listAttempts(id: string): Promise<ServiceResult<AttemptSummary[]>> {
      const message = await find(id)
      return message.ok ? ok(await storage.listAttempts(id, MAX_LISTED_ATTEMPTS)) : message
    },

    sendTest: createSendTestMessage(deps),

    /**
     * Queues the message again, at the end, for one destination or for all where it is no longer
     * queued.
     */
    async replay(id: string, destinationId?: string): Promise<ServiceResult<MessageSummary>> {
      const event = createAuditEvent(
        deps,
        'message.replayed',
        id,
        toDestinationFacts(destinationId),
      )
      const queued = await storage.replayMessage(id, destinationId ?? null, event)
      if (queued > 0) return find(id)
      const message = await find(id)
      if (!message.ok) return message
      if ((await storage.findPayload(id)) === null) {
        return failConflict(formatErasedPayload(id))
      }
      return failConflict(`message ${id} is still queued, so it cannot be replayed`)
    },

    /** Removes the message from the queue of one destination, or of all. */
    async skip(id: string, destinationId?: string): Promise<ServiceResult<MessageSummary>> {
      const event = createAuditEvent(deps, 'message.skipped', id, toDestinationFacts(destinationId))
      const skipped = await storage.skipMessage(id, destinationId ?? null, event)
      const message = await find(id)
      if (skipped > 0 || !message.ok) return message
      return failConflict(`message ${id} is no longer queued`)
    },

    /** Returns the received payload. It may be health data, so the access is recorded first. */
    async readPayload(
      id: string,
    ): Promise<ServiceResult<{ message: MessageSummary; payload: Uint8Array }>> {
      const message = await find(id)
      if (!message.ok) return message
      const stored = await storage.findPayload(id)
      if (stored === null) return failNotFound(formatErasedPayload(id))
      await storage.addEvent(createAuditEvent(deps, 'message.opened', id))
      return ok({ message: message.value, payload: await openPayload(deps, id, stored) })
    },
  }

  async function find(id: string): Promise<ServiceResult<MessageSummary>> {
    const message = await storage.findMessage(id)
    return message === null ? failNotFound(`there is no message ${id}`) : ok(message)
  }
}

const toDestinationFacts = (destinationId?: string) =>
  destinationId === undefined ? {} : { destinationId }

export type Messages = ReturnType<typeof createMessages>

export interface SendTestMessageDeps
  extends ActorDeps,
    Omit<AcceptMessageDeps, 'storage' | 'recordOAuthUse'> {
  readonly storage: Pick<
    ManagementStorage,
    | 'addMessage'
    | 'addPayloadPart'
    | 'deletePayloadParts'
    | 'addEvent'
    | 'findSourceKey'
    | 'findSource'
  >
  readonly keyCache: Pick<KeyCache, 'findByPublicId'>
  readonly region: string
}

/** `messageId`: the id of the stored message; null if it was refused or sent synchronously. */
export interface SentTestMessage {
  readonly messageId: string | null
  readonly result: Result<MessageReceipt>
}

/**
 * Sends a message as a source's key would, through the same code, so that a success here predicts the
 * vendor's. If the vendor would be refused because of their key, so is the test. Only the IP allowlist
 * is not applied, because the user is not at the vendor's address. The audit event that names the user
 * is written with the message, or before a synchronous message is sent. A vendor's message has no such
 * event.
 */
function createSendTestMessage(deps: SendTestMessageDeps) {
  const { storage, keyCache, clock, region } = deps

  return async function sendTest(
    sourceId: string,
    message: Omit<IncomingMessage, 'test'>,
    caller: Caller,
  ): Promise<ServiceResult<SentTestMessage>> {
    const source = await storage.findSource(sourceId)
    if (source === null) return failNotFound(`there is no source ${sourceId}`)
    const summary = await storage.findSourceKey(sourceId)
    const principal = summary && (await keyCache.findByPublicId(summary.publicId))
    if (!principal) {
      return failConflict('the source has no key, so nobody can send as it: create one first')
    }
    const usable = checkKeyUsable(principal.key, null, clock(), region)
    if (!usable.ok) return ok({ messageId: null, result: usable })

    const { dataModel, eventType } = message
    const createTestEvent = (subject: string): AuditEvent =>
      createAuditEvent(deps, 'message.test_sent', subject, { sourceId, dataModel, eventType })
    let messageId: string | null = null
    // Few commands send a message: the others start without its code.
    const { createAcceptMessage } = await import('./accept.ts')
    const acceptMessage = createAcceptMessage({
      ...deps,
      // The user's test is no use of the client.
      recordOAuthUse: () => undefined,
      storage: {
        ...storage,
        async addMessage(stored) {
          await storage.addMessage(stored, createTestEvent(stored.id))
          messageId = stored.id
        },
      },
      webhookClient: {
        async sendSynchronous(...args) {
          await storage.addEvent(createTestEvent(sourceId))
          return deps.webhookClient.sendSynchronous(...args)
        },
      },
    })
    const result = await acceptMessage(principal, { ...message, test: true }, caller)
    return ok({ messageId, result })
  }
}

const formatErasedPayload = (id: string) =>
  `the payload of message ${id} was erased after its last delivery; ` +
  'LATCHKEY_RETENTION_DAYS keeps those of later messages'

const MESSAGE_ID_EPOCH_MS = Date.UTC(2020, 0, 1)
const MESSAGE_IDS_PER_BLOCK = 65_536
const MESSAGE_ID_BLOCK_MS = 16
/** Keeps ids below 2^53. */
const MAX_MESSAGE_ID_BLOCK = 2 ** 37 - 1
/** A clock after 2087 is ignored, because it would use up the remaining blocks. */
const MAX_CLOCK_MESSAGE_ID_BLOCK = MAX_MESSAGE_ID_BLOCK - 2 ** 32

export interface MessageIdDeps {
  readonly storage: MessageIdStorage
  readonly clock: Clock
}

/**
 * Generates `Meta.Message.ID`: an integer from 1 to 2^53 - 1 that no other message of this database
 * has or had. Random ids cannot guarantee that: with time and random bits in 53 bits for a hundred
 * years, one message per second would cause about five collisions a year, ten per second about five
 * hundred. Therefore a process claims blocks in the database. Each block is claimed once, whatever the
 * process's clock says and however often it starts.
 *
 * A block begins no earlier than the time of its claim (65,536 ids per 16 ms, the scale of earlier
 * ids), so that a restored older copy of the database issues none of them again, unless the clock is
 * set back too. Blocks last until 2089 if fewer than 62 are claimed per second on average. Refused
 * requests take no id, so strangers cannot use them up.
 */
export function createMessageIdGenerator({ storage, clock }: MessageIdDeps) {
  let next = 0
  let end = 0

  return (): MaybePromise<number> => (next < end ? next++ : claimBlock())

  async function claimBlock(): Promise<number> {
    for (;;) {
      const free = await storage.findNextIdBlock()
      // A concurrent call in this process may have claimed a block meanwhile.
      if (next < end) return next++
      const block = Math.max(free, Math.min(toClockBlock(clock()), MAX_CLOCK_MESSAGE_ID_BLOCK))
      if (block > MAX_MESSAGE_ID_BLOCK) throw new Error('all message ids are used up')
      if (!(await storage.moveNextIdBlock(free, block + 1))) continue
      next = block * MESSAGE_IDS_PER_BLOCK
      end = next + MESSAGE_IDS_PER_BLOCK
      return next++
    }
  }
}

const toClockBlock = (now: number) => Math.floor((now - MESSAGE_ID_EPOCH_MS) / MESSAGE_ID_BLOCK_MS)

import { type Failure, fail, ok, type Result } from '../../../domain/failure.ts'
import { describeRefusal, toRefusalFacts } from '../../../domain/refusal-text.ts'
import type {
  SampleOptions,
  TestMessageReply,
  TestMessages,
} from '../../../service/ports/test-messages.ts'
import {
  createReceiptReply,
  findEcho,
  type MessageProgress,
  type ParsedMessage,
  readMessage,
  toIncomingMessage,
} from './message.ts'
import { writeTestMeta } from './meta.ts'
import { refuseRedoxRequest } from './refusals.ts'

export interface TestMessagesDeps {
  readonly serial: () => number
  readonly subscriptionsUrl: string
}

export function createTestMessages(deps: TestMessagesDeps): TestMessages {
  return {
    createSampleMessage,

    async send({ sources, messages }, { sourceId, text }, caller, signal) {
      const key = await sources.findKey(sourceId)
      if (!key.ok) return key
      const progress: MessageProgress = {}
      const payload = new TextEncoder().encode(text)
      const parseResult = await readTestMessage(payload, progress)
      if (!parseResult.ok) return ok(createRefusedResult(deps, parseResult.failure, progress))
      const { sourceId: namedId } = parseResult.value.meta
      const incoming = toIncomingMessage(
        payload,
        parseResult.value,
        namedId,
        progress,
        () => signal,
      )
      const testResult = await messages.sendTest(sourceId, incoming, caller)
      if (!testResult.ok) return testResult
      const { messageId, result } = testResult.value
      const reply = result.ok ? await createReceiptReply(parseResult.value, result.value) : result
      return ok(
        reply.ok
          ? { messageId, reply: reply.value, refusal: null }
          : createRefusedResult(deps, reply.failure, progress),
      )
    },
  }
}

function createRefusedResult(
  { serial, subscriptionsUrl }: TestMessagesDeps,
  failure: Failure,
  progress: MessageProgress,
): TestMessageReply {
  const context = {
    echo: findEcho(progress),
    hasErrorDetail: false,
    serial: serial(),
    subscriptionsUrl,
  }
  return {
    messageId: null,
    reply: refuseRedoxRequest(failure, context),
    refusal: { reason: failure.reason, ...describeRefusal(toRefusalFacts(failure)) },
  }
}

async function readTestMessage(
  payload: Uint8Array,
  progress: MessageProgress,
): Promise<Result<ParsedMessage>> {
  const parseResult = await readMessage(payload, progress)
  // A receiver must not mistake it for a real patient's message.
  return !parseResult.ok || parseResult.value.meta.test
    ? parseResult
    : fail({
        reason: 'field_invalid',
        field: 'Meta.Test',
        detail: 'must be true in a message that is sent from here',
      })
}

/** The fictitious patient of the vendor's own samples. */
const SAMPLE_PATIENT = {
  Identifiers: [{ ID: '0000000001', IDType: 'MR' }],
  Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
}

/** The body of each data model; any other has the patient alone. */
const SAMPLE_BODIES: Readonly<Record<string, (now: string) => object>> = {
  Device: (now) => ({
    Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a', Name: 'Test device' },
    Observations: [{ DateTime: now, Code: 'TEST', Value: '0', Units: '%' }],
  }),
  Notes: (now) => ({
    Patient: SAMPLE_PATIENT,
    Note: {
      DocumentID: 'test-0001',
      DocumentType: 'Test note',
      DocumentationDateTime: now,
      ContentType: 'Plain Text',
      FileContents: 'This is a test.',
      Provider: { ID: '0000000000' },
    },
  }),
  Scheduling: (now) => ({
    Patient: SAMPLE_PATIENT,
    Visit: { VisitNumber: 'test-0001', VisitDateTime: now, Duration: 15, Reason: 'Test' },
  }),
  Results: (now) => ({
    Patient: SAMPLE_PATIENT,
    Orders: [
      {
        ID: 'test-0001',
        Status: 'Final',
        CompletionDateTime: now,
        Results: [{ Code: 'TEST', Value: '0', ValueType: 'Numeric', Status: 'Final' }],
      },
    ],
  }),
  Organization: () => ({ Organization: { Identifiers: [{ ID: 'test-0001', IDType: 'Test' }] } }),
  Inventory: () => ({ Items: [{ Identifiers: [{ ID: 'test-0001', IDType: 'Test' }] }] }),
}

/** Writes a valid message that is marked as a test. */
export function createSampleMessage({
  dataModel,
  eventType,
  sourceId,
  destinationId,
  now,
}: SampleOptions): string {
  const at = new Date(now).toISOString()
  const body = SAMPLE_BODIES[dataModel]?.(at) ?? { Patient: SAMPLE_PATIENT }
  const Meta = writeTestMeta(
    { DataModel: dataModel, EventType: eventType },
    { at, sourceId, destinationId },
  )
  return JSON.stringify({ Meta, ...body }, null, 2)
}

import { writeTest } from './meta.ts'

/** Where a sample is to go, and what it is of. */
export interface Sampled {
  readonly dataModel: string
  readonly eventType: string
  readonly sourceId: string
  readonly destinationId: string
  readonly now: number
}

/** Somebody who does not exist: what the vendor's own samples are of. */
const PATIENT = {
  Identifiers: [{ ID: '0000000001', IDType: 'MR' }],
  Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
}

/** What is told of beside the patient; for any other data model the patient is enough. */
const BODIES: Readonly<Record<string, (now: string) => object>> = {
  Device: (now) => ({
    Device: { ID: 'e167267c-16c9-4fe3-96ae-9cff5703e90a', Name: 'Test device' },
    Observations: [{ DateTime: now, Code: 'TEST', Value: '0', Units: '%' }],
  }),
  Notes: (now) => ({
    Patient: PATIENT,
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
    Patient: PATIENT,
    Visit: { VisitNumber: 'test-0001', VisitDateTime: now, Duration: 15, Reason: 'Test' },
  }),
  Results: (now) => ({
    Patient: PATIENT,
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

/** A body that is accepted as it stands, and says that it is a test. */
export function sampleOf({ dataModel, eventType, sourceId, destinationId, now }: Sampled): string {
  const at = new Date(now).toISOString()
  const body = BODIES[dataModel]?.(at) ?? { Patient: PATIENT }
  const Meta = writeTest(
    { DataModel: dataModel, EventType: eventType },
    { at, sourceId, destinationId },
  )
  return JSON.stringify({ Meta, ...body }, null, 2)
}

/** The destination of a synchronous event answers while the caller waits. */
export type EventKind = 'synchronous' | 'asynchronous'

export interface DataModel {
  readonly dataModel: string
  readonly events: readonly { readonly eventType: string; readonly kind: EventKind }[]
}

/** The published data models and their event types; `*` marks a synchronous one. */
const PUBLISHED_EVENTS = {
  Claim: 'Payment, PaymentBatch, Submission, SubmissionBatch',
  'Clinical Decisions': 'Request*, Response',
  'Clinical Summary': `DocumentGet*, DocumentGetResponse, DocumentQuery*, DocumentQueryResponse,
    PatientPush, PatientQuery*, PatientQueryResponse, VisitPush, VisitQuery*, VisitQueryResponse`,
  Device: 'New',
  Enrichment: `NaturalLanguageProcessingQuery*, NaturalLanguageProcessingQueryResponse,
    NormalizationQuery*, NormalizationQueryResponse`,
  Financial: 'AccountUpdate, Transaction',
  Flowsheet: 'New',
  Inventory: 'Deplete, Update',
  Media: 'Delete, New, Query*, QueryResponse, Replace',
  Medications: 'Administration, Cancel, New, Update',
  Notes: 'Delete, New, Query*, QueryResponse, Replace',
  Order: 'Cancel, GroupedOrders, New, Query*, QueryResponse, Update',
  Organization: 'New, Query*, QueryResponse, Update',
  PatientAdmin: `Arrival, Cancel, CensusQuery*, CensusQueryResponse, Discharge, NewPatient,
    PatientMerge, PatientUpdate, PreAdmit, Registration, Transfer, VisitMerge, VisitQuery*,
    VisitQueryResponse, VisitUpdate`,
  PatientEducation: 'Delete, New, Update',
  PatientSearch: 'LocationQuery*, LocationQueryResponse, Query*, Response',
  Provider: 'Activate, Deactivate, New, ProviderQuery*, ProviderQueryResponse, Update',
  Referral: 'AuthResponse, AuthReview, Cancel, Modify, New, Query*, QueryResponse',
  Research: 'Study, SubjectUpdate',
  Results: 'New, NewUnsolicited, Query*, QueryResponse',
  // Booked is sent from both sides, but it is synchronous.
  Scheduling: `AvailableSlots*, AvailableSlotsResponse, Booked*, BookedResponse, Cancel,
    Modification, New, NoShow, PushSlots, Reschedule`,
  SSO: 'Sign-on*',
  SurgicalScheduling: 'Cancel, Modification, New, NoShow, Reschedule',
  Vaccination: 'Administration, New, PatientQuery*, PatientQueryResponse',
}

/** All data models with their event types, in the order of the publication. */
export const DATA_MODELS: readonly DataModel[] = Object.entries(PUBLISHED_EVENTS).map(
  ([dataModel, events]) => ({ dataModel, events: events.split(/,\s+/).map(parseEvent) }),
)

const EVENT_KINDS: ReadonlyMap<string, ReadonlyMap<string, EventKind>> = new Map(
  DATA_MODELS.map(({ dataModel, events }) => [
    dataModel,
    new Map(events.map(({ eventType, kind }) => [eventType, kind])),
  ]),
)

/** True if the catalog has this data model. Names are case-sensitive. */
export function isDataModel(name: string): boolean {
  return EVENT_KINDS.has(name)
}

/** Finds the kind of an event; null if the catalog has no such pair. Names are case-sensitive. */
export function findEventKind(dataModel: string, eventType: string): EventKind | null {
  return EVENT_KINDS.get(dataModel)?.get(eventType) ?? null
}

function parseEvent(text: string): DataModel['events'][number] {
  return text.endsWith('*')
    ? { eventType: text.slice(0, -1), kind: 'synchronous' }
    : { eventType: text, kind: 'asynchronous' }
}

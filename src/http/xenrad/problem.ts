import { json, type Reply } from '../reply.ts'

/** What is wrong with a request, before it is said in the form of the surface that it came to. */
export interface Problem {
  readonly status: number
  /** FHIR R4's word for it, of http://hl7.org/fhir/R4/valueset-issue-type.html. */
  readonly code: IssueType
  readonly text: string
  readonly headers?: Readonly<Record<string, string>>
}

export type IssueType =
  | 'structure'
  | 'required'
  | 'value'
  | 'login'
  | 'expired'
  | 'forbidden'
  | 'not-supported'
  | 'too-long'
  | 'throttled'
  | 'transient'
  | 'exception'
  | 'timeout'

export type Write = (problem: Problem) => Reply

/**
 * The form of the surface that a path belongs to. FHIR's is the one for every other path: a proxy that
 * asks about a request may guard other paths than these.
 */
export function writerFor(path: string): Write {
  if (/\/v[23]\/ingest$/.test(path)) return hl7
  return path.endsWith('/ingest') ? mpps : fhir
}

const fhir: Write = ({ status, code, text, headers = {} }) => ({
  status,
  body: JSON.stringify({
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code, details: { text } }],
  }),
  type: 'application/fhir+json',
  headers,
})

/** Never an ACK: that is the word of who has read the message, and here nobody has. */
const hl7: Write = ({ status, text, headers = {} }) => ({
  status,
  body: text,
  type: 'text/plain; charset=utf-8',
  headers,
})

const mpps: Write = ({ status, text, headers }) =>
  json(status, { success: false, error: text }, headers)

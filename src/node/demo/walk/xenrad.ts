import type { Seeded } from '../seed.ts'
import { type Answer, notStatus, says, stepper, type Walk } from './step.ts'

const HL7 =
  'MSH|^~\\&|RIS|HARBOR|XENRAD|CLOUD|20260102030405||ADT^A08|MSG00001|P|2.5.1\rPID|1||1001^^^HARBOR^MR||Bixby^Timothy\r'

/** One site key, three surfaces. */
export async function* walkXenrad(url: string, { xenrad }: Seeded): Walk {
  const take = stepper(url, 'Xenrad-style: one site key for FHIR, HL7 and MPPS')
  const key = { 'X-API-Key': xenrad.apiKey }

  yield* take('Search patients: the key says which site’s', '/fhir/Patient?family=Bixby', {
    headers: key,
    wrong: says(200, '"type":"searchset"'),
  })
  yield* take('Send an HL7 message: the answer is an HL7 acknowledgement', '/v2/ingest', {
    method: 'POST',
    headers: { ...key, 'Content-Type': 'text/plain' },
    body: HL7,
    wrong: says(200, 'MSA|AA|MSG00001\r'),
  })
  const started = { sop_instance_uid: `1.2.840.${Date.now()}`, study_uid: '1.2.840.1' }
  yield* take('A modality begins a procedure step', '/ingest', {
    method: 'POST',
    headers: { ...key, 'Content-Type': 'application/json' },
    body: JSON.stringify({ ...started, status: 'IN PROGRESS' }),
    wrong: says(200, '"success":true'),
  })
  yield* take('Without a key, FHIR refuses in FHIR’s own form', '/fhir/Patient', {
    wrong: (answer) => notStatus(401, answer) ?? notOutcome(answer),
  })
}

function notOutcome({ type, body }: Answer): string | null {
  if (!type.startsWith('application/fhir+json')) return `it is ${type}`
  const { resourceType, issue } = JSON.parse(body)
  return resourceType === 'OperationOutcome' && issue?.[0]?.code === 'login'
    ? null
    : 'it is no OperationOutcome'
}

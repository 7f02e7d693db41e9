const PATIENT = {
  Identifiers: [{ ID: '0000000001', IDType: 'MR' }],
  Demographics: { FirstName: 'Timothy', LastName: 'Bixby', DOB: '2008-01-06', Sex: 'Male' },
}

/** What the hospital knows. Nothing found is an empty answer, not an error. */
export function answerTo(dataModel: string, eventType: string): object {
  if (dataModel === 'PatientSearch') return { Patient: PATIENT }
  if (dataModel === 'Clinical Summary' && eventType === 'PatientQuery') {
    return { Header: { Patient: PATIENT }, Allergies: [], Medications: [], Problems: [] }
  }
  return {}
}

/** What the FHIR upstream can do (hl7.org/fhir/R4/capabilitystatement.html). */
export const METADATA = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  date: '2026-01-01',
  kind: 'instance',
  implementation: { description: 'The FHIR upstream of the demo' },
  fhirVersion: '4.0.1',
  format: ['application/fhir+json'],
  rest: [
    {
      mode: 'server',
      interaction: [{ code: 'transaction' }, { code: 'batch' }],
      resource: [
        {
          type: 'Patient',
          interaction: ['read', 'create', 'update', 'search-type'].map((code) => ({ code })),
          updateCreate: true,
          searchParam: [
            { name: '_id', type: 'token' },
            { name: 'name', type: 'string' },
            { name: 'family', type: 'string' },
            { name: 'birthdate', type: 'date' },
          ],
        },
      ],
    },
  ],
}

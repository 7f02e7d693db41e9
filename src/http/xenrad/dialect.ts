import type { SurfaceDialect } from '../dialect.ts'
import { API_KEY, readApiKey } from './credential.ts'
import { refuse, refuseBroken } from './refusals.ts'

/** One key of a site opens its FHIR, HL7 and MPPS surfaces alike. */
export const xenrad: SurfaceDialect = {
  name: 'xenrad',
  claims: (headers) => headers.has(API_KEY),
  read: readApiKey,
  refuse,
  broken: refuseBroken,
}

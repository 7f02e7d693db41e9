import type { SurfaceDialect } from '../dialect.ts'
import { isOdfhir, readOdfhir } from './credential.ts'
import { refuse, refuseBroken } from './refusals.ts'

export const opendental: SurfaceDialect = {
  name: 'opendental',
  claims: isOdfhir,
  read: readOdfhir,
  refuse,
  broken: refuseBroken,
}

import { afterAll, beforeAll } from 'vitest'
import {
  type CustomerKey,
  type SeededDeveloper,
  seedCustomerKey,
  seedDeveloper,
} from '../support/opendental.ts'
import { createTestServer, type TestServer, unwrap } from '../support/server.ts'
import { startHttpUpstream } from '../support/upstream/servers.ts'

export const HERE = '203.0.113.7'
export const PLENTY = '1000000'

export let upstream: Awaited<ReturnType<typeof startHttpUpstream>>
export let server: TestServer

export const DATA = '/api/v1/patients'
export const LISTS = ['/apikeys', '/api/v1/apikeys', '/apikeys/']

export const sendCall = (
  path: string,
  headers: Record<string, string>,
  method = 'GET',
  body?: string,
) => server.call(path, { method, headers, address: HERE, ...(body !== undefined && { body }) })

export const WRONG = 'The keys in the Authorization header are not valid.'
export const DATA_HEADER = 'The Authorization header must be: ODFHIR {DeveloperKey}/{CustomerKey}'
export const LIST_HEADER =
  'The Authorization header must be: ODFHIR {DeveloperKey}/{DeveloperPortalKey}'

export interface RefusalFixture {
  readonly developer: SeededDeveloper
  readonly office: CustomerKey
}

export async function createFixture(): Promise<RefusalFixture> {
  const developer = await seedDeveloper(server)
  return { developer, office: await seedCustomerKey(server, developer) }
}

export type Fault = [
  what: string,
  spoil: (world: RefusalFixture) => unknown,
  headers: (world: RefusalFixture) => Record<string, string>,
  status: number,
  explanation: string,
]

export const getOfficeHeaders = ({ office }: RefusalFixture) => office.headers
export const getPortalHeaders = ({ developer }: RefusalFixture) => developer.portalHeaders

export function useOpendentalServer(): void {
  beforeAll(async () => {
    upstream = await startHttpUpstream()
    server = await createTestServer({
      LATCHKEY_UPSTREAM_OPENDENTAL: upstream.url,
      LATCHKEY_FAILURES_PER_ADDRESS: PLENTY,
      LATCHKEY_QUOTA_REQUESTS: PLENTY,
    })
  })
  afterAll(async () => {
    await server.close()
    upstream.close()
  })
}

/** Enforces an allowlist without the address of the tests. */
export const enforceAllowlist = async ({ accountId }: SeededDeveloper) => {
  unwrap(await server.ipAllowlist.add({ accountId, network: '198.51.100.0/24' }))
  unwrap(await server.ipAllowlist.setEnforced(accountId, true))
}

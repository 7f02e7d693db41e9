import { generateKeyPairSync } from 'node:crypto'
import type { HospitalServer } from '../demo/hospital.ts'
import { DEMO_DESTINATIONS, seedAccount, seedDemo, unwrapDemoResult } from '../demo/seed.ts'
import type { Role } from '../domain/role.ts'
import type { RunningServer } from '../node/server.ts'

/** The same at every start, so that a pipeline may have them in its settings. */
const SANDBOX_KEY = {
  apiKey: '51d0beef-0000-4000-8000-000000000001',
  secret: 'simulated-secret-of-the-legacy-key',
}
const SANDBOX_CLIENT = {
  clientId: '51d0beef-0000-4000-8000-000000000002',
  clientSecret: 'simulated-secret-of-the-client',
}
const SANDBOX_SIGNER_ID = '51d0beef-0000-4000-8000-000000000003'
const SCOPES = ['fhir:production']

/** Creates the demo's vendors, and one that has a legacy key and both kinds of OAuth clients. */
export async function seedSandbox(
  server: RunningServer,
  dataDir: string,
  hospital: HospitalServer,
) {
  const { xenrad, opendental, xdent, practice } = await seedDemo(server, dataDir, hospital)
  const { keys, sources, sites, subscriptions } = server
  const role: Role = 'engineer'
  const { accountId, ownerId } = await seedAccount(server, 'Sandbox Vendor', role)
  const source = unwrapDemoResult(await sources.add({ accountId, name: 'Sandbox' }))
  const site = unwrapDemoResult(await sites.add({ accountId, name: 'Sandbox Clinic' }))
  for (const { id } of Object.values(DEMO_DESTINATIONS)) {
    unwrapDemoResult(await subscriptions.create({ sourceId: source.id, destinationId: id }))
  }
  const { apiKey: publicId, secret } = SANDBOX_KEY
  const key = { keyType: 'redox', ownerId, sourceId: source.id, name: 'Legacy key' } as const
  unwrapDemoResult(await keys.create({ ...key, publicId, secret }))
  const access = { scopes: SCOPES, sourceIds: [source.id], siteIds: [site.id] }
  const client = { keyType: 'oauth', ownerId } as const
  unwrapDemoResult(
    await keys.create({
      ...client,
      name: 'Client with a secret',
      publicId: SANDBOX_CLIENT.clientId,
      secret: SANDBOX_CLIENT.clientSecret,
      oauthClient: { ...access, authenticationMethod: 'client_secret_basic' },
    }),
  )
  const { keyId, privateKey, jwks } = createSigningKey()
  unwrapDemoResult(
    await keys.create({
      ...client,
      name: 'Client with a private key',
      publicId: SANDBOX_SIGNER_ID,
      oauthClient: { ...access, authenticationMethod: 'private_key_jwt', jwks },
    }),
  )
  return {
    accountId,
    redox: { ...SANDBOX_KEY, sourceId: source.id, destinationId: DEMO_DESTINATIONS.messages.id },
    oauth: { ...SANDBOX_CLIENT, scope: SCOPES.join(' ') },
    oauthSigner: { clientId: SANDBOX_SIGNER_ID, keyId, privateKey, scope: SCOPES.join(' ') },
    xenrad,
    opendental,
    xdent,
    practice,
  }
}

export type SandboxData = Omit<Awaited<ReturnType<typeof seedSandbox>>, 'accountId'>

function createSigningKey() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const keyId = 'sandbox'
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: keyId, alg: 'ES384', use: 'sig' }
  return {
    keyId,
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    jwks: JSON.stringify({ keys: [jwk] }),
  }
}

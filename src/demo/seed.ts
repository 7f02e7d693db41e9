import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Latchkey } from '../compose.ts'
import type { Role } from '../domain/role.ts'
import { getDemoFilePath } from '../node/demo-folder.ts'
import type { RunningServer } from '../node/server.ts'
import type { ServiceResult } from '../service/service-result.ts'
import type { HospitalServer } from './hospital.ts'

/** A key as a vendor's backend stores it. */
export interface DemoKey {
  readonly apiKey: string
  readonly secret: string
  readonly sourceId: string
}

/** The output of `demo --json` without the URLs, which change with the port. */
export interface DemoData {
  /** An account with one key, so that `Meta.Source` may be left out. */
  readonly redox: DemoKey & { readonly destinationId: string }
  /** An account with two keys, so that `Meta.Source.ID` is required. */
  readonly redoxPair: { readonly destinationId: string; readonly keys: readonly DemoKey[] }
  readonly xenrad: { readonly apiKey: string }
  readonly opendental: {
    readonly developerKey: string
    readonly portalKey: string
    /** A key that an office uses. */
    readonly customerKey: string
    /** A key that no office uses yet. */
    readonly unassignedKey: string
  }
  readonly xdent: { readonly apiKey: string }
  readonly practice: { readonly username: string; readonly apiKey: string }
  readonly oauth: { readonly clientId: string; readonly clientSecret: string }
  /** The operator who signs in at the console. */
  readonly console: { readonly username: string; readonly password: string }
}

/** The ids of the vendor's own samples, so that those work unchanged. */
export const DEMO_DESTINATIONS = {
  messages: { id: 'af394f14-b34a-464f-8d24-895f370af4c9', name: 'Redox EMR' },
  patientSearch: {
    id: '0f4bd1d1-451d-4351-8cfd-b767d1b488d6',
    name: 'Patient Search Endpoint',
  },
  clinicalSummary: {
    id: 'ef9e7448-7f65-4432-aa96-059647e9b357',
    name: 'Clinical Summary Endpoint',
  },
}

/**
 * Creates vendors, offices and a hospital. Stores the secrets in an owner-only file beside the demo's
 * database, so that a second start shows the same ones.
 */
export async function seedDemo(
  latchkey: RunningServer,
  dataDir: string,
  hospital: HospitalServer,
): Promise<DemoData> {
  await seedHospital(latchkey, hospital)
  const path = getDemoFilePath(dataDir)
  const stored = readStoredData(path)
  const seeded: DemoData = {
    ...(stored.redox && stored.redoxPair
      ? { redox: stored.redox, redoxPair: stored.redoxPair }
      : await seedRedox(latchkey)),
    xenrad: stored.xenrad ?? (await seedXenrad(latchkey)),
    opendental: stored.opendental ?? (await seedOpendental(latchkey)),
    xdent: stored.xdent ?? (await seedXdent(latchkey)),
    practice: stored.practice ?? (await seedPractice(latchkey)),
    oauth: stored.oauth ?? (await seedOAuth(latchkey)),
    console: stored.console ?? (await seedOperator(latchkey)),
  }
  writeFileSync(path, JSON.stringify(seeded), { mode: 0o600 })
  return seeded
}

function readStoredData(path: string): Partial<DemoData> {
  if (!existsSync(path)) return {}
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Error(`${path} is damaged: delete its folder, or give the demo another with --data`)
  }
}

async function seedRedox(latchkey: Latchkey): Promise<Pick<DemoData, 'redox' | 'redoxPair'>> {
  const destinationId = DEMO_DESTINATIONS.messages.id
  const [redox] = await seedVendor(latchkey, 'Acme Health', ['Acme production'])
  const keys = await seedVendor(latchkey, 'Beacon Labs', ['Beacon orders', 'Beacon results'])
  if (redox === undefined) throw new Error('the demo vendor has no key')
  return { redox: { ...redox, destinationId }, redoxPair: { destinationId, keys } }
}

/** Creates the destinations in an account of their own. Their URLs move with the demo's port. */
async function seedHospital(
  { accounts, destinations, subscriptions, storage }: Latchkey,
  hospital: HospitalServer,
) {
  const { messagesUrl: url, token } = hospital
  let owner: string | undefined
  for (const { id, name } of Object.values(DEMO_DESTINATIONS)) {
    if ((await storage.findDestination(id)) === null) {
      owner ??= unwrapDemoResult(await accounts.create({ name: 'Community Hospital' })).id
      const input = { accountId: owner, name, id, url, token, development: true }
      unwrapDemoResult(await destinations.add(input))
    } else {
      unwrapDemoResult(await destinations.setUrl(id, url))
      unwrapDemoResult(await destinations.setVerificationToken(id, token))
    }
    const { verified } = unwrapDemoResult(await destinations.verify(id))
    if (!verified) throw new Error('the demo hospital has not met the challenge')
  }
  // Messages that wait since the last start need not wait for the schedule.
  for (const { id, status } of await subscriptions.list({ limit: 100 })) {
    if (status === 'active') unwrapDemoResult(await subscriptions.setStatus(id, 'active'))
  }
}

async function seedVendor(
  latchkey: Latchkey,
  name: string,
  sourceNames: readonly string[],
): Promise<DemoKey[]> {
  const { keys, sources, subscriptions } = latchkey
  const { accountId, ownerId } = await seedAccount(latchkey, name, 'engineer')
  const demoKeys: DemoKey[] = []
  for (const sourceName of sourceNames) {
    const source = unwrapDemoResult(await sources.add({ accountId, name: sourceName }))
    for (const { id } of Object.values(DEMO_DESTINATIONS)) {
      unwrapDemoResult(await subscriptions.create({ sourceId: source.id, destinationId: id }))
    }
    const created = unwrapDemoResult(
      await keys.create({ keyType: 'redox', ownerId, sourceId: source.id, name: sourceName }),
    )
    demoKeys.push({ apiKey: created.key.publicId, secret: created.secret, sourceId: source.id })
  }
  return demoKeys
}

/** Creates a radiology group with one site. */
async function seedXenrad(latchkey: Latchkey): Promise<DemoData['xenrad']> {
  const { accountId, ownerId } = await seedAccount(latchkey, 'Coastal Imaging', 'administrator')
  const site = unwrapDemoResult(await latchkey.sites.add({ accountId, name: 'Harbor Clinic' }))
  const input = { keyType: 'xenrad', ownerId, siteId: site.id, name: 'Harbor Clinic RIS' } as const
  return { apiKey: unwrapDemoResult(await latchkey.keys.create(input)).secret }
}

/** Creates a developer with two customer keys, one of which an office uses. */
async function seedOpendental(latchkey: Latchkey): Promise<DemoData['opendental']> {
  const { keys, sites, developers } = latchkey
  const { accountId, ownerId } = await seedAccount(latchkey, 'Recall Software', 'engineer')
  const developer = unwrapDemoResult(await developers.add({ accountId, name: 'Recall Software' }))
  const parent = { ownerId, developerId: developer.id }
  const portal = { ...parent, keyType: 'opendental-portal', name: 'Developer portal' } as const
  const customer = { ...parent, keyType: 'opendental' } as const
  const portalKey = unwrapDemoResult(await keys.create(portal)).secret
  const assigned = unwrapDemoResult(await keys.create({ ...customer, name: 'Maple Street Dental' }))
  const unassigned = unwrapDemoResult(await keys.create({ ...customer, name: 'Next office' }))

  const office = await seedAccount(latchkey, 'Maple Street Dental', 'administrator')
  const siteInput = { accountId: office.accountId, name: 'Maple Street' }
  const site = unwrapDemoResult(await sites.add(siteInput))
  unwrapDemoResult(await keys.assign(assigned.key.id, site.id))
  return {
    developerKey: developer.developerKey,
    portalKey,
    customerKey: assigned.secret,
    unassignedKey: unassigned.secret,
  }
}

async function seedXdent(latchkey: Latchkey): Promise<DemoData['xdent']> {
  const { ownerId } = await seedAccount(latchkey, 'Bright Smiles', 'administrator')
  const input = { keyType: 'xdent', ownerId, name: 'Online booking' } as const
  const { key, secret } = unwrapDemoResult(await latchkey.keys.create(input))
  return { apiKey: `${key.publicId}.${secret}` }
}

async function seedPractice(latchkey: Latchkey): Promise<DemoData['practice']> {
  const username = 'frontdesk'
  const { ownerId } = await seedAccount(latchkey, 'Elm Practice', 'administrator', username)
  const input = { keyType: 'practice', ownerId, name: 'Automation' } as const
  return { username, apiKey: unwrapDemoResult(await latchkey.keys.create(input)).secret }
}

async function seedOAuth(latchkey: Latchkey): Promise<DemoData['oauth']> {
  const { ownerId } = await seedAccount(latchkey, 'Lakeside Research', 'engineer')
  const { key, secret } = unwrapDemoResult(
    await latchkey.keys.create({
      keyType: 'oauth',
      ownerId,
      name: 'Nightly report',
      oauthClient: { authenticationMethod: 'client_secret_basic', scopes: ['fhir:production'] },
    }),
  )
  return { clientId: key.publicId, clientSecret: secret ?? '' }
}

/**
 * Creates the operator who signs in at the demo's console, as a first-operator link does. The password
 * is generated and stored with the demo's keys.
 */
async function seedOperator({
  signInServices,
  users,
}: Pick<RunningServer, 'signInServices' | 'users'>): Promise<DemoData['console']> {
  const { secret } = unwrapDemoResult(await users.inviteFirstOperator())
  const username = 'operator'
  const password = crypto.randomUUID()
  const input = {
    accountName: 'Latchkey Demo',
    email: 'operator@latchkey.example',
    username,
    password,
  }
  const caller = { address: '127.0.0.1', requestId: crypto.randomUUID(), path: '/console/welcome' }
  const accepted = await signInServices.acceptInvitation(secret, input, caller)
  if (!accepted.ok) throw new Error(`the demo has no operator: ${accepted.failure.reason}`)
  return { username, password }
}

/** Creates an account with one user, who may own keys. */
export async function seedAccount(
  { accounts, users }: Latchkey,
  name: string,
  role: Role,
  username?: string,
): Promise<{ accountId: string; ownerId: string }> {
  const accountId = unwrapDemoResult(await accounts.create({ name })).id
  const email = `${username ?? role}@${name.toLowerCase().replaceAll(' ', '-')}.example`
  const owner = unwrapDemoResult(await users.add({ accountId, email, role, username }))
  return { accountId, ownerId: owner.id }
}

export function unwrapDemoResult<T>(result: ServiceResult<T>): T {
  if (!result.ok) throw new Error(`the demo cannot be seeded: ${result.failure.message}`)
  return result.value
}

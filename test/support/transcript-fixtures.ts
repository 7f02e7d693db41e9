import { readdirSync, readFileSync } from 'node:fs'
import type { Latchkey } from '../../src/compose.ts'
import { startUpstreams } from '../../src/demo/local-servers.ts'
import { getUpstreamSettingName, SURFACES } from '../../src/domain/key-type.ts'
import { type OwnerKey, seedOwnerKey, seedSiteKey } from './key-seeds.ts'
import { type AssertionChanges, seedClient, seedSigningClient, signAssertion } from './oauth.ts'
import { seedCustomerKey, seedDeveloper } from './opendental.ts'
import { seedKey, type TestServer, unwrap } from './server.ts'
import { parseTranscript, type TranscriptVariables } from './transcript-replay.ts'

const TRANSCRIPTS_FOLDER = new URL('../transcripts/', import.meta.url)

/** Functions that create the variables of the transcripts, by their folder. */
const SEED_TRANSCRIPT_VARIABLES: Readonly<
  Record<string, (latchkey: Latchkey) => Promise<TranscriptVariables>>
> = {
  redox: seedRedoxTranscripts,
  xenrad: seedXenradTranscripts,
  opendental: seedOpendentalTranscripts,
  xdent: seedXdentTranscripts,
  practice: seedPracticeTranscripts,
  oauth: seedOAuthTranscripts,
}

/** Every transcript of every key type, with a world of its own. */
export const TRANSCRIPTS = readdirSync(TRANSCRIPTS_FOLDER).flatMap((keyType) => {
  const seed = SEED_TRANSCRIPT_VARIABLES[keyType]
  if (seed === undefined) throw new Error(`nothing is known of the transcripts in ${keyType}`)
  return readdirSync(new URL(`${keyType}/`, TRANSCRIPTS_FOLDER)).map((file) => ({
    name: `${keyType}/${file}`,
    exchanges: parseTranscript(
      readFileSync(new URL(`${keyType}/${file}`, TRANSCRIPTS_FOLDER), 'utf8'),
    ),
    seed,
  }))
})

/** Starts the upstreams of every transcript and returns the settings that name them. */
export async function startTranscriptUpstreams() {
  const { urls, close } = await startUpstreams()
  const settings = SURFACES.map(
    (surface) => [getUpstreamSettingName(surface), urls[surface]] as const,
  )
  return { settings: Object.fromEntries(settings), close }
}

/** Creates the variables of the Redox transcripts. */
export async function seedRedoxTranscripts(latchkey: Latchkey): Promise<Map<string, string>> {
  const { destinations, subscriptions } = latchkey
  const singleKey = await seedKey(latchkey)
  const { accountId, sourceId } = singleKey
  const secondDestination = unwrap(await destinations.add({ accountId, name: 'State Registry' }))
  unwrap(await destinations.setVerified(secondDestination.id, true))
  const unverified = unwrap(await destinations.add({ accountId, name: 'New Clinic' }))
  for (const destination of [secondDestination, unverified]) {
    unwrap(await subscriptions.create({ sourceId, destinationId: destination.id }))
  }
  const unsubscribedDestination = unwrap(await destinations.add({ accountId, name: 'Elsewhere' }))
  unwrap(await destinations.setVerified(unsubscribedDestination.id, true))

  const firstSiblingKey = await seedKey(latchkey)
  const secondSiblingKey = await seedKey(latchkey, { accountId: firstSiblingKey.accountId })
  return new Map([
    // An account with one key.
    ['apiKey', singleKey.apiKey],
    ['secret', singleKey.secret],
    ['sourceId', sourceId],
    ['destinationId', singleKey.destinationId],
    ['secondDestinationId', secondDestination.id],
    ['unverifiedDestinationId', unverified.id],
    ['unsubscribedDestinationId', unsubscribedDestination.id],
    // An account with two.
    ['pairApiKey', firstSiblingKey.apiKey],
    ['pairSecret', firstSiblingKey.secret],
    ['pairSourceId', firstSiblingKey.sourceId],
    ['pairDestinationId', firstSiblingKey.destinationId],
    ['siblingApiKey', secondSiblingKey.apiKey],
    ['siblingSourceId', secondSiblingKey.sourceId],
  ])
}

/** Creates the variables of the OAuth transcripts: each assertion is used by one of them. */
export async function seedOAuthTranscripts(latchkey: Latchkey): Promise<Map<string, string>> {
  const { clock, publicUrl: aud } = latchkey.parts.runtime
  const scopes = ['fhir:production', 'system/Patient.rs']
  const client = await seedSigningClient(latchkey, { scopes })
  const sign = (changes: AssertionChanges = {}, as = client) =>
    signAssertion(as, clock(), { ...changes, claims: { aud, ...changes.claims } })
  const secretScopes = { scopes: ['fhir:production'] }
  const basic = await seedClient(latchkey, {
    authenticationMethod: 'client_secret_basic',
    ...secretScopes,
  })
  const post = await seedClient(latchkey, {
    authenticationMethod: 'client_secret_post',
    ...secretScopes,
  })
  const { apiKey, secret } = await seedKey(latchkey)
  const toBasic = (id: string, password: string) =>
    Buffer.from(`${id}:${password}`).toString('base64')
  return new Map([
    ['assertion1', await sign()],
    ['assertion2', await sign()],
    ['assertion3', await sign()],
    ['assertionWithoutKid', await sign({ header: { kid: undefined } })],
    ['assertionOfUnknownKey', await sign({ header: { kid: 'unknown' } })],
    ['assertionOfUnknownClient', await sign({}, { ...client, clientId: crypto.randomUUID() })],
    ['assertionForOther', await sign({ claims: { aud: 'https://other.example' } })],
    ['publicUrl', aud],
    ['basicClientId', basic.clientId],
    ['basicSecret', basic.secret],
    ['basicCredential', toBasic(basic.clientId, basic.secret)],
    ['encodedCredential', toBasic(basic.clientId.replaceAll('-', '%2D'), basic.secret)],
    ['wrongCredential', toBasic(basic.clientId, `${basic.secret}?`)],
    ['postClientId', post.clientId],
    ['postSecret', post.secret],
    ['apiKey', apiKey],
    ['secret', secret],
  ])
}

type TranscriptServices = Pick<TestServer, 'accounts' | 'users' | 'keys'>

/** Creates the variables of the XDENT transcripts. */
export async function seedXdentTranscripts({
  accounts,
  users,
  keys,
}: TranscriptServices): Promise<Map<string, string>> {
  const validKey = await seedOwnerKey({ accounts, users, keys }, 'xdent')
  const disabled = await seedOwnerKey({ accounts, users, keys }, 'xdent')
  unwrap(await keys.disable(disabled.keyId))
  const closed = await seedOwnerKey({ accounts, users, keys }, 'xdent')
  unwrap(await accounts.setStatus(closed.accountId, 'closed'))
  return new Map([
    ['xdentCompanyId', validKey.accountId],
    ['xdentKeyId', validKey.publicId],
    ['xdentSecret', validKey.secret],
    ['xdentDisabledKeyId', disabled.publicId],
    ['xdentDisabledSecret', disabled.secret],
    ['xdentClosedKeyId', closed.publicId],
    ['xdentClosedSecret', closed.secret],
  ])
}

/** Creates the variables of the practice transcripts. */
export async function seedPracticeTranscripts(
  services: TranscriptServices,
): Promise<Map<string, string>> {
  const validKey = await seedOwnerKey(services, 'practice')
  const revoked = await seedOwnerKey(services, 'practice')
  unwrap(await services.keys.revoke(revoked.keyId))
  return new Map([
    ['practiceAccountId', validKey.accountId],
    ['practiceUsername', validKey.username],
    ['practiceKeyId', validKey.publicId],
    ['practiceBasic', encodeBasicPair(validKey)],
    ['practiceWrongBasic', encodeBasicPair({ ...validKey, secret: revoked.secret })],
    ['practiceNobodyBasic', encodeBasicPair({ ...validKey, username: 'nobody' })],
    ['practiceRevokedBasic', encodeBasicPair(revoked)],
  ])
}

const encodeBasicPair = ({ username, secret }: OwnerKey) =>
  Buffer.from(`${username}:${secret}`).toString('base64')

/** Creates the variables of the Open Dental transcripts. Each customer key is for one call: calls are limited. */
export async function seedOpendentalTranscripts(latchkey: Latchkey): Promise<Map<string, string>> {
  const { keys } = latchkey
  const newDeveloper = await seedDeveloper(latchkey)
  const developer = await seedDeveloper(latchkey)
  const createKey = async (wish: Parameters<typeof seedCustomerKey>[2] = {}) =>
    seedCustomerKey(latchkey, developer, wish)
  const disabled = await createKey()
  unwrap(await keys.disable(disabled.keyId, 'customer'))
  const revoked = await createKey()
  unwrap(await keys.revoke(revoked.keyId))
  return new Map([
    // A developer who has no customers yet.
    ['freshDeveloperKey', newDeveloper.developerKey],
    ['freshPortalKey', newDeveloper.portalKey],
    // A developer of several offices.
    ['developerKey', developer.developerKey],
    ['portalKey', developer.portalKey],
    ['key', (await createKey()).secret],
    ['otherKey', (await createKey()).secret],
    ['readOnlyKey', (await createKey({ access: 'read' })).secret],
    ['quickKey', (await createKey()).secret],
    ['unassignedKey', (await createKey({ isAssigned: false })).secret],
    ['disabledKey', disabled.secret],
    ['revokedKey', revoked.secret],
  ])
}

/** Creates the variables of the Xenrad transcripts. */
export async function seedXenradTranscripts(latchkey: Latchkey): Promise<Map<string, string>> {
  const { keys, ipAllowlist } = latchkey
  const site = await seedSiteKey(latchkey)
  const other = await seedSiteKey(latchkey)
  const revoked = await seedSiteKey(latchkey)
  unwrap(await keys.revoke(revoked.keyId))
  const readOnlyKey = await seedSiteKey(latchkey, { access: 'read' })
  const allowlistedKey = await seedSiteKey(latchkey)
  unwrap(
    await ipAllowlist.add({
      accountId: allowlistedKey.accountId,
      network: '192.0.2.0/24',
    }),
  )
  unwrap(await ipAllowlist.setEnforced(allowlistedKey.accountId, true))
  return new Map([
    ['key', site.secret],
    ['site', site.siteId],
    ['otherKey', other.secret],
    ['otherSite', other.siteId],
    ['revokedKey', revoked.secret],
    ['readOnlyKey', readOnlyKey.secret],
    ['elsewhereKey', allowlistedKey.secret],
    // Ends the segments of HL7 v2, and no line of a transcript.
    ['CR', '\r'],
    // A line feed that ends a body, and not its line.
    ['LF', '\n'],
  ])
}

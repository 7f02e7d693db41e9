import { KEY_TYPES, type KeyType } from '../../src/domain/key-type.ts'
import type { CreateKeyInput } from '../../src/service/keys/input.ts'
import { SECRET_CLIENT } from './oauth.ts'
import { type TestServer, unwrap } from './server.ts'

type OwnerKeyServices = Pick<TestServer, 'accounts' | 'users' | 'keys'>

/** A user with a username, and a key of theirs. */
export type OwnerKey = Awaited<ReturnType<typeof seedOwnerKey>>

export async function seedOwnerKey(
  { accounts, users, keys }: OwnerKeyServices,
  keyType: 'xdent' | 'practice',
  {
    accountId,
    region,
    username = `user-${crypto.randomUUID()}`,
    ...input
  }: Partial<Omit<CreateKeyInput, 'keyType'>> & {
    accountId?: string
    region?: string
    username?: string
  } = {},
) {
  const account =
    accountId ??
    unwrap(
      await accounts.create({
        name: 'Bright Smiles',
        ...(region && { region, otherRegion: true }),
      }),
    ).id
  const owner = unwrap(
    await users.add({
      accountId: account,
      email: `${crypto.randomUUID()}@smiles.example`,
      role: 'administrator',
      username,
    }),
  )
  const { key, secret } = unwrap(
    await keys.create({ keyType, ownerId: owner.id, name: 'Front desk', ...input }),
  )
  return {
    accountId: account,
    ownerId: owner.id,
    username,
    /** Its row, as an operator names it. */
    keyId: key.id,
    publicId: key.publicId,
    secret,
  }
}

export const createXdentHeaders = (publicId: string, secret: string) => ({
  'X-Api-Key': `${publicId}.${secret}`,
})

export const createBasicHeaders = (username: string, secret: string) => ({
  Authorization: `Basic ${Buffer.from(`${username}:${secret}`).toString('base64')}`,
})

/** Functions that create the headers of a key, by key type. */
export const createCredentialHeaders = {
  xdent: ({ publicId, secret }: Pick<OwnerKey, 'publicId' | 'secret'>) =>
    createXdentHeaders(publicId, secret),
  practice: ({ username, secret }: Pick<OwnerKey, 'username' | 'secret'>) =>
    createBasicHeaders(username, secret),
}

type SiteKeyServices = Pick<TestServer, 'accounts' | 'users' | 'keys' | 'sites'>

/** A site, the owner of its key, and the key. */
export type SiteKey = Awaited<ReturnType<typeof seedSiteKey>>

export async function seedSiteKey(
  { accounts, users, keys, sites }: SiteKeyServices,
  { region, ...input }: Partial<Omit<CreateKeyInput, 'keyType'>> & { region?: string } = {},
) {
  const account = unwrap(
    await accounts.create({ name: 'North Imaging', ...(region && { region, otherRegion: true }) }),
  )
  const accountId = account.id
  const email = `${crypto.randomUUID()}@imaging.example`
  const owner = unwrap(await users.add({ accountId, email, role: 'administrator' }))
  const site = unwrap(await sites.add({ accountId, name: 'Main Street' }))
  const { key, secret } = unwrap(
    await keys.create({
      keyType: 'xenrad',
      ownerId: owner.id,
      siteId: site.id,
      name: 'PACS',
      ...input,
    }),
  )
  return {
    accountId,
    ownerId: owner.id,
    siteId: site.id,
    /** Its row, as an operator names it. */
    keyId: key.id,
    publicId: key.publicId,
    secret,
  }
}

/** One key of each type, all of one person and one account. */
export async function seedEveryKeyType({
  accounts,
  users,
  keys,
  sites,
  developers,
  sources,
}: Pick<TestServer, 'accounts' | 'users' | 'keys' | 'sites' | 'developers' | 'sources'>) {
  const account = unwrap(await accounts.create({ name: 'All Of Them' }))
  const accountId = account.id
  const username = `all-${crypto.randomUUID()}`
  const owner = unwrap(
    await users.add({
      accountId,
      email: 'all@smiles.example',
      role: 'administrator',
      username,
    }),
  )
  const site = unwrap(await sites.add({ accountId, name: 'Main' }))
  const source = unwrap(await sources.add({ accountId, name: 'Nightly' }))
  const developer = unwrap(await developers.add({ accountId, name: 'Dev' }))
  const keyPlaces = { source: { sourceId: source.id }, site: { siteId: site.id } }

  const seededKeys = []
  for (const [keyType, { belongsTo }] of Object.entries(KEY_TYPES)) {
    const keyOwner =
      belongsTo === 'owner'
        ? {}
        : belongsTo === 'developer'
          ? { developerId: developer.id }
          : keyPlaces[belongsTo]
    const input = { keyType: keyType as KeyType, ownerId: owner.id, name: keyType, ...keyOwner }
    const client = keyType === 'oauth' ? { oauthClient: SECRET_CLIENT } : {}
    const { key, secret } = unwrap(await keys.create({ ...input, ...client }))
    seededKeys.push({ keyType: input.keyType, publicId: key.publicId, secret: secret ?? '' })
  }
  const { developerKey } = developer
  return { accountId, ownerId: owner.id, username, developerKey, keys: seededKeys }
}

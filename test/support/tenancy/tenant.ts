import { getKeyTypeTraits, KEY_TYPE_NAMES } from '../../../src/domain/key-type.ts'
import { createImportInput, hashWithSha256 } from '../imports.ts'
import { createDeviceNewMessage, type TestServer, type TokenResponse, unwrap } from '../server.ts'

/** An account with a row of its own in every table that has rows of accounts. */
export type Tenant = Awaited<ReturnType<typeof seedTenant>>

export async function seedTenant(server: TestServer) {
  const {
    accounts,
    users,
    sites,
    developers,
    ipAllowlist,
    sources,
    destinations,
    subscriptions,
    keys,
    sunsets,
    imports,
    storage,
    clock,
  } = server
  const newId = () => crypto.randomUUID()
  const createUniqueName = (label: string) => `${label} ${newId()}`
  const account = unwrap(await accounts.create({ name: createUniqueName('Clinic') }))
  const accountId = account.id

  const addUser = async (role: 'administrator' | 'engineer' | 'member') => {
    const username = `${role}-${crypto.randomUUID()}`
    const email = `${username}@clinic.example`
    return unwrap(await users.add({ accountId, email, role, username }))
  }
  const [administrator, engineer, member] = [
    await addUser('administrator'),
    await addUser('engineer'),
    await addUser('member'),
  ]
  const site = unwrap(await sites.add({ accountId, name: createUniqueName('Site') }))
  const developer = unwrap(await developers.add({ accountId, name: createUniqueName('Maker') }))
  const note = createUniqueName('Office')
  const rule = unwrap(await ipAllowlist.add({ accountId, network: '198.51.100.0/24', note }))

  const source = unwrap(await sources.add({ accountId, name: createUniqueName('Source') }))
  const token = createUniqueName('token')
  const destination = unwrap(
    await destinations.add({
      accountId,
      name: createUniqueName('EMR'),
      url: `https://${crypto.randomUUID()}.example/`,
      token,
    }),
  )
  unwrap(await destinations.setVerified(destination.id, true))
  const subscription = unwrap(
    await subscriptions.create({ sourceId: source.id, destinationId: destination.id }),
  )

  const sunset = unwrap(
    await sunsets.set({
      accountId,
      keyType: 'redox',
      sourceId: source.id,
      sunsetAt: clock() + 1000,
      documentationUrl: `https://${crypto.randomUUID()}.example/`,
    }),
  )
  await storage.addOAuthUses([{ resourceId: source.id, firstAt: clock(), lastAt: clock() }])

  const secrets: string[] = [token]
  const keyIds: string[] = []
  const keyPlaces = { source: { sourceId: source.id }, site: { siteId: site.id } }
  for (const keyType of KEY_TYPE_NAMES) {
    const { belongsTo } = getKeyTypeTraits(keyType)
    const developerId = developer.id
    const keyOwner =
      belongsTo === 'owner'
        ? {}
        : belongsTo === 'developer'
          ? { developerId }
          : keyPlaces[belongsTo]
    const input = { keyType, ownerId: engineer.id, name: createUniqueName(keyType), ...keyOwner }
    const oauthClient = {
      authenticationMethod: 'client_secret_post',
      scopes: ['fhir:production'],
      sourceIds: [source.id],
      siteIds: [site.id],
      audience: `https://${newId()}.example`,
    } as const
    const { key, secret } = unwrap(
      await keys.create({
        ...input,
        description: createUniqueName('for'),
        ...(keyType === 'oauth' && { oauthClient }),
      }),
    )
    secrets.push(secret ?? '')
    keyIds.push(key.id)
    await storage.addKeyUses([{ keyId: key.id, day: 20_000, uses: 7, lastAt: clock() }])
    if (keyType === 'opendental') unwrap(await keys.assign(key.id, site.id))
    if (keyType === 'redox') await sendRefusedMessage(key.publicId, secret ?? '')
  }

  /** Tokens, a request that is refused, and a message that its destination did not take. */
  async function sendRefusedMessage(apiKey: string, secret: string) {
    await server.authenticate(apiKey, `${secret}?`)
    const answer = await server.authenticate(apiKey, secret)
    const { accessToken } = (await answer.json()) as TokenResponse
    const payload = createUniqueName('patient')
    secrets.push(payload, accessToken)
    await server.endpoint(accessToken, { ...createDeviceNewMessage(destination.id), payload })
    const by = crypto.randomUUID()
    const lease = { subscriptionId: subscription.id, by, until: clock() + 1 }
    if (!(await storage.leaseQueue(lease, clock()))) throw new Error('the queue was not leased')
    const head = await storage.findQueueHead(subscription.id, by)
    if (head === null) throw new Error('nothing was queued')
    const { messageId, position } = head
    const detail = createUniqueName('getaddrinfo ENOTFOUND')
    const attempt = { at: clock(), ms: 1, outcome: 'failed', httpStatus: null, detail } as const
    await storage.settleFailed(
      { subscriptionId: subscription.id, by, messageId, position, attempt },
      0,
    )
  }

  const pepper = createUniqueName('pepper')
  secrets.push(pepper)
  const importedKey = {
    type: 'xdent',
    public_id: newId(),
    owner: engineer.email,
    name: createUniqueName('imported'),
    hash: hashWithSha256(newId()),
    form: 'hmac-sha256',
    pepper: 'old portal',
  }
  const { importId } = unwrap(
    await imports.create(
      createImportInput([importedKey], {
        accountId,
        fileName: createUniqueName('file'),
        peppers: new Map([['old portal', new TextEncoder().encode(pepper)]]),
      }),
    ),
  )
  if (importId === null) throw new Error('nothing was imported')

  await storage.addSession(
    {
      id: newId(),
      userId: member.id,
      kind: 'token',
      name: createUniqueName('script'),
      digest: newId(),
      createdAt: 1,
      seenAt: 1,
      expiresAt: Number.MAX_SAFE_INTEGER,
    },
    {
      id: newId(),
      at: clock(),
      actor: member.id,
      action: 'session.created',
      subject: member.id,
      facts: {},
      requestId: null,
    },
  )
  const trafficRow = { accountId, hour: 490_000, keyType: 'redox', outcome: 'admitted' } as const
  await storage.addTraffic([{ ...trafficRow, requests: 7 }])
  await server.flushAuditEvents()
  const [message] = await storage.listMessages({ accountId, limit: 1 })
  if (message === undefined) throw new Error('no message was accepted')
  const keyId = keyIds[KEY_TYPE_NAMES.indexOf('opendental')] ?? ''
  const key = unwrap(await keys.find(keyId))
  const requests = await storage.listEvents({ accountId, action: 'key.refused', limit: 1 })
  return {
    accountId,
    administratorId: administrator.id,
    engineerId: engineer.id,
    memberId: member.id,
    siteId: site.id,
    developerId: developer.id,
    ruleId: rule.id,
    sourceId: source.id,
    destinationId: destination.id,
    subscriptionId: subscription.id,
    sunsetId: sunset.id,
    messageId: message.id,
    importId,
    /** An Open Dental key: it can be assigned, viewed and edited. */
    keyId,
    keyEventId: key.eventId,
    publicId: key.publicId,
    url: destination.url ?? '',
    sealedToken: await storage.findSealedVerificationToken(destination.id),
    /** The id of a request that was refused. */
    requestId: requests[0]?.requestId ?? '',
    /** Secrets, which are not in the database as they are. */
    secrets,
  }
}

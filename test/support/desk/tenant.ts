import { DIALECT_NAMES, traitsOf } from '../../../src/domain/dialect.ts'
import { deviceNew, done, type TestServer, type TokenAnswer } from '../server.ts'

/** An account with a row of its own in every table that has rows of accounts. */
export type Tenant = Awaited<ReturnType<typeof seedTenant>>

export async function seedTenant(server: TestServer) {
  const { accounts, places, routes, keys, storage, clock } = server
  const random = () => crypto.randomUUID()
  const named = (what: string) => `${what} ${random()}`
  const account = done(await accounts.create({ name: named('Clinic') }))
  const accountId = account.id

  const person = async (role: 'administrator' | 'engineer' | 'member') => {
    const username = `${role}-${crypto.randomUUID()}`
    const email = `${username}@clinic.example`
    return done(await accounts.addUser({ accountId, email, role, username }))
  }
  const [administrator, engineer, member] = [
    await person('administrator'),
    await person('engineer'),
    await person('member'),
  ]
  const site = done(await places.addSite({ accountId, name: named('Site') }))
  const developer = done(await places.addDeveloper({ accountId, name: named('Maker') }))
  const note = named('Office')
  const rule = done(await places.addAddress({ accountId, network: '198.51.100.0/24', note }))

  const source = done(await routes.addSource({ accountId, name: named('Source') }))
  const token = named('token')
  const destination = done(
    await routes.addDestination({
      accountId,
      name: named('EMR'),
      url: `https://${crypto.randomUUID()}.example/`,
      token,
    }),
  )
  done(await routes.setVerified(destination.id, true))
  const subscription = done(
    await routes.subscribe({ sourceId: source.id, destinationId: destination.id }),
  )

  const secrets: string[] = [token]
  const keyIds: string[] = []
  const place = { source: { sourceId: source.id }, site: { siteId: site.id } }
  for (const dialect of DIALECT_NAMES) {
    const { belongsTo } = traitsOf(dialect)
    const developerId = developer.id
    const where =
      belongsTo === 'owner' ? {} : belongsTo === 'developer' ? { developerId } : place[belongsTo]
    const wish = { dialect, ownerId: engineer.id, name: named(dialect), ...where }
    const { key, secret } = done(await keys.create({ ...wish, description: named('for') }))
    secrets.push(secret)
    keyIds.push(key.id)
    await storage.addKeyUses([{ keyId: key.id, day: 20_000, uses: 7, lastAt: clock() }])
    if (dialect === 'opendental') done(await keys.assign(key.id, site.id))
    if (dialect === 'redox') await send(key.publicId, secret)
  }

  /** Tokens, a request that is refused, and a message that its destination did not take. */
  async function send(apiKey: string, secret: string) {
    await server.authenticate(apiKey, `${secret}?`)
    const answer = await server.authenticate(apiKey, secret)
    const { accessToken } = (await answer.json()) as TokenAnswer
    const payload = named('patient')
    secrets.push(payload, accessToken)
    await server.endpoint(accessToken, { ...deviceNew(destination.id), payload })
    const by = crypto.randomUUID()
    const lease = { feedId: subscription.id, by, until: clock() + 1 }
    if (!(await storage.leaseFeed(lease, clock()))) throw new Error('the feed was not leased')
    const head = await storage.findHead(subscription.id, by)
    if (head === null) throw new Error('nothing was queued')
    const { messageId, position } = head
    const detail = named('getaddrinfo ENOTFOUND')
    const attempt = { at: clock(), ms: 1, outcome: 'failed', httpStatus: null, detail } as const
    await storage.settleFailed({ feedId: subscription.id, by, messageId, position, attempt }, 0)
  }

  await storage.addSession(
    {
      id: random(),
      userId: member.id,
      kind: 'token',
      name: named('script'),
      digest: random(),
      createdAt: 1,
      seenAt: 1,
      expiresAt: Number.MAX_SAFE_INTEGER,
    },
    {
      id: random(),
      at: clock(),
      actor: member.id,
      action: 'session.created',
      subject: member.id,
      facts: {},
      requestId: null,
    },
  )
  const counted = { accountId, hour: 490_000, dialect: 'redox', outcome: 'admitted' } as const
  await storage.addTraffic([{ ...counted, requests: 7 }])
  await server.record()
  const [message] = await storage.listMessages({ accountId, limit: 1 })
  if (message === undefined) throw new Error('no message was accepted')
  const keyId = keyIds[DIALECT_NAMES.indexOf('opendental')] ?? ''
  const key = done(await keys.find(keyId))
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
    messageId: message.id,
    /** Of Open Dental: it can be assigned, viewed and edited. */
    keyId,
    keyEventId: key.eventId,
    publicId: key.publicId,
    url: destination.url ?? '',
    sealedToken: await storage.findSealedToken(destination.id),
    /** Of one that was refused. */
    requestId: requests[0]?.requestId ?? '',
    /** What is not in the database as it is. */
    secrets,
  }
}

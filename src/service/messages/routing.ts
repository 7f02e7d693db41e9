import { DATA_MODELS, isDataModel } from '../../domain/catalog.ts'
import { ok } from '../../domain/failure.ts'
import type { ManagementDeps } from '../account-scope.ts'
import { createAuditEvent } from '../audit/audit-event.ts'
import { formatIdConflict, parseId } from '../input.ts'
import { type Sealer, sealText } from '../ports/crypto.ts'
import type { KeySummary } from '../ports/keys.ts'
import type { Page, SubscriptionFilter, SubscriptionListItem } from '../ports/lists.ts'
import { openWebhookEndpoint, type WebhookClient, type WebhookResult } from '../ports/outbound.ts'
import type {
  DestinationSummary,
  NewSubscription,
  Source,
  SubscriptionTarget,
} from '../ports/routing.ts'
import { deleteResource, type NewRow, parseNewRow, renameResource } from '../resource-changes.ts'
import {
  failConflict,
  failInvalid,
  failNotFound,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'

/** Manages the sources that messages are sent from. */
export function createSources(deps: ManagementDeps) {
  const { storage, clock } = deps

  const find = async (id: string): Promise<ServiceResult<Source>> =>
    requireFound(await storage.findSource(id), 'source', id)

  return {
    async add(input: NewRow<Source>): Promise<ServiceResult<Source>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const source: Source = { ...input, ...row.value, createdAt: clock() }
      const event = createAuditEvent(deps, 'source.created', source.id)
      return (await storage.addSource(source, event))
        ? ok(source)
        : failConflict(`there is a source ${source.id} already`)
    },

    /** A message that is on its way keeps the name that the source had when it was sent. */
    rename: (id: string, name: string) => renameResource(deps, 'source', id, name, find),

    async delete(id: string): Promise<ServiceResult<void>> {
      const source = await find(id)
      if (!source.ok) return source
      const { name } = source.value
      const reason = `${name} has a subscription, a stored message or a key, active or revoked, so that it cannot be deleted: \`latchkey subscriptions delete ID\` removes a subscription, and a key stays with its source`
      return deleteResource(deps, 'source', id, { facts: { name }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listSources(page),
    find,

    /** Finds the source's key; null if it has none, or only revoked ones. */
    async findKey(id: string): Promise<ServiceResult<KeySummary | null>> {
      const source = await find(id)
      return source.ok ? ok(await storage.findSourceKey(id)) : source
    },
  }
}

export type Sources = ReturnType<typeof createSources>

export interface DestinationsDeps extends ManagementDeps {
  readonly sealer: Sealer
  readonly webhookClient: WebhookClient
}

/** One verification of a destination: the challenge, the response, and the destination afterwards. */
export interface Handshake {
  readonly verified: boolean
  readonly request: { readonly method: 'POST' | 'GET'; readonly url: string | null }
  readonly response: WebhookResult & { readonly challenged: boolean }
  /** The time until the response, or until the attempt ended without one. */
  readonly ms: number
  readonly destination: DestinationSummary
}

/** Manages the destinations that messages are delivered to. */
export function createDestinations(deps: DestinationsDeps) {
  const { storage, sealer, clock } = deps
  const find = (id: string) => findDestination(deps, id)

  return {
    /** `development` allows plain http. */
    async add(input: {
      accountId: string
      name: string
      url?: string | undefined
      development?: boolean | undefined
      /** The token agreed on with the destination, sent as a header. */
      token?: string | undefined
      method?: DestinationSummary['method'] | undefined
      id?: string | undefined
    }): Promise<ServiceResult<DestinationSummary>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const development = input.development ?? false
      const url = input.url === undefined ? ok(null) : parseWebhookUrl(input.url, development)
      if (!url.ok) return url
      const sealed = await parseVerificationToken(sealer, input.token, row.value.id)
      if (!sealed.ok) return sealed
      const destination = {
        ...row.value,
        url: url.value,
        development,
        verifiedAt: null,
        method: input.method ?? 'POST',
        createdAt: clock(),
      }
      const event = createAuditEvent(deps, 'destination.created', destination.id, { development })
      const isAdded = await storage.addDestination(
        { ...destination, sealedToken: sealed.value },
        event,
      )
      return isAdded
        ? ok({ ...destination, hasToken: sealed.value !== null })
        : failConflict(`there is a destination ${destination.id} already`)
    },

    /** Another URL is another party, so the destination must be verified again. */
    async setUrl(id: string, newUrl: string): Promise<ServiceResult<DestinationSummary>> {
      const destination = await find(id)
      if (!destination.ok) return destination
      const url = parseWebhookUrl(newUrl, destination.value.development)
      if (!url.ok) return url
      const event = createAuditEvent(deps, 'destination.url_changed', id)
      await storage.setDestinationUrl(id, url.value, event)
      return ok({ ...destination.value, url: url.value, verifiedAt: null })
    },

    /** Another token is another agreement, so the destination must be verified again. */
    async setVerificationToken(
      id: string,
      token: string,
      method?: DestinationSummary['method'],
    ): Promise<ServiceResult<DestinationSummary>> {
      const destination = await find(id)
      if (!destination.ok) return destination
      const sealed = await parseVerificationToken(sealer, token, id)
      if (!sealed.ok) return sealed
      const newMethod = method ?? destination.value.method
      const event = createAuditEvent(deps, 'destination.token_changed', id)
      await storage.setVerificationToken(id, sealed.value, newMethod, event)
      return ok({ ...destination.value, verifiedAt: null, method: newMethod, hasToken: true })
    },

    verify: (id: string) => verifyDestination(deps, id),

    /** Marks the destination verified or unverified by hand, after the operator checked its owner. */
    async setVerified(id: string, verified: boolean): Promise<ServiceResult<DestinationSummary>> {
      const action = verified ? 'destination.marked_verified' : 'destination.marked_unverified'
      const event = createAuditEvent(deps, action, id)
      const isChanged = await storage.setDestinationVerified(id, verified ? event.at : null, event)
      return isChanged ? find(id) : failNotFound(`there is no destination ${id}`)
    },

    /** A message that is on its way keeps the name that the destination had when it was sent. */
    rename: (id: string, name: string) => renameResource(deps, 'destination', id, name, find),

    async delete(id: string): Promise<ServiceResult<void>> {
      const destination = await find(id)
      if (!destination.ok) return destination
      const { name } = destination.value
      const reason = `${name} has a subscription or is the destination of a stored message, so that it cannot be deleted`
      return deleteResource(deps, 'destination', id, { facts: { name }, reason })
    },

    list: (page: Page & { accountId?: string | undefined }) => storage.listDestinations(page),
    find,
  }
}

async function findDestination(
  { storage }: DestinationsDeps,
  id: string,
): Promise<ServiceResult<DestinationSummary>> {
  return requireFound(await storage.findDestination(id), 'destination', id)
}

/** Asks the destination to repeat a challenge. A failure leaves an earlier verification unchanged. */
async function verifyDestination(
  deps: DestinationsDeps,
  id: string,
): Promise<ServiceResult<Handshake>> {
  const { storage, sealer, webhookClient, random, clock } = deps
  const existing = await findDestination(deps, id)
  if (!existing.ok) return existing
  const destination = existing.value
  const { url, method } = destination
  const sealedToken = await storage.findSealedVerificationToken(id)
  const endpoint = await openWebhookEndpoint(sealer, { ...destination, sealedToken })
  const signal = new AbortController().signal
  const startedAt = clock()
  const response = await webhookClient.sendChallenge(endpoint, random.secret(), signal)
  const ms = clock() - startedAt
  const request = { method, url }
  if (url === null || !response.challenged) {
    const { outcome } = response
    const facts = { outcome, status: 'status' in response ? response.status : null }
    await storage.addEvent(createAuditEvent(deps, 'destination.not_verified', id, facts))
    return ok({ verified: false, request, response, ms, destination })
  }
  const event = createAuditEvent(deps, 'destination.verified', id)
  const isStored = await storage.verifyDestination(id, { url, sealedToken }, event.at, event)
  if (!isStored) return failConflict('the destination was changed meanwhile: verify it again')
  return ok({
    verified: true,
    request,
    response,
    ms,
    destination: { ...destination, verifiedAt: event.at },
  })
}

/** Parses a token that is sent as a header, and seals it for storage. */
async function parseVerificationToken(
  sealer: Sealer,
  token: string | undefined,
  id: string,
): Promise<ServiceResult<string | null>> {
  if (token === undefined) return ok(null)
  return /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(token)
    ? ok(await sealText(sealer, token, id))
    : failInvalid(
        'a verification token must be one line of 1 to 256 printable ASCII characters',
        'verificationToken',
      )
}

function parseWebhookUrl(text: string, development: boolean): ServiceResult<string> {
  if (!URL.canParse(text)) return failInvalid(`${JSON.stringify(text)} is not a URL`, 'url')
  const url = new URL(text)
  const schemes = development ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) {
    return failInvalid(
      'the URL must be https: only a destination that is added for development may use plain http',
      'url',
    )
  }
  if (url.username !== '' || url.password !== '') {
    return failInvalid('a URL must not carry a username or password', 'url')
  }
  return ok(url.href)
}

export type Destinations = ReturnType<typeof createDestinations>

/** Manages subscriptions: which destinations receive a source's messages, each with its queue. */
export function createSubscriptions(deps: ManagementDeps) {
  const { storage, random, clock } = deps

  const find = async (id: string): Promise<ServiceResult<SubscriptionListItem>> =>
    requireFound(await storage.findSubscriptionListItem(id), 'subscription', id)

  return {
    /** Subscribes a destination to one data model of a source, or to all if omitted. */
    async create(input: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<SubscriptionListItem>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const { sourceId, destinationId, dataModel = null } = input
      if (dataModel !== null && !isDataModel(dataModel)) {
        const modelNames = DATA_MODELS.map((entry) => entry.dataModel).join(', ')
        return failInvalid(
          `there is no data model ${JSON.stringify(dataModel)}; there are: ${modelNames}`,
          'dataModel',
        )
      }
      const source = requireFound(await storage.findSource(sourceId), 'source', sourceId)
      if (!source.ok) return source
      const destination = requireFound(
        await storage.findDestination(destinationId),
        'destination',
        destinationId,
      )
      if (!destination.ok) return destination
      const subscription: NewSubscription = {
        id: id.value,
        sourceId,
        destinationId,
        dataModel,
        status: 'active',
        createdAt: clock(),
      }
      const facts = { sourceId, destinationId, dataModel }
      const event = createAuditEvent(deps, 'subscription.created', subscription.id, facts)
      const isAdded = await storage.addSubscription(subscription, event)
      if (isAdded) return find(subscription.id)
      return failConflict(
        `this source is subscribed to that destination for that data model already${formatIdConflict(input.id, 'a subscription')}`,
      )
    },

    async setStatus(
      id: string,
      status: NewSubscription['status'],
    ): Promise<ServiceResult<SubscriptionListItem>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const event = createAuditEvent(deps, action, id)
      const isChanged = await storage.setSubscriptionStatus(id, status, event)
      return isChanged ? find(id) : failNotFound(`there is no subscription ${id}`)
    },

    /** Refused while a message is queued. It must be sent, or the queue purged, first. */
    async delete(id: string): Promise<ServiceResult<void>> {
      const subscription = await find(id)
      if (!subscription.ok) return subscription
      const { source, destination } = subscription.value
      const reason = 'messages are queued in it: let them be sent, or empty the queue first'
      return deleteResource(deps, 'subscription', id, {
        facts: { sourceId: source.id, destinationId: destination.id },
        reason,
      })
    },

    /** Removes all queued messages. They are never sent. */
    async purgeQueue(id: string): Promise<ServiceResult<SubscriptionListItem>> {
      const event = createAuditEvent(deps, 'subscription.purged', id)
      const isPurged = await storage.purgeQueue(id, event)
      return isPurged ? find(id) : failNotFound(`there is no subscription ${id}`)
    },

    /** Lists subscriptions with their names, queue and last attempt. */
    list: (page: Page & SubscriptionFilter) => storage.searchSubscriptions(page),
    find,

    /** Finds the destination of a subscription, which may be another account's. */
    findTarget: async (id: string): Promise<ServiceResult<SubscriptionTarget>> =>
      requireFound(await storage.findSubscriptionTarget(id), 'subscription', id),
  }
}

export type Subscriptions = ReturnType<typeof createSubscriptions>

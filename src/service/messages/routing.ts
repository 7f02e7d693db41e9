import { DATA_MODELS, isDataModel } from '../../domain/catalog.ts'
import { ok } from '../../domain/failure.ts'
import type { EditStorage } from '../ports/accounts.ts'
import type { Sealer } from '../ports/crypto.ts'
import type { KeySummary } from '../ports/keys.ts'
import type { ListStorage, Page, SubscriptionFilter, SubscriptionListItem } from '../ports/lists.ts'
import type { WebhookClient, WebhookResult } from '../ports/outbound.ts'
import type {
  DestinationSummary,
  QueueStorage,
  Source,
  SubscriptionQueue,
  SubscriptionSummary,
  SubscriptionTarget,
} from '../ports/routing.ts'
import type { ResourceStorage } from '../ports/storage.ts'
import {
  type ActorDeps,
  createAuditEvent,
  failConflict,
  failInvalid,
  failNotFound,
  formatIdConflict,
  parseId,
  parseName,
  parseNewRow,
  type ServiceResult,
} from '../service-result.ts'
import { openWebhookEndpoint, sealVerificationToken } from './webhook-endpoint.ts'

export interface RoutingDeps extends ActorDeps {
  readonly storage: ResourceStorage &
    QueueStorage &
    RoutingEditsDeps['storage'] &
    RoutingListsDeps['storage']
  readonly sealer: Sealer
  readonly webhookClient: WebhookClient
}

/** The handshake with a destination: what it was asked, what it answered, and what follows. */
export interface Handshake {
  readonly verified: boolean
  readonly asked: { readonly method: 'POST' | 'GET'; readonly url: string | null }
  readonly answered: WebhookResult & { readonly challenged: boolean }
  /** How long the answer took, or that there was none. */
  readonly ms: number
  readonly destination: DestinationSummary
}

/** What an operator does with sources, destinations and subscriptions. */
export function createRouting(deps: RoutingDeps) {
  const { storage, sealer, webhookClient, random, clock } = deps

  return {
    ...createRoutingEdits(deps),
    ...createRoutingLists(deps),

    async addSource(input: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<ServiceResult<Source>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const source: Source = { ...row.value, createdAt: clock() }
      const added = await storage.addSource(
        source,
        createAuditEvent(deps, 'source.created', source.id),
      )
      return added ? ok(source) : failConflict(`there is a source ${source.id} already`)
    },

    listSources: (page: Page & { accountId?: string | undefined }) => storage.listSources(page),
    async findSource(id: string): Promise<ServiceResult<Source>> {
      const source = await storage.findSource(id)
      return source === null ? failNotFound(`there is no source ${id}`) : ok(source)
    },

    /** `development` allows plain http. */
    async addDestination(input: {
      accountId: string
      name: string
      url?: string | undefined
      development?: boolean | undefined
      /** The token that was agreed on with it, and how it is verified. */
      token?: string | undefined
      method?: DestinationSummary['method'] | undefined
      id?: string | undefined
    }): Promise<ServiceResult<DestinationSummary>> {
      const row = await parseNewRow(deps, input)
      if (!row.ok) return row
      const development = input.development ?? false
      const url = input.url === undefined ? ok(null) : parseWebhookUrl(input.url, development)
      if (!url.ok) return url
      const sealed = await parseVerificationToken(input.token, row.value.id)
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
      const added = await storage.addDestination(
        { ...destination, sealedToken: sealed.value },
        event,
      )
      return added
        ? ok({ ...destination, hasToken: sealed.value !== null })
        : failConflict(`there is a destination ${destination.id} already`)
    },

    /** Another URL is another party: it is to be verified anew. */
    async setDestinationUrl(
      id: string,
      newUrl: string,
    ): Promise<ServiceResult<DestinationSummary>> {
      const destination = await storage.findDestination(id)
      if (destination === null) return failNotFound(`there is no destination ${id}`)
      const url = parseWebhookUrl(newUrl, destination.development)
      if (!url.ok) return url
      await storage.setDestinationUrl(
        id,
        url.value,
        createAuditEvent(deps, 'destination.moved', id),
      )
      return ok({ ...destination, url: url.value, verifiedAt: null })
    },

    /** Another token is another agreement: it is to be verified anew. */
    async setVerificationToken(
      id: string,
      token: string,
      method?: DestinationSummary['method'],
    ): Promise<ServiceResult<DestinationSummary>> {
      const existing = await storage.findDestination(id)
      if (existing === null) return failNotFound(`there is no destination ${id}`)
      const sealed = await parseVerificationToken(token, id)
      if (!sealed.ok) return sealed
      const newMethod = method ?? existing.method
      const event = createAuditEvent(deps, 'destination.token_changed', id)
      await storage.setVerificationToken(id, sealed.value, newMethod, event)
      return ok({ ...existing, verifiedAt: null, method: newMethod, hasToken: true })
    },

    /**
     * Asks it to repeat a challenge. One that was verified before stays so where it does not: what
     * is no longer to be believed is doubted by the operator.
     */
    async verify(id: string): Promise<ServiceResult<Handshake>> {
      const destination = await storage.findDestination(id)
      if (destination === null) return failNotFound(`there is no destination ${id}`)
      const { url, method } = destination
      const sealedToken = await storage.findSealedVerificationToken(id)
      const endpoint = await openWebhookEndpoint(sealer, { ...destination, sealedToken })
      const signal = new AbortController().signal
      const askedAt = clock()
      const answered = await webhookClient.sendChallenge(endpoint, random.secret(), signal)
      const ms = clock() - askedAt
      const asked = { method, url }
      if (url === null || !answered.challenged) {
        const { outcome } = answered
        const facts = { outcome, status: 'status' in answered ? answered.status : null }
        await storage.addEvent(createAuditEvent(deps, 'destination.not_verified', id, facts))
        return ok({ verified: false, asked, answered, ms, destination })
      }
      const event = createAuditEvent(deps, 'destination.verified', id)
      const isStored = await storage.verifyDestination(id, { url, sealedToken }, event.at, event)
      if (!isStored) return failConflict('the destination was changed meanwhile: verify it again')
      return ok({
        verified: true,
        asked,
        answered,
        ms,
        destination: { ...destination, verifiedAt: event.at },
      })
    },

    /** On the operator's word: he has made sure that it is who it says. */
    async setDestinationVerified(
      id: string,
      verified: boolean,
    ): Promise<ServiceResult<DestinationSummary>> {
      const action = verified ? 'destination.vouched_for' : 'destination.doubted'
      const event = createAuditEvent(deps, action, id)
      const changed = await storage.setDestinationVerified(id, verified ? event.at : null, event)
      const destination = changed ? await storage.findDestination(id) : null
      return destination === null ? failNotFound(`there is no destination ${id}`) : ok(destination)
    },

    listDestinations: (page: Page & { accountId?: string | undefined }) =>
      storage.listDestinations(page),
    findDestination,

    /** For one data model, or for every one where it is left out. */
    async createSubscription(input: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
      id?: string | undefined
    }): Promise<ServiceResult<SubscriptionSummary>> {
      const id = parseId(input.id, random)
      if (!id.ok) return id
      const { sourceId, destinationId, dataModel = null } = input
      if (dataModel !== null && !isDataModel(dataModel)) {
        const modelNames = DATA_MODELS.map((entry) => entry.dataModel).join(', ')
        return failInvalid(
          `there is no data model ${JSON.stringify(dataModel)}; there are: ${modelNames}`,
        )
      }
      const source = await storage.findSource(sourceId)
      if (source === null) return failNotFound(`there is no source ${sourceId}`)
      const destination = await storage.findDestination(destinationId)
      if (destination === null) return failNotFound(`there is no destination ${destinationId}`)
      const subscription: SubscriptionSummary = {
        id: id.value,
        sourceId,
        destinationId,
        dataModel,
        status: 'active',
        createdAt: clock(),
      }
      const facts = { sourceId, destinationId, dataModel }
      const event = createAuditEvent(deps, 'subscription.created', subscription.id, facts)
      const added = await storage.addSubscription(subscription, event)
      if (added) return ok(subscription)
      return failConflict(
        `this source is subscribed to that destination for that data model already${formatIdConflict(input.id, 'a subscription')}`,
      )
    },

    async setSubscriptionStatus(
      id: string,
      status: SubscriptionSummary['status'],
    ): Promise<ServiceResult<{ id: string; status: SubscriptionSummary['status'] }>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const changed = await storage.setSubscriptionStatus(
        id,
        status,
        createAuditEvent(deps, action, id),
      )
      return changed ? ok({ id, status }) : failSubscriptionNotFound(id)
    },

    async findQueue(id: string): Promise<ServiceResult<SubscriptionQueue>> {
      const queue = await storage.findQueue(id)
      return queue === null ? failSubscriptionNotFound(id) : ok(queue)
    },

    /** Nothing that is queued now is ever sent. */
    async purgeQueue(id: string): Promise<ServiceResult<SubscriptionQueue>> {
      const purged = await storage.purgeQueue(id, createAuditEvent(deps, 'subscription.purged', id))
      const queue = purged ? await storage.findQueue(id) : null
      return queue === null ? failSubscriptionNotFound(id) : ok(queue)
    },

    listSubscriptions: (
      page: Page & { sourceId?: string | undefined; accountId?: string | undefined },
    ) => storage.listSubscriptions(page),
    async findSubscription(id: string): Promise<ServiceResult<SubscriptionSummary>> {
      const subscription = await storage.findSubscription(id)
      return subscription === null ? failSubscriptionNotFound(id) : ok(subscription)
    },
    /** Where a subscription leads: to a destination of its account, or of another. */
    async findSubscriptionTarget(id: string): Promise<ServiceResult<SubscriptionTarget>> {
      const target = await storage.findSubscriptionTarget(id)
      return target === null ? failSubscriptionNotFound(id) : ok(target)
    },
  }

  async function findDestination(id: string): Promise<ServiceResult<DestinationSummary>> {
    const destination = await storage.findDestination(id)
    return destination === null ? failNotFound(`there is no destination ${id}`) : ok(destination)
  }

  /** It goes out as a header, and is kept sealed. */
  async function parseVerificationToken(
    token: string | undefined,
    id: string,
  ): Promise<ServiceResult<string | null>> {
    if (token === undefined) return ok(null)
    return /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(token)
      ? ok(await sealVerificationToken(sealer, token, id))
      : failInvalid('a verification token must be one line of 1 to 256 printable ASCII characters')
  }
}

const failSubscriptionNotFound = (id: string) => failNotFound(`there is no subscription ${id}`)

function parseWebhookUrl(text: string, development: boolean): ServiceResult<string> {
  if (!URL.canParse(text)) return failInvalid(`${JSON.stringify(text)} is not a URL`)
  const url = new URL(text)
  const schemes = development ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) {
    return failInvalid(
      'a destination is reached over https: plain http only where it is added for development',
    )
  }
  if (url.username !== '' || url.password !== '') {
    return failInvalid('a URL must not carry a username or password')
  }
  return ok(url.href)
}

export type Routing = ReturnType<typeof createRouting>

export interface RoutingEditsDeps extends ActorDeps {
  readonly storage: Pick<
    ResourceStorage & EditStorage,
    'findSource' | 'findDestination' | 'rename' | 'findSubscription' | 'deleteSubscription'
  >
}

/** Other names, and the end of what was joined. A message that is on its way has the name of its moment. */
export function createRoutingEdits(deps: RoutingEditsDeps) {
  const { storage } = deps

  return {
    async renameSource(id: string, newName: string): Promise<ServiceResult<Source>> {
      const name = parseName('the name', newName)
      if (!name.ok) return name
      const event = createAuditEvent(deps, 'source.renamed', id, { name: name.value })
      const renamed = await storage.rename('source', id, name.value, event)
      const source = renamed ? await storage.findSource(id) : null
      return source === null ? failNotFound(`there is no source ${id}`) : ok(source)
    },

    async renameDestination(
      id: string,
      newName: string,
    ): Promise<ServiceResult<DestinationSummary>> {
      const name = parseName('the name', newName)
      if (!name.ok) return name
      const event = createAuditEvent(deps, 'destination.renamed', id, { name: name.value })
      const renamed = await storage.rename('destination', id, name.value, event)
      const destination = renamed ? await storage.findDestination(id) : null
      return destination === null ? failNotFound(`there is no destination ${id}`) : ok(destination)
    },

    /** Nothing more is accepted for it. Only what has nothing queued: that is sent or emptied first. */
    async deleteSubscription(id: string): Promise<ServiceResult<void>> {
      const subscription = await storage.findSubscription(id)
      if (subscription === null) return failNotFound(`there is no subscription ${id}`)
      const { sourceId, destinationId } = subscription
      const event = createAuditEvent(deps, 'subscription.removed', id, { sourceId, destinationId })
      return (await storage.deleteSubscription(id, event))
        ? ok(undefined)
        : failConflict('messages are queued in it: let them be sent, or empty the queue first')
    },
  }
}

export interface RoutingListsDeps {
  readonly storage: Pick<
    ListStorage & ResourceStorage,
    'searchSubscriptions' | 'findSubscriptionListItem' | 'findSourceKey' | 'findSource'
  >
}

/** Routes as people look at them. */
export const createRoutingLists = ({ storage }: RoutingListsDeps) => ({
  searchSubscriptions: (page: Page & SubscriptionFilter) => storage.searchSubscriptions(page),

  async findSubscriptionListItem(id: string): Promise<ServiceResult<SubscriptionListItem>> {
    const subscription = await storage.findSubscriptionListItem(id)
    return subscription === null ? failNotFound(`there is no subscription ${id}`) : ok(subscription)
  },

  /** Null where the source has no key that is not revoked. */
  async findSourceKey(sourceId: string): Promise<ServiceResult<KeySummary | null>> {
    const source = await storage.findSource(sourceId)
    if (source === null) return failNotFound(`there is no source ${sourceId}`)
    return ok(await storage.findSourceKey(sourceId))
  },
})

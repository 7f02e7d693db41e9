import { catalogue, isDataModel } from '../domain/catalogue.ts'
import { ok } from '../domain/failure.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  readId,
  readName,
} from './operator.ts'
import type {
  DestinationSummary,
  Feed,
  FeedStorage,
  OperatorStorage,
  Page,
  Source,
  SubscriptionSummary,
} from './ports.ts'

export interface RoutesDeps extends OperatorDeps {
  readonly storage: OperatorStorage & FeedStorage
}

/** What an operator does with sources, destinations and subscriptions. */
export function createRoutes(deps: RoutesDeps) {
  const { storage, random, clock } = deps

  return {
    async addSource(wish: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<Done<Source>> {
      const head = await readHead(wish)
      if (!head.ok) return head
      const source: Source = { ...head.value, createdAt: clock() }
      const added = await storage.addSource(source, eventOf(deps, 'source.created', source.id))
      return added ? ok(source) : conflict(`there is a source ${source.id} already`)
    },

    listSources: (page: Page & { accountId?: string | undefined }) => storage.listSources(page),

    /** `development` allows plain http. */
    async addDestination(wish: {
      accountId: string
      name: string
      url?: string | undefined
      development?: boolean | undefined
      id?: string | undefined
    }): Promise<Done<DestinationSummary>> {
      const head = await readHead(wish)
      if (!head.ok) return head
      const development = wish.development ?? false
      const url = wish.url === undefined ? ok(null) : readUrl(wish.url, development)
      if (!url.ok) return url
      const destination: DestinationSummary = {
        ...head.value,
        url: url.value,
        development,
        verifiedAt: null,
        createdAt: clock(),
      }
      const event = eventOf(deps, 'destination.created', destination.id, { development })
      const added = await storage.addDestination(destination, event)
      return added ? ok(destination) : conflict(`there is a destination ${destination.id} already`)
    },

    /** Another URL is another party: it is to be verified anew. */
    async moveDestination(id: string, to: string): Promise<Done<DestinationSummary>> {
      const destination = await storage.findDestination(id)
      if (destination === null) return notFound(`there is no destination ${id}`)
      const url = readUrl(to, destination.development)
      if (!url.ok) return url
      await storage.setDestinationUrl(id, url.value, eventOf(deps, 'destination.moved', id))
      return ok({ ...destination, url: url.value, verifiedAt: null })
    },

    /** On the operator's word: he has made sure that it is who it says. */
    async setVerified(id: string, verified: boolean): Promise<Done<DestinationSummary>> {
      const action = verified ? 'destination.vouched_for' : 'destination.doubted'
      const event = eventOf(deps, action, id)
      const changed = await storage.setDestinationVerified(id, verified ? event.at : null, event)
      const destination = changed ? await storage.findDestination(id) : null
      return destination === null ? notFound(`there is no destination ${id}`) : ok(destination)
    },

    listDestinations: (page: Page & { accountId?: string | undefined }) =>
      storage.listDestinations(page),

    /** For one data model, or for every one where it is left out. */
    async subscribe(wish: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
    }): Promise<Done<SubscriptionSummary>> {
      const { sourceId, destinationId, dataModel = null } = wish
      if (dataModel !== null && !isDataModel(dataModel)) {
        const known = catalogue.map((entry) => entry.dataModel).join(', ')
        return invalid(`there is no data model ${JSON.stringify(dataModel)}; there are: ${known}`)
      }
      const source = await storage.findSource(sourceId)
      if (source === null) return notFound(`there is no source ${sourceId}`)
      const destination = await storage.findDestination(destinationId)
      if (destination === null) return notFound(`there is no destination ${destinationId}`)
      const subscription: SubscriptionSummary = {
        id: random.uuid(),
        sourceId,
        destinationId,
        dataModel,
        status: 'active',
        createdAt: clock(),
      }
      const facts = { sourceId, destinationId, dataModel }
      const event = eventOf(deps, 'subscription.created', subscription.id, facts)
      const added = await storage.addSubscription(subscription, event)
      return added
        ? ok(subscription)
        : conflict('this source is subscribed to that destination for that data model already')
    },

    async setSubscriptionStatus(
      id: string,
      status: SubscriptionSummary['status'],
    ): Promise<Done<{ id: string; status: SubscriptionSummary['status'] }>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const changed = await storage.setSubscriptionStatus(id, status, eventOf(deps, action, id))
      return changed ? ok({ id, status }) : notFound(`there is no subscription ${id}`)
    },

    async findFeed(id: string): Promise<Done<Feed>> {
      const feed = await storage.findFeed(id)
      return feed === null ? notFound(`there is no subscription ${id}`) : ok(feed)
    },

    /** Nothing that is queued now is ever sent. */
    async purge(id: string): Promise<Done<Feed>> {
      const purged = await storage.purgeFeed(id, eventOf(deps, 'subscription.purged', id))
      const feed = purged ? await storage.findFeed(id) : null
      return feed === null ? notFound(`there is no subscription ${id}`) : ok(feed)
    },

    listSubscriptions: (page: Page & { sourceId?: string | undefined }) =>
      storage.listSubscriptions(page),
  }

  async function readHead(wish: { accountId: string; name: string; id?: string | undefined }) {
    const name = readName('the name', wish.name)
    if (!name.ok) return name
    const id = readId(wish.id, random)
    if (!id.ok) return id
    const account = await storage.findAccount(wish.accountId)
    if (account === null) return notFound(`there is no account ${wish.accountId}`)
    return ok({ id: id.value, accountId: account.id, name: name.value })
  }
}

function readUrl(text: string, development: boolean): Done<string> {
  if (!URL.canParse(text)) return invalid(`${JSON.stringify(text)} is not a URL`)
  const url = new URL(text)
  const schemes = development ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) {
    return invalid(`a destination is reached over https; plain http only with --development`)
  }
  if (url.username !== '' || url.password !== '') {
    return invalid('a URL must not carry a username or password')
  }
  return ok(url.href)
}

export type Routes = ReturnType<typeof createRoutes>

import { catalogue, isDataModel } from '../domain/catalogue.ts'
import { ok } from '../domain/failure.ts'
import { addressOf, sealToken } from './destination-address.ts'
import {
  conflict,
  type Done,
  eventOf,
  invalid,
  notFound,
  type OperatorDeps,
  orThere,
  readHead,
  readId,
} from './operator.ts'
import type {
  Attempt,
  Courier,
  DestinationSummary,
  Feed,
  FeedStorage,
  OperatorStorage,
  Page,
  Receiver,
  Sealer,
  Source,
  SubscriptionSummary,
} from './ports.ts'
import { createRouteEdits, type RouteEditsDeps } from './route-edits.ts'
import { createRouteLists, type RouteListsDeps } from './route-lists.ts'

export interface RoutesDeps extends OperatorDeps {
  readonly storage: OperatorStorage &
    FeedStorage &
    RouteEditsDeps['storage'] &
    RouteListsDeps['storage']
  readonly sealer: Sealer
  readonly courier: Courier
}

/** The handshake with a destination: what it was asked, what it answered, and what follows. */
export interface Handshake {
  readonly verified: boolean
  readonly asked: { readonly method: 'POST' | 'GET'; readonly url: string | null }
  readonly answered: Attempt & { readonly challenged: boolean }
  /** How long the answer took, or that there was none. */
  readonly ms: number
  readonly destination: DestinationSummary
}

/** What an operator does with sources, destinations and subscriptions. */
export function createRoutes(deps: RoutesDeps) {
  const { storage, sealer, courier, random, clock } = deps

  return {
    ...createRouteEdits(deps),
    ...createRouteLists(deps),

    async addSource(wish: {
      accountId: string
      name: string
      id?: string | undefined
    }): Promise<Done<Source>> {
      const head = await readHead(deps, wish)
      if (!head.ok) return head
      const source: Source = { ...head.value, createdAt: clock() }
      const added = await storage.addSource(source, eventOf(deps, 'source.created', source.id))
      return added ? ok(source) : conflict(`there is a source ${source.id} already`)
    },

    listSources: (page: Page & { accountId?: string | undefined }) => storage.listSources(page),
    async findSource(id: string): Promise<Done<Source>> {
      const source = await storage.findSource(id)
      return source === null ? notFound(`there is no source ${id}`) : ok(source)
    },

    /** `development` allows plain http. */
    async addDestination(wish: {
      accountId: string
      name: string
      url?: string | undefined
      development?: boolean | undefined
      /** The token that was agreed on with it, and how it is verified. */
      token?: string | undefined
      method?: DestinationSummary['method'] | undefined
      id?: string | undefined
    }): Promise<Done<DestinationSummary>> {
      const head = await readHead(deps, wish)
      if (!head.ok) return head
      const development = wish.development ?? false
      const url = wish.url === undefined ? ok(null) : readUrl(wish.url, development)
      if (!url.ok) return url
      const sealed = await readToken(wish.token, head.value.id)
      if (!sealed.ok) return sealed
      const destination = {
        ...head.value,
        url: url.value,
        development,
        verifiedAt: null,
        method: wish.method ?? 'POST',
        createdAt: clock(),
      }
      const event = eventOf(deps, 'destination.created', destination.id, { development })
      const added = await storage.addDestination(
        { ...destination, sealedToken: sealed.value },
        event,
      )
      return added
        ? ok({ ...destination, hasToken: sealed.value !== null })
        : conflict(`there is a destination ${destination.id} already`)
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

    /** Another token is another agreement: it is to be verified anew. */
    async setToken(
      id: string,
      token: string,
      method?: DestinationSummary['method'],
    ): Promise<Done<DestinationSummary>> {
      const found = await storage.findDestination(id)
      if (found === null) return notFound(`there is no destination ${id}`)
      const sealed = await readToken(token, id)
      if (!sealed.ok) return sealed
      const how = method ?? found.method
      const event = eventOf(deps, 'destination.token_changed', id)
      await storage.setDestinationToken(id, sealed.value, how, event)
      return ok({ ...found, verifiedAt: null, method: how, hasToken: true })
    },

    /**
     * Asks it to repeat a challenge. One that was verified before stays so where it does not: what
     * is no longer to be believed is doubted by the operator.
     */
    async verify(id: string): Promise<Done<Handshake>> {
      const destination = await storage.findDestination(id)
      if (destination === null) return notFound(`there is no destination ${id}`)
      const { url, method } = destination
      const sealedToken = await storage.findSealedToken(id)
      const address = await addressOf(sealer, { ...destination, sealedToken })
      const patiently = new AbortController().signal
      const askedAt = clock()
      const answered = await courier.verify(address, random.secret(), patiently)
      const ms = clock() - askedAt
      const asked = { method, url }
      if (url === null || !answered.challenged) {
        const { outcome } = answered
        const facts = { outcome, status: 'status' in answered ? answered.status : null }
        await storage.addEvent(eventOf(deps, 'destination.not_verified', id, facts))
        return ok({ verified: false, asked, answered, ms, destination })
      }
      const event = eventOf(deps, 'destination.verified', id)
      const met = await storage.verifyDestination(id, { url, sealedToken }, event.at, event)
      if (!met) return conflict('the destination was changed meanwhile: verify it again')
      return ok({
        verified: true,
        asked,
        answered,
        ms,
        destination: { ...destination, verifiedAt: event.at },
      })
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
    findDestination,

    /** For one data model, or for every one where it is left out. */
    async subscribe(wish: {
      sourceId: string
      destinationId: string
      dataModel?: string | undefined
      id?: string | undefined
    }): Promise<Done<SubscriptionSummary>> {
      const id = readId(wish.id, random)
      if (!id.ok) return id
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
        id: id.value,
        sourceId,
        destinationId,
        dataModel,
        status: 'active',
        createdAt: clock(),
      }
      const facts = { sourceId, destinationId, dataModel }
      const event = eventOf(deps, 'subscription.created', subscription.id, facts)
      const added = await storage.addSubscription(subscription, event)
      if (added) return ok(subscription)
      return conflict(
        `this source is subscribed to that destination for that data model already${orThere(wish.id, 'a subscription')}`,
      )
    },

    async setSubscriptionStatus(
      id: string,
      status: SubscriptionSummary['status'],
    ): Promise<Done<{ id: string; status: SubscriptionSummary['status'] }>> {
      const action = status === 'active' ? 'subscription.resumed' : 'subscription.paused'
      const changed = await storage.setSubscriptionStatus(id, status, eventOf(deps, action, id))
      return changed ? ok({ id, status }) : noSubscription(id)
    },

    async findFeed(id: string): Promise<Done<Feed>> {
      const feed = await storage.findFeed(id)
      return feed === null ? noSubscription(id) : ok(feed)
    },

    /** Nothing that is queued now is ever sent. */
    async purge(id: string): Promise<Done<Feed>> {
      const purged = await storage.purgeFeed(id, eventOf(deps, 'subscription.purged', id))
      const feed = purged ? await storage.findFeed(id) : null
      return feed === null ? noSubscription(id) : ok(feed)
    },

    listSubscriptions: (
      page: Page & { sourceId?: string | undefined; accountId?: string | undefined },
    ) => storage.listSubscriptions(page),
    async findSubscription(id: string): Promise<Done<SubscriptionSummary>> {
      const subscription = await storage.findSubscription(id)
      return subscription === null ? noSubscription(id) : ok(subscription)
    },
    /** Where a subscription leads: to a destination of its account, or of another. */
    async findReceiver(id: string): Promise<Done<Receiver>> {
      const receiver = await storage.findReceiver(id)
      return receiver === null ? noSubscription(id) : ok(receiver)
    },
  }

  async function findDestination(id: string): Promise<Done<DestinationSummary>> {
    const destination = await storage.findDestination(id)
    return destination === null ? notFound(`there is no destination ${id}`) : ok(destination)
  }

  /** It goes out as a header, and is kept sealed. */
  async function readToken(token: string | undefined, id: string): Promise<Done<string | null>> {
    if (token === undefined) return ok(null)
    return /^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(token)
      ? ok(await sealToken(sealer, token, id))
      : invalid('a verification token must be one line of 1 to 256 printable ASCII characters')
  }
}

const noSubscription = (id: string) => notFound(`there is no subscription ${id}`)

function readUrl(text: string, development: boolean): Done<string> {
  if (!URL.canParse(text)) return invalid(`${JSON.stringify(text)} is not a URL`)
  const url = new URL(text)
  const schemes = development ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) {
    return invalid(
      'a destination is reached over https: plain http only where it is added for development',
    )
  }
  if (url.username !== '' || url.password !== '') {
    return invalid('a URL must not carry a username or password')
  }
  return ok(url.href)
}

export type Routes = ReturnType<typeof createRoutes>

import { ok } from '../../domain/failure.ts'
import { type Sealer, sealText } from '../ports/crypto.ts'
import type { Page } from '../ports/lists.ts'
import type { WebhookClient, WebhookResult } from '../ports/outbound.ts'
import type { DestinationSummary } from '../ports/routing.ts'
import type { ManagementDeps } from '../scope/storage.ts'
import {
  createAuditEvent,
  deleteResource,
  failConflict,
  failInvalid,
  failNotFound,
  parseNewRow,
  renameResource,
  requireFound,
  type ServiceResult,
} from '../service-result.ts'
import { openWebhookEndpoint } from './webhook-endpoint.ts'

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
    : failInvalid('a verification token must be one line of 1 to 256 printable ASCII characters')
}

function parseWebhookUrl(text: string, development: boolean): ServiceResult<string> {
  if (!URL.canParse(text)) return failInvalid(`${JSON.stringify(text)} is not a URL`)
  const url = new URL(text)
  const schemes = development ? ['https:', 'http:'] : ['https:']
  if (!schemes.includes(url.protocol)) {
    return failInvalid(
      'the URL must be https: only a destination that is added for development may use plain http',
    )
  }
  if (url.username !== '' || url.password !== '') {
    return failInvalid('a URL must not carry a username or password')
  }
  return ok(url.href)
}

export type Destinations = ReturnType<typeof createDestinations>

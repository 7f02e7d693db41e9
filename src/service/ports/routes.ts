import type { Destination } from '../../domain/route.ts'
import type { AuditEvent } from './audit.ts'
import type { Page } from './page.ts'

export interface Source {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

export interface DestinationSummary extends Omit<Destination, 'sealedToken'> {
  readonly accountId: string
  /** Of its verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly hasToken: boolean
  readonly createdAt: number
}

export type NewDestination = Omit<DestinationSummary, 'hasToken'> & {
  readonly sealedToken: string | null
}

export interface SubscriptionSummary {
  readonly id: string
  readonly sourceId: string
  readonly destinationId: string
  readonly dataModel: string | null
  readonly status: 'active' | 'paused'
  readonly createdAt: number
}

/** The destination of a subscription, as far as who sends to it may know: it may be another account's. */
export type Receiver = Pick<DestinationSummary, 'id' | 'name' | 'verifiedAt'>

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface RouteStorage {
  addSource(source: Source, event: AuditEvent): Promise<boolean>
  listSources(page: Page & { accountId?: string | undefined }): Promise<Source[]>
  findSource(id: string): Promise<Source | null>

  addDestination(destination: NewDestination, event: AuditEvent): Promise<boolean>
  /** Another address is another party: it is no longer verified. */
  setDestinationUrl(id: string, url: string, event: AuditEvent): Promise<boolean>
  setDestinationVerified(id: string, at: number | null, event: AuditEvent): Promise<boolean>
  /** It has met the challenge. Guard: it is still at this URL, and has this token. */
  verifyDestination(
    id: string,
    met: { readonly url: string; readonly sealedToken: string | null },
    at: number,
    event: AuditEvent,
  ): Promise<boolean>
  /** Another agreement: it is no longer verified. Null where there is to be no token. */
  setDestinationToken(
    id: string,
    sealedToken: string | null,
    method: DestinationSummary['method'],
    event: AuditEvent,
  ): Promise<boolean>
  /** The sealed token; null where it has none. */
  findSealedToken(id: string): Promise<string | null>
  listDestinations(page: Page & { accountId?: string | undefined }): Promise<DestinationSummary[]>
  findDestination(id: string): Promise<DestinationSummary | null>

  /** Guard: source and destination exist, and are not yet joined for that data model. */
  addSubscription(subscription: SubscriptionSummary, event: AuditEvent): Promise<boolean>
  /** Resumed, it is due at once. */
  setSubscriptionStatus(
    id: string,
    status: SubscriptionSummary['status'],
    event: AuditEvent,
  ): Promise<boolean>
  listSubscriptions(
    page: Page & { sourceId?: string | undefined; accountId?: string | undefined },
  ): Promise<SubscriptionSummary[]>
  findSubscription(id: string): Promise<SubscriptionSummary | null>
  /** Who receives what a subscription sends. */
  findReceiver(subscriptionId: string): Promise<Receiver | null>
}

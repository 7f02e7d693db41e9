import type { Checkpoint, KeptEvent, Place, SealedEvent, Statement } from '../domain/chain.ts'
import type { Outcome } from '../domain/delivery.ts'
import type { Dialect } from '../domain/dialect.ts'
import type { Result, UpstreamFailed } from '../domain/failure.ts'
import type { Access, AccountStatus, Key, KeyStatus, Party, Role } from '../domain/key.ts'
import type { Grant } from '../domain/rotation.ts'
import type { Destination, Routes } from '../domain/route.ts'
import type { RefreshToken, TokenFacts } from '../domain/token.ts'
import type { EditStorage } from './ports/edits.ts'
import type { ListStorage } from './ports/lists.ts'
import type { PeopleStorage } from './ports/people.ts'
import type { SurveyStorage } from './ports/survey.ts'
import type { TrafficStorage } from './ports/traffic.ts'

/** What a fast adapter answers at once and a remote one answers later. Await it either way. */
export type Maybe<T> = T | Promise<T>

/** Epoch milliseconds. */
export type Clock = () => number

/** Told of work that nobody waits for, so that it is done although the answer is out. */
export type KeepAlive = (work: Promise<unknown>) => void

/** Words for the operator. Never a secret, a token or a payload. */
export interface Log {
  debug(facts: object, message: string): void
  info(facts: object, message: string): void
  warn(facts: object, message: string): void
  error(facts: object, message: string): void
}

/** What is counted against a limit by several processes together. */
export interface Sharing {
  /** Tells the others that this process has counted one more of `id`, in a window that ends then. */
  tell(id: string, endsAt: number): void
  /** `take` is called with what the others have counted. */
  hear(take: (id: string, spent: number, endsAt: number) => void): void
}

/** The sharing of the limit that has this name; undefined where a process is alone. */
export type Share = (limit: string) => Sharing | undefined

export interface Random {
  /** A UUIDv7 (RFC 9562 §5.7): time-ordered, so that inserts append. */
  uuid(): string
  /** A safe integer, larger than every one before it in this process: ids for clients that want numbers. */
  serial(): number
  /** A UUIDv4: an id that is stored nowhere. */
  requestId(): string
  /** 256 random bits as text that survives a shell, a URL and a header, with a checksum. */
  secret(): string
  /** 16 characters of A–Z and 0–9: 82 bits, for formats that leave no more room. */
  code(): string
  /** 128 random bits, base64url. */
  salt(): string
}

export interface SecretHasher {
  /** argon2id, PHC string. */
  hash(secret: string): Promise<Result<string>>
  /**
   * Whether the secret matches one of the hashes. A no always costs the same work, however many
   * hashes there are (none, for a key that does not exist). Only questions of one `asker` (who asks
   * about which key) share their work. `busy` when too many wait already. `mayStill` is asked when the
   * work's turn has come: its failure is the answer, for no work.
   */
  verify(
    secret: string,
    hashes: readonly string[],
    asker: string,
    mayStill?: () => Result<void>,
  ): Promise<Result<boolean>>
  /** Whether an earlier verify has proven just this, known without the work. */
  isProven(secret: string, hashes: readonly string[]): boolean
}

/** Keeps what is presented at every request: secrets of so many random bits need no slow hash. */
export interface SecretDigester {
  /** What is kept of a secret. */
  digest(secret: string): string
  /** What may have been kept of it, under each key of the ring: the current one first. */
  candidates(secret: string): readonly string[]
  /** Whether one of the digests is of this secret, in constant time. */
  matches(secret: string, digests: readonly string[]): boolean
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
}

export interface TokenMinter {
  /** The same facts give the same bytes. */
  mint(facts: TokenFacts, tokenSalt: string): Maybe<Tokens>
  /** Whether we made this access token, for us. Says nothing of its expiry: time is the caller's. */
  proveAccess(accessToken: string): Maybe<Result<TokenFacts>>
  /** Whether we made this refresh token, for the key that has this salt. */
  proveRefresh(refreshToken: string, tokenSalt: string): Result<RefreshToken>
  /** A salt to spend the same work with where there is no key. */
  readonly decoySalt: string
}

/** Keeps what must be read again. `context` (a row id) must be the same when it is opened. */
export interface Sealer {
  seal(plain: Uint8Array, context: string): Maybe<string>
  /** Throws where it was tampered with or its key is not in the key ring. */
  open(sealed: string, context: string): Maybe<Uint8Array>
}

/** What came of one attempt to reach a destination. */
export type Attempt =
  | { readonly outcome: 'delivered'; readonly status: number }
  /** It answered, but not 2xx. `excerpt`: the first 200 characters of its answer. */
  | { readonly outcome: 'refused'; readonly status: number; readonly excerpt: string }
  /** No answer: nobody knows whether it arrived. */
  | { readonly outcome: 'failed'; readonly detail: string }
  /** Not tried: the address is not allowed, or there is no URL. */
  | { readonly outcome: 'forbidden'; readonly detail: string }

/** Carries messages to destinations. */
export interface Courier {
  /** An asynchronous message; only a 2xx is a delivery. */
  deliver(destination: DestinationAddress, body: string, signal: AbortSignal): Promise<Attempt>
  /** A synchronous one: the answer's body, or why there is none. */
  ask(destination: DestinationAddress, body: string, signal: AbortSignal): Promise<Result<string>>
  /** The handshake: true when the answer is 2xx and holds the challenge. */
  verify(
    destination: DestinationAddress,
    challenge: string,
    signal: AbortSignal,
  ): Promise<Attempt & { readonly challenged: boolean }>
}

export interface DestinationAddress {
  readonly id: string
  readonly url: string | null
  /** Of the verification handshake. */
  readonly method: 'POST' | 'GET'
  readonly development: boolean
  /** Opened; null where it has none. */
  readonly verificationToken: string | null
}

/** One request on its way to a destination. */
export interface Errand {
  readonly method: 'POST' | 'GET'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  /** Whether plain http is good enough. */
  readonly development: boolean
  /** No more of the answer is read. */
  readonly limitBytes: number
  readonly signal: AbortSignal
}

/** What a destination has answered. */
export interface Answered {
  readonly status: number
  readonly body: Uint8Array
  /** False where there was more than may be read, or it broke off. */
  readonly whole: boolean
}

/** Why there is no answer. The detail is for the operator, and holds nothing of what was sent. */
export type Unanswered =
  /** Nothing was sent: it may not be reached. */
  | { readonly reason: 'forbidden'; readonly detail: string }
  /** Nobody knows whether it arrived. */
  | { readonly reason: 'unanswered'; readonly detail: string }

/**
 * Runs one errand to an address that domain/reach.ts lets it: judged at every errand, and after
 * names are resolved where the runtime resolves them. No redirect is followed.
 */
export type Dispatch = (errand: Errand) => Promise<Result<Answered, Unanswered>>

/** One request on its way to an upstream: its headers are those that the upstream is to see. */
export interface Outward {
  readonly method: string
  readonly url: URL
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  /** Aborted when the caller is gone: then nothing of the request may go on. */
  readonly signal: AbortSignal
  /** Told once the answer has begun and will not be whole. */
  readonly brokeOff: (failure: UpstreamFailed) => void
}

/** What an upstream has answered, as it stood on the wire. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  /** Errors where the upstream breaks off; null where the method or the status has none. */
  readonly body: ReadableStream<Uint8Array> | null
}

/**
 * Carries one request to an upstream and its answer back: both bodies as they come, at the pace of
 * who reads them, no content coding undone, no redirect followed. Fails with `upstream_unreachable`
 * or `upstream_timed_out`.
 */
export type Carry = (outward: Outward) => Promise<Result<Answer, UpstreamFailed>>

/** Seals the events of the audit, and signs how far they go, with the audit key of the key ring. */
export interface Notary {
  /** The seal of an event that gets this number, after the event with the seal `previous`. */
  seal(previous: string, event: KeptEvent, sequence: number): string
  /** Whether the event is, to the byte, the one that was sealed after `previous`. */
  hasSealed(previous: string, event: SealedEvent): boolean
  sign(statement: Statement): Promise<Checkpoint>
  hasSigned(checkpoint: Checkpoint): Promise<boolean>
}

export type Facts = Readonly<Record<string, string | number | boolean | null>>

/** Who did what to whom, for the audit. */
export interface AuditEvent {
  readonly id: string
  readonly at: number
  /** `operator`, or the key id that acted. */
  readonly actor: string
  /** `key.revoked`, `grant.reused`, … */
  readonly action: string
  /** Row id of what it happened to. */
  readonly subject: string
  readonly facts: Facts
  /** The request that it comes of; null where an operator acted. */
  readonly requestId: string | null
}

/** An event as it is told. */
export interface RecordedEvent extends AuditEvent {
  /** Whose the subject was when it was written; null where it was nobody's. No part of the seal. */
  readonly accountId: string | null
}

// ── What is kept ────────────────────────────────────────────────────────────────────────────────

export interface Account {
  readonly id: string
  readonly name: string
  readonly region: string
  readonly status: AccountStatus
  readonly createdAt: number
  /** What becomes of the keys of an owner who leaves. They are flagged either way. */
  readonly departedKeys: 'keep' | 'disable'
  /** Whether its keys may be used from the listed addresses only. An empty list enforces nothing. */
  readonly addressesEnforced: boolean
}

/** An address or CIDR from which an account's keys may be used. */
export interface AddressRule {
  readonly id: string
  readonly accountId: string
  readonly network: string
  readonly note: string
  readonly createdAt: number
}

export interface Site {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

export interface User {
  readonly id: string
  readonly accountId: string
  readonly email: string
  readonly role: Role
  readonly createdAt: number
  /** One in the whole server; null for who has none. */
  readonly username: string | null
  readonly leftAt: number | null
}

/** Who writes programs that offices take into use. */
export interface Developer {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly developerKey: string
  readonly createdAt: number
}

export interface Source {
  readonly id: string
  readonly accountId: string
  readonly name: string
  readonly createdAt: number
}

/** A key as the operator sees it: nothing of it is secret. */
export interface KeySummary {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly dialect: Dialect
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly publicId: string
  readonly status: KeyStatus
  readonly disabledBy: Party | null
  readonly access: Access
  readonly createdAt: number
  readonly assignedAt: number | null
  readonly expiresAt: number | null
  readonly disabledAt: number | null
  readonly revokedAt: number | null
  readonly secretReplacedAt: number | null
  readonly previousSecretEndsAt: number | null
  readonly lastUsedAt: number | null
  /** Its last change: who edits it says which version he has seen. */
  readonly eventId: string
}

export interface NewKey {
  readonly id: string
  readonly accountId: string
  readonly ownerId: string
  readonly dialect: Dialect
  readonly sourceId: string | null
  readonly siteId: string | null
  readonly developerId: string | null
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly publicId: string
  readonly access: Access
  readonly secretHash: string
  readonly sealedSecret: string | null
  readonly tokenSalt: string
  readonly createdAt: number
  readonly expiresAt: number | null
}

/** What people may change of a key. */
export interface KeyEdit {
  readonly name: string
  readonly description: string
  readonly reference: string
  readonly ownerId: string
  readonly access: Access
  readonly expiresAt: number | null
}

/** A key and what is sealed of it; null where its dialect shows a secret once. */
export interface SealedKey {
  readonly key: KeySummary
  readonly sealedSecret: string | null
}

/** What one party may set of a key in one go. */
export interface KeyAmendment {
  /** By whom and since when it is disabled; null for enabled. */
  readonly disabled: { readonly by: Party; readonly at: number } | null
  readonly reference: string
}

/** Which keys of a list: those that are all of this. */
export interface KeyFilter {
  readonly accountId?: string | undefined
  readonly ownerId?: string | undefined
  readonly developerId?: string | undefined
  readonly dialect?: Dialect | undefined
  readonly status?: KeyStatus | undefined
}

/** So many uses of a key, the last of them then. */
export interface KeyUse {
  readonly keyId: string
  /** Days since 1970, UTC. */
  readonly day: number
  readonly uses: number
  readonly lastAt: number
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

export interface NewMessage {
  readonly id: string
  readonly serial: number
  readonly keyId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly sealedPayload: string
  readonly receivedAt: number
  readonly deliveries: readonly NewDelivery[]
}

export interface NewDelivery {
  readonly id: string
  readonly subscriptionId: string
  readonly destinationId: string
  readonly attemptId: string
}

export interface MessageSummary {
  readonly id: string
  readonly serial: number
  readonly accountId: string
  readonly sourceId: string
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly deliveries: readonly DeliverySummary[]
}

export interface DeliverySummary {
  readonly id: string
  /** The feed that it goes by. */
  readonly subscriptionId: string
  readonly destinationId: string
  readonly destinationName: string
  readonly status: 'queued' | 'delivered' | 'skipped'
  /** How often it was tried. */
  readonly attempts: number
  /** Since when it is not queued any more. */
  readonly settledAt: number | null
}

/** Which messages of a list: those that are all of this; what is said of a delivery, of one and the same. */
export interface MessageFilter {
  readonly accountId?: string | undefined
  readonly sourceId?: string | undefined
  readonly destinationId?: string | undefined
  readonly subscriptionId?: string | undefined
  readonly status?: DeliverySummary['status'] | undefined
  readonly test?: boolean | undefined
}

/** What came of one attempt, as it is kept. */
export interface KeptAttempt {
  readonly at: number
  readonly ms: number
  readonly outcome: Outcome
  /** Null where there was no answer. */
  readonly httpStatus: number | null
  /** Why it was in vain; empty where it was not. */
  readonly detail: string
}

export interface AttemptSummary extends KeptAttempt {
  readonly destinationId: string
  /** From 1, for each destination, whether or not the first ones are kept. */
  readonly number: number
}

/** A feed is leased by one process, until then; whoever holds it renews it as long as it works. */
export interface Lease {
  readonly feedId: string
  readonly by: string
  readonly until: number
}

/** How a feed is doing. */
export interface Feed {
  readonly id: string
  readonly status: SubscriptionSummary['status']
  readonly queued: number
  /** How often its first message was tried in vain, since it last got on. */
  readonly attempts: number
  readonly dueAt: number
  readonly leasedBy: string | null
  readonly leasedUntil: number | null
}

/** A feed, and where its messages go. */
export interface FeedRef {
  readonly id: string
  readonly destinationId: string
}

/** What a feed has to send next. */
export interface Head {
  readonly messageId: string
  /** Which of the message's deliveries it is. */
  readonly position: number
  /** How often it was tried in vain, since the feed last got on. */
  readonly failures: number
  readonly serial: number
  readonly dataModel: string
  readonly eventType: string
  readonly test: boolean
  readonly receivedAt: number
  readonly sealedPayload: string
  readonly source: { readonly id: string; readonly name: string }
  readonly destination: {
    readonly id: string
    readonly url: string | null
    readonly development: boolean
    readonly sealedToken: string | null
    readonly method: 'POST' | 'GET'
  }
  /** All destinations of the message, in its order. */
  readonly hops: readonly {
    readonly logId: string
    readonly attemptId: string
    readonly destinationId: string
    readonly destinationName: string
  }[]
}

/** Which delivery was tried, in whose lease. */
export interface Tried {
  readonly feedId: string
  readonly by: string
  readonly messageId: string
  readonly position: number
  readonly attempt: KeptAttempt
}

/**
 * A page of a list: the rows after `after` (a row's id), `limit` at most. Messages and events come
 * newest first, everything else oldest first.
 */
export interface Page {
  readonly after?: string | undefined
  readonly limit: number
}

// ── Storage: one verb a fact. Every write is on disk when its promise resolves, and says what happened ──

/** What is read at every request. */
export interface AuthorityStorage {
  /** Bumped by every change of who may do what: what was read under the same version still holds. */
  authorityVersion(): Maybe<number>
  findKey(publicId: string): Maybe<Key | null>
  /** The key of a secret that is presented at every request, now or before its rotation. */
  findKeyBySecret(digest: string): Maybe<Key | null>
  findRoutes(keyId: string): Maybe<Routes | null>
}

export interface GrantStorage {
  findGrant(id: string): Maybe<Grant | null>
  /**
   * Moves the grant from at most `to - 1` to `to`, or makes its row. False when somebody else was
   * there first, or the grant is revoked.
   */
  rotateGrant(rotation: {
    grantId: string
    keyId: string
    to: number
    rotatedAt: number
    expiresAt: number
  }): Promise<boolean>
  /** False when that generation is no longer current, or was acknowledged before. */
  acknowledgeGrant(grantId: string, generation: number, at: number): Promise<boolean>
  /** False when it was revoked before: then nothing is written, the event neither. */
  revokeGrant(grantId: string, at: number, event: AuditEvent): Promise<boolean>
  /** Deletes the rows that no living token needs; answers how many. */
  purgeGrants(now: number): Promise<number>
}

export interface MessageStorage {
  /** The message and all its deliveries, or nothing; with the event where a person sends it. */
  addMessage(message: NewMessage, event?: AuditEvent): Promise<void>
  listMessages(page: Page & MessageFilter): Promise<MessageSummary[]>
  findMessage(id: string): Promise<MessageSummary | null>
  /** The sealed payload; null when there is no such message, or it was erased. */
  findPayload(messageId: string): Promise<string | null>
  /** The last attempts, the newest first. */
  listAttempts(messageId: string, limit: number): Promise<AttemptSummary[]>
}

/** Messages on their way out. A feed is a subscription; what it has queued goes in the order in which it came. */
export interface FeedStorage {
  /** Feeds that could be leased now: the longest due first, and so many of one destination. */
  listDueFeeds(now: number, most: { all: number; ofOne: number }): Promise<FeedRef[]>
  /**
   * Guard: it is active and due, something is queued, and nobody's lease lives. Of many that ask at
   * once, one gets it.
   */
  leaseFeed(lease: Lease, now: number): Promise<boolean>
  /**
   * When what is queued in the feed may be tried: now, or later where it waits. Null where nothing is
   * queued, the feed is paused, or somebody's lease lives.
   */
  findDueAt(feedId: string, now: number): Maybe<number | null>
  /** All leases of one process; answers how many it still had. */
  renewLeases(by: string, until: number): Promise<number>
  /** Guard: it is leased by this process. */
  releaseFeed(id: string, by: string): Promise<boolean>
  /** Null where nothing is queued, the feed is paused, or leased by somebody else. */
  findHead(feedId: string, by: string): Promise<Head | null>
  /**
   * The next one is due. Guard: the lease is still this process's, and the delivery is queued. With
   * `erase`, the payload goes when no other destination waits for it.
   */
  settleDelivered(tried: Tried, erase: boolean): Promise<boolean>
  /**
   * The feed waits, leased by nobody; of the delivery's attempts the newest are kept. Guard: as above; where only the delivery is queued no more, the
   * lease stays.
   */
  settleFailed(tried: Tried, dueAt: number): Promise<boolean>

  findFeed(id: string): Promise<Feed | null>
  /**
   * Queues again, at the end, what is queued no more of the message: for one destination, or for all
   * (null). Answers how many. Guard: the payload is there.
   */
  replayMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes what is queued of the message off the feed of one destination, or of all. Answers how many. */
  skipMessage(messageId: string, destinationId: string | null, event: AuditEvent): Promise<number>
  /** Takes everything off the feed. False where there is no such feed. */
  purgeFeed(id: string, event: AuditEvent): Promise<boolean>
  /** Of messages of which nothing is queued, nor was until then. Answers how many. */
  erasePayloads(settledUntil: number, now: number): Promise<number>
}

/** Each change and its audit event are one atomic list. False: the change's own guard did not hold. */
export interface OperatorStorage {
  addAccount(account: Account, event: AuditEvent): Promise<boolean>
  /** Guard: whom it shuts out, somebody else can still sign in as operator, or nobody could before. */
  setAccountStatus(id: string, status: AccountStatus, event: AuditEvent): Promise<boolean>
  setDepartedKeys(
    id: string,
    departedKeys: Account['departedKeys'],
    event: AuditEvent,
  ): Promise<boolean>
  setAddressesEnforced(id: string, enforced: boolean, event: AuditEvent): Promise<boolean>
  listAccounts(page: Page): Promise<Account[]>
  findAccount(id: string): Promise<Account | null>

  /** Guard: the account has no rule for that network. */
  addAddressRule(rule: AddressRule, event: AuditEvent): Promise<boolean>
  removeAddressRule(id: string, event: AuditEvent): Promise<boolean>
  listAddressRules(accountId: string): Promise<AddressRule[]>

  addSite(site: Site, event: AuditEvent): Promise<boolean>
  listSites(page: Page & { accountId?: string | undefined }): Promise<Site[]>
  findSite(id: string): Promise<Site | null>

  /** Guard: the account has no such e-mail address, the server no such username. */
  addUser(user: User, event: AuditEvent): Promise<boolean>
  /**
   * Ends his invitations. Guard: he is not the last operator who can sign in, or stays operator; his
   * role is `was` still.
   */
  setUserRole(id: string, role: Role, event: AuditEvent, was?: Role): Promise<boolean>
  /**
   * The owner has left. Where his account wants it, his keys that are enabled are disabled with him.
   * Guard: he has not left before, and is not the last operator who can sign in; his role is `was` still.
   */
  setUserLeft(id: string, at: number, event: AuditEvent, was?: Role): Promise<boolean>
  listUsers(page: Page & { accountId?: string | undefined }): Promise<User[]>
  findUser(id: string): Promise<User | null>

  addDeveloper(developer: Developer, event: AuditEvent): Promise<boolean>
  listDevelopers(page: Page & { accountId?: string | undefined }): Promise<Developer[]>
  findDeveloper(id: string): Promise<Developer | null>

  addSource(source: Source, event: AuditEvent): Promise<boolean>
  listSources(page: Page & { accountId?: string | undefined }): Promise<Source[]>
  findSource(id: string): Promise<Source | null>

  /**
   * Guard: owner, and source, site or developer, are the account's; the source has no other living
   * key; the owner may hold keys and has not left; nobody has the public id or the secret.
   */
  addKey(key: NewKey, event: AuditEvent): Promise<boolean>
  /** Guard: it is disabled, and by this party. */
  enableKey(id: string, by: Party, event: AuditEvent): Promise<boolean>
  /** Guard: it is enabled. In force at once. */
  disableKey(id: string, by: Party, event: AuditEvent): Promise<boolean>
  /** Guard: it is not revoked. In force at once, and for ever. */
  revokeKey(id: string, event: AuditEvent): Promise<boolean>
  /** Guard: `seen` is still the key's last change; it is not revoked; the owner is of its account and may hold keys. */
  editKey(id: string, edit: KeyEdit, seen: string, event: AuditEvent): Promise<boolean>
  /** All of it or nothing. Guard: `seen` is still the key's last change; it is not revoked. */
  amendKey(id: string, to: KeyAmendment, seen: string, event: AuditEvent): Promise<boolean>
  /** Guard: it is not revoked. Null takes it back. */
  assignKey(
    id: string,
    to: { siteId: string; at: number } | null,
    event: AuditEvent,
  ): Promise<boolean>
  /** Its row is gone; the event stays. */
  removeKey(id: string, event: AuditEvent): Promise<boolean>
  /**
   * Guard: the key is not revoked, nobody else has the secret, and `seen`, where it is given, is still
   * the key's last change. Without an overlap the old secret
   * ends now and so do all tokens (new salt, next epoch); with one, both secrets work until then and
   * tokens live on.
   */
  replaceSecret(
    id: string,
    secret: {
      hash: string
      sealed: string | null
      overlapEndsAt: number | null
      tokenSalt: string
      seen?: string | undefined
    },
    event: AuditEvent,
  ): Promise<boolean>
  listKeys(page: Page & KeyFilter): Promise<KeySummary[]>
  /** The same list, each key with its sealed secret. */
  listSealedKeys(page: Page & KeyFilter): Promise<SealedKey[]>
  /** By row id or by public id. */
  findKeySummary(idOrPublicId: string): Promise<KeySummary | null>
  /** The sealed secret by the key's row id; null where it has none. */
  findSealedSecret(id: string): Promise<string | null>
  /** Adds to what was counted, and never sets the last use back. Not a change of who may do what. */
  addKeyUses(uses: readonly KeyUse[]): Promise<void>
  /** Uses a day, the oldest first, from this day on. */
  listKeyUses(keyId: string, fromDay: number): Promise<{ day: number; uses: number }[]>

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

  addEvent(event: AuditEvent): Promise<void>
  listEvents(page: Page & EventFilter): Promise<RecordedEvent[]>
}

/** What is asked for by no value is not asked for. */
export interface EventFilter {
  /** Of this account's subjects: those of nobody are no account's. */
  readonly accountId?: string | undefined
  readonly subject?: string | undefined
  readonly actor?: string | undefined
  readonly action?: string | undefined
  /** `key.` for everything that happens to keys. */
  readonly actionPrefix?: string | undefined
  /** From this moment on. */
  readonly since?: number | undefined
  /** Before this moment. */
  readonly until?: number | undefined
}

/** The events that come of requests, and the chain that all events become. */
export interface AuditStorage {
  /** All or none; those that are there already stay as they are. */
  addEvents(events: readonly AuditEvent[]): Promise<void>
  /** Oldest first. */
  listEventsOfRequest(requestId: string): Promise<RecordedEvent[]>

  /** How far the chain goes. */
  chainEnd(): Promise<Place>
  /** The oldest events that have no seal. */
  listUnsealed(limit: number): Promise<KeptEvent[]>
  /**
   * Gives events (by id) their places, the last of which is the chain's new end. False, and nothing
   * is written, where the chain does not end at `end` any more: somebody else was first.
   */
  sealEvents(end: Place, places: readonly (Place & { readonly id: string })[]): Promise<boolean>
  /** By number, after this one. */
  listSealed(after: number, limit: number): Promise<SealedEvent[]>

  /**
   * Replaces those between `since` and this one, so that they do not pile up: never the one that
   * stands for what was purged.
   */
  addCheckpoint(checkpoint: Checkpoint, since: number): Promise<void>
  /** By number, then by `first`. */
  listCheckpoints(
    after: Pick<Checkpoint, 'sequence' | 'first'>,
    limit: number,
  ): Promise<Checkpoint[]>
  /** That of the highest number; null where there is none. */
  lastCheckpoint(): Promise<Checkpoint | null>
  /** The one that says that the chain begins last. */
  beginningCheckpoint(): Promise<Checkpoint | null>
  /** Adds the checkpoint, and deletes all before its `first` but the checkpoint of what went. */
  purgeEvents(checkpoint: Checkpoint): Promise<number>
}

/**
 * Thrown by every verb while the database cannot be reached or takes no write: a broken machine, not
 * a bug. Callers are told to come back.
 */
export class Unavailable extends Error {
  override name = 'Unavailable'
}

export interface Storage
  extends AuthorityStorage,
    GrantStorage,
    MessageStorage,
    FeedStorage,
    OperatorStorage,
    AuditStorage,
    PeopleStorage,
    TrafficStorage,
    ListStorage,
    EditStorage,
    SurveyStorage {
  /** Writes and reads; throws where the database does not answer or the disk takes no write. */
  probe(): Promise<void>
  close(): Promise<void>
}
